"""Which images a result was trained, selected and tested on: every split, by name, with its source.

A protocol is a named set of splits that no image, and no patient, is in two of. Every data set has
the protocol `all` with the one split `all` besides its own.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from venule.data import fives, folders, hrf, stare, table
from venule.data.case import Case, Dataset
from venule.data.catalog import find_layout
from venule.errors import DatasetError, UsageError

Splits = Mapping[str, tuple[str, ...]]
"""The ids of the images of each split."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A named way to split a data set.

    `unlabelled` splits are used without their annotations. Where the ids are read from the files
    that are there, `sizes` says how many images the whole release has in a split.
    """

    name: str
    source: str
    splits: Splits
    unlabelled: frozenset[str] = field(default_factory=frozenset)
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """The images of one split of one protocol, and who defined it."""

    dataset: str
    protocol: str
    split: str
    source: str
    cases: tuple[Case, ...]


def _numbers(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"{number:02d}" for number in numbers)


# DRIVE: 21-40 training, 01-20 test, as released. It has no patient information.
_DRIVE_TRAINING = range(21, 41)
_DRIVE_TEST = _numbers(range(1, 21))
_DRIVE_VAL = (24, 28, 33, 38)
_DRIVE_16_4: Splits = {
    "train": _numbers(n for n in _DRIVE_TRAINING if n not in _DRIVE_VAL),
    "val": _numbers(_DRIVE_VAL),
    "test": _DRIVE_TEST,
}


def _drive_folds() -> Splits:
    """Five folds of 4 over 21-40: fold i validates on 20 + i, 25 + i, 30 + i and 35 + i."""
    splits: dict[str, tuple[str, ...]] = {}
    for fold in range(1, 6):
        held_out = range(20 + fold, 41, 5)
        splits[f"train-{fold}"] = _numbers(n for n in _DRIVE_TRAINING if n not in held_out)
        splits[f"val-{fold}"] = _numbers(held_out)
    return splits | {"test": _DRIVE_TEST}


DRIVE = (
    Protocol(
        name="official",
        source="Staal et al. 2004: training 21-40, test 01-20; val is ours, fixed before training",
        splits=_DRIVE_16_4,
    ),
    Protocol(
        name="cv5",
        source="five folds of 4 over the official training images 21-40, ours; test 01-20",
        splits=_drive_folds(),
    ),
    Protocol(
        name="whole",
        source="Staal et al. 2004: training 21-40, all of them, test 01-20; no image validates, "
        "for a schedule that cv5 has fixed",
        splits={"train": _numbers(_DRIVE_TRAINING), "test": _DRIVE_TEST},
    ),
    Protocol(
        name="ddrnet",
        source="AghdamAmir's DDRNet vessel segmentation: test images 01-10 select, 11-20 test",
        splits={
            "train": _numbers(_DRIVE_TRAINING),
            "val": _numbers(range(1, 11)),
            "test": _numbers(range(11, 21)),
            "testval": _DRIVE_TEST,
        },
    ),
    Protocol(
        name="deeplab",
        source="Manshi3's DeepLabV3 (DebuggerCafe): 16/4 inside 21-40; the published list is "
        "unknown, so val is that of `official`; test images without truth",
        splits=_DRIVE_16_4,
        unlabelled=frozenset({"test"}),
    ),
)

# CHASE_DB1 has no official split. The commonest: the first 20 of the 28 train, 11L-14R test.
# Both eyes of a child stay together, in val as well: children 05 and 10.
_CHASE_VAL = ("05", "10")


def _eyes(children: Iterable[str]) -> tuple[str, ...]:
    return tuple(child + eye for child in children for eye in "LR")


CHASE = (
    Protocol(
        name="first20",
        source="no official split; the commonest: 01L-10R train, 11L-14R test; val is both eyes "
        "of children 05 and 10, ours",
        splits={
            "train": _eyes(child for child in _numbers(range(1, 11)) if child not in _CHASE_VAL),
            "val": _eyes(_CHASE_VAL),
            "test": _eyes(_numbers(range(11, 15))),
        },
    ),
)


def _every_group(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"{number}_{group}" for number in _numbers(numbers) for group in hrf.GROUPS)


_UNLICENSED_HRF = ("11_h", "12_h", "13_h")

# HRF has no official split.
HRF = (
    Protocol(
        name="orlando",
        source="Orlando et al. 2017: 01-05 of each group train, 06-15 test; val is 05, ours",
        splits={
            "train": _every_group(range(1, 5)),
            "val": _every_group([5]),
            "test": _every_group(range(6, 16)),
        },
    ),
    Protocol(
        name="open",
        source="every image but 11_h, 12_h and 13_h, whose labels were reconstructed from a set "
        "without a licence; nothing is held out",
        splits={
            "train": tuple(id for id in _every_group(range(1, 16)) if id not in _UNLICENSED_HRF),
            "unused": _UNLICENSED_HRF,
        },
    ),
)


def _leave_one_out(ids: tuple[str, ...], *, held_out: int) -> Splits:
    """For every image: test on it, validate on the `held_out` next in the list, train on the rest.

    The list is taken as a ring, so that the first follows the last.
    """
    splits: dict[str, tuple[str, ...]] = {}
    for place, id in enumerate(ids):
        rest = ids[place + 1 :] + ids[:place]
        splits |= {
            f"train-{id}": rest[held_out:],
            f"val-{id}": rest[:held_out],
            f"test-{id}": (id,),
        }
    return splits


STARE = (
    Protocol(
        name="loo",
        source="no official split; leave one out over the 20 labelled images, as Soares et al. "
        "2006 and others; val-ID is the 3 images after ID, ours",
        splits=_leave_one_out(stare.IMAGES, held_out=3),
    ),
)


def _fives(dataset: Dataset) -> tuple[Protocol, ...]:
    """The official parts; a tenth of the training part, every number that ends in 0, is val."""
    training = [case for case in dataset.cases if case.split == "train"]
    official = Protocol(
        name="official",
        source="Jin et al. 2022: 600 train, 200 test; val is the 60 training images whose number "
        "ends in 0, ours (the release does not say which images are of one patient)",
        splits={
            "train": tuple(r.id for r in training if fives.number_of(r) % 10),
            "val": tuple(r.id for r in training if not fives.number_of(r) % 10),
            "test": tuple(r.id for r in dataset.cases if r.split == "test"),
        },
        sizes={"train": 540, "val": 60, "test": 200},
    )
    return (official,)


_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What split a folder or a CSV file means, in any case; other names are taken as they are."""


def _as_filed(dataset: Dataset) -> tuple[Protocol, ...]:
    """The splits that the folders or the CSV file themselves name; `all` where they name none."""
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
    name = "deeplab" if dataset.name == folders.DEEPLAB.name else dataset.name
    return (Protocol(name=name, source=f"as filed in {dataset.root}", splits=splits),)


PROTOCOLS: dict[str, tuple[Protocol, ...] | Callable[[Dataset], tuple[Protocol, ...]]] = {
    "DRIVE": DRIVE,
    "STARE": STARE,
    "CHASE_DB1": CHASE,
    "HRF": HRF,
    "FIVES": _fives,
    folders.DEEPLAB.name: _as_filed,
    folders.PLAIN.name: _as_filed,
    table.LAYOUT.name: _as_filed,
}
"""The protocols of each data set, listed or derived from its files; the first is its default."""


def protocols_of(dataset: Dataset) -> dict[str, Protocol]:
    """The protocols of a data set by name, its default first, `all` last."""
    everything = Protocol(
        name="all",
        source="every image of the data set",
        splits={"all": tuple(case.id for case in dataset.cases)},
    )
    listed = PROTOCOLS[dataset.name]
    own = listed(dataset) if callable(listed) else listed
    return {protocol.name: protocol for protocol in (*own, everything)}


def is_test(split: str) -> bool:
    """Whether a split is one of test images, by its name."""
    return split.lower().startswith("test")


def test_images(dataset: Dataset) -> frozenset[str]:
    """The ids of what tests: in the release's test folder, or in a test split by default.

    Leaving one out tests every image.
    """
    default = next(iter(protocols_of(dataset).values()))
    filed = {case.id for case in dataset.cases if is_test(case.split or "")}
    return frozenset(filed).union(*(ids for split, ids in default.splits.items() if is_test(split)))


def select(
    dataset: Dataset, protocol: str | None, split: str, *, labelled: bool = True
) -> Selection:
    """The cases of one split, in the order of its list; protocol None is the default one.

    With `labelled` an image to train or to validate on must have its annotation.

    Raises:
        UsageError: no such protocol or split.
        DatasetError: an image of the split is missing, or a training or validation image has no
            vessel annotation. A test image without one is returned with `first=None`.
    """
    known = protocols_of(dataset)
    name = next(iter(known)) if protocol is None else protocol
    if name not in known:
        raise UsageError(_unknown(f"protocol of {dataset.name}", name, known))
    chosen = known[name]
    if split not in chosen.splits:
        raise UsageError(_unknown(f"split of {dataset.name} {name}", split, chosen.splits))
    cases = _take(dataset, chosen, split)
    if split in chosen.unlabelled:
        cases = tuple(replace(case, first=None, second=None) for case in cases)
    elif labelled and split.startswith(("train", "val")):
        _require_truth(dataset, name, split, cases)
    return Selection(dataset.name, name, split, chosen.source, cases)


def _take(dataset: Dataset, protocol: Protocol, split: str) -> tuple[Case, ...]:
    by_id = {case.id: case for case in dataset.cases}
    missing = [id for id in protocol.splits[split] if id not in by_id]
    if missing:
        raise DatasetError(
            f"{dataset.name}: no image {_some(missing)} of {protocol.name} {split} under "
            f"{dataset.root}; unpack the whole release there"
        )
    cases = tuple(by_id[id] for id in protocol.splits[split])
    whole = protocol.sizes.get(split, len(cases))
    if len(cases) != whole:
        raise DatasetError(
            f"{dataset.name}: {len(cases)} of the {whole} images of {protocol.name} {split} are "
            f"under {dataset.root}; unpack the whole release there"
        )
    return cases


def _require_truth(dataset: Dataset, protocol: str, split: str, cases: tuple[Case, ...]) -> None:
    bare = [case for case in cases if case.first is None or not case.first.is_file()]
    if not bare:
        return
    layout = find_layout(dataset.name)
    where = bare[0].first or (layout.truth_of(dataset.root, bare[0]) if layout else "its label")
    raise DatasetError(
        f"{dataset.name}: {bare[0].image.name} has no vessel mask ({len(bare)} of {len(cases)} "
        f"images of {protocol} {split}); looked for {where}; put it there, then run "
        f"`venule data check`"
    )


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"unknown {what}: {name!r}; {hint}known: {_some(list(known))}"


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
