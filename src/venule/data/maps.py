"""A folder of probability maps or masks, matched by name to the images of a selection."""

import unicodedata
from pathlib import Path

import numpy as np

from venule.data.case import Case
from venule.data.layout import stem_of
from venule.data.protocols import Selection
from venule.data.sample import Sample
from venule.errors import DatasetError
from venule.image.arrays import FloatMap, Mask
from venule.image.io import read_probability
from venule.image.names import IMAGE_SUFFIXES

_ENDINGS = ("_prob", "", "_mask")
"""Suffixes after the image's name, in order of preference; `predict` writes _prob and _mask."""

_SUFFIXES = IMAGE_SUFFIXES | {".npy"}


_MASK_VALUES = {0.0, 1.0, *(float(np.float32(1 / largest)) for largest in (255, 65535))}
"""Values of a mask as read: 0, and the largest value, or 1, of 8 or 16 bits."""


def find_maps(folder: Path, selection: Selection) -> dict[str, Path]:
    """The map of every image by the image's id.

    A map is named after the photograph's file or the image's id, with the suffix `_prob`, none, or
    `_mask`, in this order of preference; the whole folder is read in the first of these forms that
    occurs for any image.

    Raises:
        DatasetError: no folder, or an image with no map or with two.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; give a folder of maps, one for each image")
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _SUFFIXES:
            by_stem.setdefault(unicodedata.normalize("NFC", path.stem), []).append(path)
    for ending in _ENDINGS:
        found = {case.id: _candidates(by_stem, case, ending) for case in selection.cases}
        if any(found.values()):
            return {id: _only(folder, id, paths) for id, paths in found.items()}
    first = selection.cases[0]
    raise DatasetError(
        f"{folder}: no map for any image of {selection.dataset} {selection.split}; expected files "
        f"such as {stem_of(first.image)}_prob.png, {stem_of(first.image)}.png or {first.id}.png"
    )


def is_mask(path: Path) -> bool:
    """Return whether a file holds a mask: 0, and no other value but 1 or the type's largest.

    A file named `_prob` is a probability map whatever it stores.
    """
    if path.stem.endswith("_prob"):
        return False
    values = np.unique(read_probability(path)).tolist()
    return values[0] == 0 and len(values) <= 2 and values[-1] in _MASK_VALUES


def read_map(path: Path, *, mask: bool) -> FloatMap:
    """(H, W) float32 in 0..1: the probabilities as stored, or 0 and 1 for a mask."""
    stored = read_probability(path)
    return (stored > 0).astype(np.float32) if mask else stored


def read_map_of(sample: Sample, path: Path, *, mask: bool) -> FloatMap:
    """The map of one photograph, see `read_map`.

    Raises:
        DatasetError: its size differs from the photograph's.
    """
    probability = read_map(path, mask=mask)
    if probability.shape != sample.fov.shape:
        raise DatasetError(
            f"{path}: {_size(probability)} px, but its photograph has {_size(sample.fov)} px; "
            "save the map at the photograph's own size"
        )
    return probability


def _candidates(by_stem: dict[str, list[Path]], case: Case, ending: str) -> list[Path]:
    names = (stem_of(case.image), case.id)
    stems = dict.fromkeys(unicodedata.normalize("NFC", name) for name in names)
    return [path for stem in stems for path in by_stem.get(f"{stem}{ending}", [])]


def _only(folder: Path, id: str, paths: list[Path]) -> Path:
    if not paths:
        raise DatasetError(f"{folder}: no map for image {id}, though others have one")
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths)
        raise DatasetError(f"{folder}: {len(paths)} maps for image {id} ({names}); keep one")
    return paths[0]


def _size(array: FloatMap | Mask) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"
