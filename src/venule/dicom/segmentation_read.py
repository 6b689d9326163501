"""Masks of a photograph from a DICOM Segmentation written by any program."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from venule.dicom.elements import FrameError, broken, integer, quiet, read_elements, text
from venule.dicom.orientation import Turn
from venule.dicom.require import require_pydicom
from venule.dicom.segmentation import LABEL_MAP_STORAGE
from venule.dicom.terms import SEGMENTS
from venule.errors import ImageError

_MOST_FRAMES = 64

_NAME = "SEG"
"""The file's name in errors."""

_CLASS_OF = {term.type.value: name for name, term in SEGMENTS.items()}
_LABELS = {term.label.casefold(): name for name, term in SEGMENTS.items()}


def decode_seg(
    content: bytes, shape: tuple[int, int], *, turn: Turn | None = None
) -> Mapping[str, NDArray[np.bool_]]:
    """The masks (H, W) bool of an upright photograph, by class (see `SEGMENTS`).

    Segments are identified by their type code, or else by their label; others are ignored. A
    fraction counts as inside from one half up.

    Args:
        content: the file.
        shape: (H, W) of the upright photograph.
        turn: how the stored photograph was turned upright; if None, masks are as stored.

    Raises:
        ImageError: not a Segmentation, broken, of another size, or without a known segment.
    """
    require_pydicom(_NAME)
    turn = turn or Turn()
    with quiet():
        seg = read_elements(content, _NAME)
        if text(seg, "SOPClassUID") not in (SegmentationStorage, LABEL_MAP_STORAGE):
            raise ImageError(f"{_NAME}: a DICOM object, but no Segmentation")
        _check_size(seg, turn.stored(np.empty(shape, bool)).shape)
        try:
            found = _masks(seg)
        except Exception as error:  # hostile files can raise nearly any exception
            raise broken(_NAME, error) from None
    if not found:
        known = ", ".join(term.label for term in SEGMENTS.values())
        raise ImageError(f"{_NAME}: none of its segments is known; they are {known}")
    return {class_: turn.upright(mask) for class_, mask in found.items()}


def _check_size(seg: Dataset, stored: tuple[int, ...]) -> None:
    rows, columns = integer(seg, "Rows") or 0, integer(seg, "Columns") or 0
    if (rows, columns) != stored:
        raise ImageError(
            f"{_NAME}: {columns} x {rows} px, but the photograph is stored with "
            f"{stored[1]} x {stored[0]}"
        )
    if not 1 <= (integer(seg, "NumberOfFrames") or 1) <= _MOST_FRAMES:
        raise ImageError(f"{_NAME}: more than {_MOST_FRAMES} frames, or none")


def _masks(seg: Dataset) -> dict[str, NDArray[np.bool_]]:
    frames = np.asarray(seg.pixel_array)
    frames = frames[None] if frames.ndim == 2 else frames
    classes = {int(one.SegmentNumber): _class_of(one) for one in seg.SegmentSequence}
    found: dict[str, NDArray[np.bool_]] = {}

    def add(number: int, mask: NDArray[np.bool_]) -> None:
        name = classes.get(number)
        if name is not None:
            found[name] = found[name] | mask if name in found else mask

    if text(seg, "SegmentationType") == "LABELMAP":
        for number in classes:
            add(number, (frames == number).any(axis=0))
        return found
    half = 1
    if text(seg, "SegmentationType") == "FRACTIONAL":
        largest = int(seg.MaximumFractionalValue)
        if largest < 1:
            raise FrameError(f"MaximumFractionalValue is {largest}")
        half = -(-largest // 2)
    for frame, values in zip(_numbers(seg, len(frames)), frames, strict=True):
        add(frame, values >= half)
    return found


def _numbers(seg: Dataset, count: int) -> list[int]:
    """The segment number of each frame."""
    shared = seg.get("SharedFunctionalGroupsSequence") or [Dataset()]
    each = seg.get("PerFrameFunctionalGroupsSequence") or [Dataset()] * count
    numbers = []
    for groups in each:
        named = groups if "SegmentIdentificationSequence" in groups else shared[0]
        numbers.append(int(named.SegmentIdentificationSequence[0].ReferencedSegmentNumber))
    return numbers


def _class_of(segment: Dataset) -> str | None:
    for item in segment.get("SegmentedPropertyTypeCodeSequence") or ():
        if text(item, "CodeValue") in _CLASS_OF:
            return _CLASS_OF[text(item, "CodeValue")]
    return _LABELS.get(text(segment, "SegmentLabel").casefold())
