"""Protocols: named sets of splits, disjoint in images and patients."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from venule.data.case import Case, Dataset
from venule.errors import DatasetError

Splits = Mapping[str, tuple[str, ...]]
"""The ids of the images of each split."""

Role = Literal["train", "val", "test", "other"]
"""Roles of a split's images: training, model selection, testing, or none of these."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A named way to split a data set.

    A split's role is given by the prefix of its name. `unlabelled` splits are used without
    annotations. Where the ids are read from the files present, `sizes` gives the number of images
    of each split in the complete release.
    """

    name: str
    source: str
    splits: Splits
    unlabelled: frozenset[str] = field(default_factory=frozenset)
    sizes: Mapping[str, int] = field(default_factory=dict)


Protocols = tuple[Protocol, ...] | Callable[[Dataset], tuple[Protocol, ...]]
"""The protocols of a data set, listed or derived from its files; the first is the default."""


def role_of(split: str) -> Role:
    """The role of a split's images, by its name."""
    name = split.lower()
    roles: tuple[Role, ...] = ("train", "val", "test")
    return next((role for role in roles if name.startswith(role)), "other")


def two_digits(values: Iterable[int]) -> tuple[str, ...]:
    """Two-digit ids."""
    return tuple(f"{value:02d}" for value in values)


def folds(cases: Sequence[Case], count: int) -> Splits:
    """`train-1`, `val-1`, ...: each person's images are held out in one of `count` folds.

    Persons are assigned to folds in turn, in the order of their first image.
    """
    people = list(dict.fromkeys(case.person for case in cases))
    fold_of = {person: number % count + 1 for number, person in enumerate(people)}
    splits: dict[str, tuple[str, ...]] = {}
    for fold in range(1, count + 1):
        held = [case.id for case in cases if fold_of[case.person] == fold]
        rest = [case.id for case in cases if fold_of[case.person] != fold]
        splits |= {f"train-{fold}": tuple(rest), f"val-{fold}": tuple(held)}
    return splits


_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Splits by common names of folders or in CSV files, ignoring case; other names are kept."""


def as_filed(dataset: Dataset) -> tuple[Protocol, ...]:
    """The splits given by the folders or the CSV file themselves; `all` if they give none."""
    splits: dict[str, tuple[str, ...]] = {}
    patients: dict[str, str] = {}
    for case in dataset.cases:
        given = case.split or "all"
        split = _SPLIT_NAMES.get(given.lower(), given)
        splits[split] = (*splits.get(split, ()), case.id)
        other = patients.setdefault(case.person, split)
        if other != split:
            raise DatasetError(
                f"{dataset.root}: patient {case.patient} is in {other} and in {split}; keep "
                f"all images of a patient in one split"
            )
    name = "deeplab" if dataset.name == "deeplab-folders" else dataset.name
    source = f"as filed in {dataset.root.resolve().name}"
    return (Protocol(name=name, source=source, splits=splits),)
