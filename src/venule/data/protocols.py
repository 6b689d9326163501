"""The splits for training, selection and testing, each with its source.

A protocol is a named set of splits, disjoint in images and in patients. Every data set also has
the protocol `all` with the single split `all`.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from venule.data.case import Case, Dataset, Expert
from venule.data.catalog import find_layout
from venule.data.protocol import Protocol, role_of
from venule.errors import DatasetError, UsageError


@dataclass(frozen=True)
class Selection:
    """The images of one split of one protocol, and who defined it."""

    dataset: str
    protocol: str
    split: str
    source: str
    cases: tuple[Case, ...]


def protocols_of(dataset: Dataset) -> dict[str, Protocol]:
    """The protocols of a data set by name, its default first, `all` last."""
    everything = Protocol(
        name="all",
        source="every image of the data set",
        splits={"all": tuple(case.id for case in dataset.cases)},
    )
    layout = find_layout(dataset.name)
    listed = layout.protocols if layout is not None else ()
    own = listed(dataset) if callable(listed) else listed
    return {protocol.name: protocol for protocol in (*own, everything)}


def is_test(split: str) -> bool:
    """Return whether the name of a split is that of test images."""
    return role_of(split) == "test"


def test_images(dataset: Dataset) -> frozenset[str]:
    """The ids of the test images: in the release's test folder, or in a default test split.

    With leave-one-out, that is every image.
    """
    default = next(iter(protocols_of(dataset).values()))
    filed = {case.id for case in dataset.cases if is_test(case.split or "")}
    return frozenset(filed).union(*(ids for split, ids in default.splits.items() if is_test(split)))


def held_out_images(dataset: Dataset) -> frozenset[str]:
    """The ids of the test images, and of those in a validation split of the default protocol."""
    default = next(iter(protocols_of(dataset).values()))
    validating = (ids for split, ids in default.splits.items() if role_of(split) == "val")
    return test_images(dataset).union(*validating)


def select(
    dataset: Dataset,
    protocol: str | None,
    split: str,
    *,
    labelled: bool = True,
    expert: Expert = "first",
) -> Selection:
    """The cases of one split, in the order of its list; protocol None is the default.

    With `labelled`, images for training or validation must have the annotation of `expert`.

    Raises:
        UsageError: no such protocol or split.
        DatasetError: an image of the split is missing, or a training or validation image lacks
            that annotation. A test image without one is returned all the same.
    """
    known = protocols_of(dataset)
    name = next(iter(known)) if protocol is None else protocol
    if name not in known:
        raise UsageError(_unknown(f"protocol of {dataset.name}", name, known) + _own(dataset))
    chosen = known[name]
    if split not in chosen.splits:
        what = f"split of {dataset.name} {name}"
        raise UsageError(_unknown(what, split, chosen.splits) + _own(dataset))
    cases = _take(dataset, chosen, split)
    if split in chosen.unlabelled:
        cases = tuple(
            replace(case, first=None, second=None, av=None, landmarks=None) for case in cases
        )
    elif labelled and split.startswith(("train", "val")):
        _require_truth(dataset, name, split, cases, expert)
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


_KINDS: dict[Expert, str] = {
    "first": "vessel mask",
    "second": "second vessel mask",
    "av": "map of arteries and veins",
    "landmarks": "disc and fovea",
}


def _require_truth(
    dataset: Dataset, protocol: str, split: str, cases: tuple[Case, ...], expert: Expert
) -> None:
    truths = [(case, case.truth(expert)) for case in cases]
    bare = [(case, path) for case, path in truths if path is None or not path.is_file()]
    if not bare:
        return
    case, path = bare[0]
    layout = find_layout(dataset.name)
    expected = layout.truth_of(dataset.root, case) if layout else "its label"
    where = path or (expected if expert == "first" else f"an annotation called {expert}")
    raise DatasetError(
        f"{dataset.name}: {case.image.name} has no {_KINDS[expert]} ({len(bare)} of {len(cases)} "
        f"images of {protocol} {split}); looked for {where}; put it there, then run "
        f"`venule data check`"
    )


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"unknown {what}: {name!r}; {hint}known: {_some(list(known))}"


def _own(dataset: Dataset) -> str:
    """Advice on splitting photographs of one's own; empty for other data sets."""
    if dataset.name not in ("folders", "csv"):
        return ""
    return "; a CSV file with a column split makes splits of your own"


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
