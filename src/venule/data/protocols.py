"""Which images a result was trained, selected and tested on: every split, by name, with its source.

A protocol is a named set of splits that no image, and no patient, is in two of. Every data set has
the protocol `all` with the one split `all` besides its own.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from venule.data.catalog import find_layout
from venule.data.record import Dataset, Record
from venule.errors import DatasetError, UsageError

Splits = Mapping[str, tuple[str, ...]]
"""The ids of the images of each split."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A named way to split a data set; `unlabelled` splits are used without their annotations."""

    name: str
    source: str
    splits: Splits
    unlabelled: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Selection:
    """The images of one split of one protocol, and who defined it."""

    dataset: str
    protocol: str
    split: str
    source: str
    records: tuple[Record, ...]


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

PROTOCOLS: dict[str, Callable[[Dataset], tuple[Protocol, ...]]] = {"DRIVE": lambda dataset: DRIVE}
"""The protocols of each data set by its name; the first is its default."""


def protocols_of(dataset: Dataset) -> dict[str, Protocol]:
    """The protocols of a data set by name, its default first, `all` last."""
    everything = Protocol(
        name="all",
        source="every image of the data set",
        splits={"all": tuple(record.id for record in dataset.records)},
    )
    own = PROTOCOLS[dataset.name](dataset) if dataset.name in PROTOCOLS else ()
    return {protocol.name: protocol for protocol in (*own, everything)}


def select(dataset: Dataset, protocol: str | None, split: str) -> Selection:
    """The records of one split, in the order of its list; protocol None is the default one.

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
    records = _take(dataset, chosen, split)
    if split in chosen.unlabelled:
        records = tuple(replace(record, first=None, second=None) for record in records)
    elif split.startswith(("train", "val")):
        _require_truth(dataset, name, split, records)
    return Selection(dataset.name, name, split, chosen.source, records)


def _take(dataset: Dataset, protocol: Protocol, split: str) -> tuple[Record, ...]:
    by_id = {record.id: record for record in dataset.records}
    missing = [id for id in protocol.splits[split] if id not in by_id]
    if missing:
        raise DatasetError(
            f"{dataset.name}: {len(missing)} images of {protocol.name} {split} are missing under "
            f"{dataset.root} ({_some(missing)}); unpack the whole release there"
        )
    return tuple(by_id[id] for id in protocol.splits[split])


def _require_truth(
    dataset: Dataset, protocol: str, split: str, records: tuple[Record, ...]
) -> None:
    bare = [record for record in records if record.first is None]
    if not bare:
        return
    layout = find_layout(dataset.name)
    where = layout.truth.format(id=bare[0].id, split=bare[0].split) if layout else "its annotation"
    raise DatasetError(
        f"{dataset.name}: {bare[0].image.name} has no vessel mask ({len(bare)} of {len(records)} "
        f"images of {protocol} {split}); looked for {dataset.root / where}; put it there, then run "
        f"`venule data check`"
    )


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"unknown {what}: {name!r}; {hint}Known are {_some(list(known))}"


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
