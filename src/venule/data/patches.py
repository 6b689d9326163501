"""Patches of labelled photographs, binned by vessel density: classes for pretraining."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from venule import __version__
from venule.data.case import Case, Dataset
from venule.data.protocols import held_out_images, select
from venule.data.sample import Sample, load_annotated, load_sample
from venule.data.truth import VESSEL
from venule.errors import DatasetError, OutputError, UsageError
from venule.files.atomic import write_bytes
from venule.image.arrays import Mask
from venule.image.io import pixel_hash, write_png

ABOUT = "patches.json"

_LEAST_INSIDE = 0.98
"""Smallest fraction of a patch inside the field of view."""

_TRIES = 10
"""Candidate positions tried for each patch."""

_EACH_VALIDATES = 10
"""One in this many patients is held out for validation, with all patches of all photographs."""


@dataclass(frozen=True, kw_only=True)
class PatchesConfig:
    """Squares of `side_px`, up to `per_image` per photograph, binned into `classes` classes."""

    side_px: int = 128
    per_image: int = 20
    classes: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Patch:
    """A square of a photograph by its upper left corner, and the fraction of it that is vessel."""

    row: int
    column: int
    share: float


@dataclass(frozen=True)
class CutPhotograph:
    """One case, the SHA-256 of its pixels, and its patches, if any."""

    case: Case
    pixels: str
    patches: tuple[Patch, ...]


def labelled_cases(
    dataset: Dataset, *, protocol: str | None = None, split: str | None = None
) -> tuple[Case, ...]:
    """The cases with vessels in one split; without `split`, those that are nowhere held out.

    Those exclude test images of the release, and validation and test images of the default
    protocol: a network pretrained on these classes may be validated and scored on them.

    Raises:
        DatasetError: there are none, or an image of the split is missing.
        UsageError: no such protocol or split, or a protocol without a split.
    """
    if split is not None:
        chosen, which = select(dataset, protocol, split).cases, f"in {split}"
    elif protocol is not None:
        raise UsageError(f"protocol {protocol}: name a split of it too, such as train")
    else:
        held_out, which = held_out_images(dataset), "but validation and test images"
        chosen = tuple(case for case in dataset.cases if case.id not in held_out)
    cases = tuple(case for case in chosen if case.first)
    if not cases:
        raise DatasetError(
            f"{dataset.root}: no labelled photographs {which} to cut up; name a split with images "
            "that may be trained on, or list them in a CSV file"
        )
    return cases


def find_patches(cases: Sequence[Case], config: PatchesConfig) -> Iterator[CutPhotograph]:
    """Random squares in the field of view of each photograph, possibly overlapping.

    They depend on `config.seed` and on the position of the photograph in `cases`.
    """
    for place, case in enumerate(cases):
        sample, truth = load_annotated(case)
        vessels = truth.plane(VESSEL)
        squares = _squares(sample, vessels, place, config)
        yield CutPhotograph(case, pixel_hash(sample.image), squares)


def require_empty(out: Path) -> None:
    """Raise OutputError unless `out` is new or an empty folder; called before long work begins."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: not an empty folder; give a folder of its own")


def write_patches(
    cut: Sequence[CutPhotograph], out: Path, config: PatchesConfig, *, dataset: str
) -> Iterator[Case]:
    """Write all patches as PNG to `out`/train/share-1 etc.; yield each photograph when done.

    Class 1 holds the patches with the fewest vessels; classes are of equal size, except for
    ties. One in ten patients is held out, at least one of two. `out`/patches.json lists the
    class boundaries and the photographs used, since a network trained on the patches has seen them.

    Raises:
        DatasetError: there are fewer patches than classes.
        OutputError: a folder cannot be made, or a file cannot be written.
    """
    shares = [patch.share for photograph in cut for patch in photograph.patches]
    if len(shares) < config.classes:
        raise DatasetError(
            f"{len(shares)} squares of {config.side_px} px fit into the fields of view, too few "
            f"for {config.classes} classes; take smaller ones"
        )
    edges = np.quantile(shares, np.arange(1, config.classes) / config.classes)
    names, side = [f"share-{k}" for k in range(1, config.classes + 1)], config.side_px
    patients = list(dict.fromkeys(one.case.person for one in cut if one.patches))
    validating = set(patients[1::_EACH_VALIDATES])
    splits = ("train", "val") if validating else ("train",)
    for folder in (out / split / name for split in splits for name in names):
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
    split_of = {
        photograph.case.id: "val" if photograph.case.person in validating else "train"
        for photograph in cut
    }
    seen: dict[str, dict[str, str]] = {"train": {}, "val": {}}
    for photograph in cut:
        if photograph.patches:
            seen[split_of[photograph.case.id]][photograph.case.id] = photograph.pixels
    about = asdict(config) | {
        "patches": len(shares),
        "edges": [round(float(edge), 5) for edge in edges],
        "package": __version__,
        "seen": [
            {"dataset": dataset, "protocol": "patches", "split": split, "role": role, "images": ids}
            for (split, ids), role in zip(seen.items(), ("trained", "selected"), strict=True)
        ],
    }
    # First: even an interrupted folder must list the photographs seen.
    write_bytes(out / ABOUT, (json.dumps(about, indent=2) + "\n").encode())
    for photograph in cut:
        image = load_sample(photograph.case).image
        split = split_of[photograph.case.id]
        for number, patch in enumerate(photograph.patches):
            name = names[int(np.searchsorted(edges, patch.share, side="right"))]
            pixels = image[patch.row : patch.row + side, patch.column : patch.column + side]
            write_png(out / split / name / f"{photograph.case.id}-{number:02d}.png", pixels)
        yield photograph.case


def _squares(sample: Sample, vessels: Mask, place: int, config: PatchesConfig) -> tuple[Patch, ...]:
    side = config.side_px
    rows, columns = (length - side + 1 for length in sample.fov.shape)
    if rows < 1 or columns < 1:
        return ()
    random = np.random.default_rng([config.seed, place])
    corners = random.integers((rows, columns), size=(_TRIES * config.per_image, 2)).tolist()
    inside = [(r, c) for r, c in corners if _share(sample.fov, r, c, side) >= _LEAST_INSIDE]
    return tuple(
        Patch(row, column, _share(vessels, row, column, side))
        for row, column in inside[: config.per_image]
    )


def _share(mask: Mask, row: int, column: int, side: int) -> float:
    return float(mask[row : row + side, column : column + side].mean())
