"""Checks of a data set's files; each problem names the file and what to do."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from venule.data.case import Annotation, Case, Dataset
from venule.data.catalog import find_layout
from venule.data.label_check import Label, label_fault, lines_of, misplaced
from venule.data.orphans import orphans
from venule.data.problem import Problem
from venule.data.protocols import is_test, protocols_of
from venule.data.truth import ARTERY
from venule.errors import DatasetError, ImageError, VenuleError
from venule.image.arrays import RGB, Mask
from venule.image.fov import find_fov
from venule.image.io import pixel_hash, read_mask
from venule.image.photograph import read_photograph


def check_dataset(dataset: Dataset) -> tuple[Problem, ...]:
    """All problems found in a data set; empty if it is clean.

    Decodes every file, one photograph at a time. Missing files come first, then problems of the
    files in the order of the cases.
    """
    problems = [*_missing_images(dataset), *_missing_masks(dataset)]
    seen: dict[str, Case] = {}
    labels: list[Label] = []
    for case in dataset.cases:
        image = _check_photograph(case, seen, problems)
        shape = None if image is None else (image.shape[0], image.shape[1])
        fov = _check_fov(case, shape, problems)
        for path in filter(None, (case.first, case.second)):
            vessels = _check_vessels(path, shape, fov, problems)
            if vessels is not None and image is not None:
                inside = find_fov(image).mask if fov is None else fov
                labels.append(Label(path, case.image, lines_of(image, vessels, inside)))
        for annotation in filter(None, (case.av, case.landmarks)):
            _check_annotation(annotation, shape, problems)
    return (*problems, *misplaced(labels), *orphans(dataset))


def _missing_images(dataset: Dataset) -> Iterator[Problem]:
    default = next(iter(protocols_of(dataset).values()))
    listed = {id for ids in default.splits.values() for id in ids}
    missing = sorted(listed - {case.id for case in dataset.cases})
    if missing:
        yield Problem(
            dataset.root,
            f"lacks images: {', '.join(missing)}",
            f"the {len(listed)} images of {dataset.name}",
            "Unpack the whole release there",
        )
    for split, whole in default.sizes.items():
        if len(default.splits[split]) != whole:
            yield Problem(
                dataset.root,
                f"has {len(default.splits[split])} images of {default.name} {split}",
                f"{whole}",
                "Unpack the whole release there",
            )
    if not dataset.cases:
        yield Problem(dataset.root, "no images", "at least one photograph", "Add photographs")


def _missing_masks(dataset: Dataset) -> Iterator[Problem]:
    """Masks that some images of a split lack though others have them.

    A data set may lack fields of view or a second expert altogether, and a test split its vessel
    masks too (as in DRIVE's present download); any other image needs one.
    """
    for split in sorted({case.split for case in dataset.cases}, key=str):
        cases = [case for case in dataset.cases if case.split == split]
        if not is_test(split or "") or any(_annotated(case) for case in cases):
            yield from _without_truth(dataset, [case for case in cases if not _annotated(case)])
        if any(case.second for case in cases):
            yield from _without(
                "second vessel mask", [case for case in cases if case.second is None]
            )
        if any(case.fov for case in cases):
            yield from _without("field-of-view mask", [case for case in cases if case.fov is None])


def _annotated(case: Case) -> bool:
    return any((case.first, case.av, case.landmarks))


def _without_truth(dataset: Dataset, cases: list[Case]) -> Iterator[Problem]:
    layout = find_layout(dataset.name)
    if layout is not None and not layout.annotated:
        return
    for case in cases:
        where = layout.truth_of(dataset.root, case) if layout else "an annotation"
        yield Problem(case.image, "has no vessel mask", where, "Put its vessel mask there")


def _without(kind: str, cases: list[Case]) -> Iterator[Problem]:
    for case in cases:
        yield Problem(
            case.image,
            f"has no {kind}",
            "one, as the other images of its split have",
            "Unpack the whole release",
        )


def _check_photograph(case: Case, seen: dict[str, Case], problems: list[Problem]) -> RGB | None:
    """The photograph's pixels, None if it cannot be read; records them in `seen`."""
    try:
        with warnings.catch_warnings():
            image = read_photograph(case.image).pixels
    except ImageError as error:
        problems.append(_unreadable(case.image, error, "a photograph that can be read"))
        return None
    if (np.ptp(image, axis=2) == 0).all():
        problems.append(
            Problem(case.image, "has no colour", "a colour photograph", "Use the original file")
        )
    other = seen.setdefault(pixel_hash(image), case)
    together = (case.person, case.split) == (other.person, other.split)
    if other is not case and not together:
        problems.append(_duplicate(case, other))
    return image


def _duplicate(case: Case, other: Case) -> Problem:
    splits = f" (split {other.split}, this one {case.split})"
    return Problem(
        case.image,
        f"has the same pixels as {other.image}{splits if other.split != case.split else ''}",
        "every photograph once",
        "Remove one of them, or it is tested on what it was trained on",
    )


def _check_fov(case: Case, shape: tuple[int, int] | None, problems: list[Problem]) -> Mask | None:
    """The field of view, if its file has no problems."""
    fov = None if case.fov is None else _read(case.fov, shape, problems)
    if case.fov is None or fov is None or fov.any():
        return fov
    problems.append(
        Problem(
            case.fov,
            "marks no pixel",
            "a value above 0 inside the field of view",
            "Use the released file, or remove this one to have the field of view found",
        )
    )
    return None


def _check_vessels(
    path: Path, shape: tuple[int, int] | None, fov: Mask | None, problems: list[Problem]
) -> Mask | None:
    """The vessels if their file has no problems."""
    vessels = _read(path, shape, problems)
    if vessels is None:
        return None
    # Without the photograph's shape, the sizes of the two masks may differ.
    fault = label_fault(path, vessels, None if shape is None else fov)
    if fault is None:
        return vessels
    problems.append(fault)
    return None


def _check_annotation(
    annotation: Annotation, shape: tuple[int, int] | None, problems: list[Problem]
) -> None:
    """Decode arteries and veins, or disc and fovea."""
    path = annotation.path
    try:
        truth = annotation.codec.read(path, shape or (1, 1))
    except (ImageError, DatasetError) as error:
        expected = f"{' and '.join(annotation.codec.classes)} that can be read"
        problems.append(_converted(path) or _unreadable(path, error, expected))
        return
    if shape is not None and truth.shape != shape:
        problems.append(_resized(path, truth.shape, shape))
    elif ARTERY in truth.classes and not truth.planes.any():
        problems.append(
            Problem(path, "marks no pixel", "red arteries and blue veins", "Use the released file")
        )


def _read(path: Path, shape: tuple[int, int] | None, problems: list[Problem]) -> Mask | None:
    """The mask, if it can be read and matches the photograph's `shape` (None: unknown)."""
    try:
        mask = read_mask(path)
    except ImageError as error:
        problems.append(_converted(path) or _unreadable(path, error, "a mask of 0 and one value"))
        return None
    if shape is None or mask.shape == shape:
        return mask
    problems.append(_resized(path, mask.shape, shape))
    return None


def _resized(path: Path, found: tuple[int, ...], shape: tuple[int, int]) -> Problem:
    return Problem(
        path,
        f"has {found[1]} x {found[0]} px",
        f"{shape[1]} x {shape[0]} px, as its photograph",
        "Use the mask that was released with the photograph; do not resize either",
    )


def _converted(path: Path) -> Problem | None:
    """The palette trap: two grey levels, neither of them 0, so that every pixel counts as vessel.

    DRIVE's 2nd_manual has the palette colours 3 and 253; a conversion to grey keeps these values.
    """
    try:
        with Image.open(path) as image:
            values = np.unique(np.asarray(image))
    except Exception:  # the reader has already reported the file
        return None
    if len(values) != 2 or values[0] == 0:
        return None
    low, high = (int(value) for value in values)
    return Problem(
        path,
        f"stores {low} and {high}: grey levels converted from a palette, every pixel above 0",
        "0 on the background, above 0 on vessels",
        f"Use the original palette file, or write 0 for {low} and 255 for {high}",
    )


def _unreadable(path: Path, error: VenuleError, expected: str) -> Problem:
    """The reader's message, split at its semicolon into the problem and what to do or expected."""
    what, _, fix = str(error).removeprefix(f"{path}: ").partition("; ")
    if fix.startswith("expected "):
        return Problem(path, what, fix.removeprefix("expected "), "Use the released file")
    default = "Copy or unpack the file again"
    return Problem(path, what, expected, fix[:1].upper() + fix[1:] if fix else default)
