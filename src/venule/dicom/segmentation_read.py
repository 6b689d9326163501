"""Masks of a photograph from a DICOM Segmentation written by any program."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from venule.dicom.elements import FrameError, broken, integer, quiet, read_elements, text
from venule.dicom.orientation import Turn
from venule.dicom.pseudonym import replacement_uid
from venule.dicom.require import require_pydicom
from venule.dicom.segmentation import LABEL_MAP_STORAGE
from venule.dicom.source import Source
from venule.dicom.terms import SEGMENTS
from venule.errors import ImageError

_MOST_FRAMES = 64

_NAME = "SEG"
"""The file's name in errors."""

_CLASS_OF = {term.type.value: name for name, term in SEGMENTS.items()}
_LABELS = {term.label.casefold(): name for name, term in SEGMENTS.items()}


def decode_seg(
    content: bytes, shape: tuple[int, int], *, source: Source | None = None
) -> Mapping[str, NDArray[np.bool_]]:
    """The masks (H, W) bool of an upright photograph, by class (see `SEGMENTS`).

    Segments are identified by their type code, or else by their label; others are ignored. A
    fraction counts as inside from one half up.

    Args:
        content: the file.
        shape: (H, W) of the upright photograph.
        source: of the photograph; if None, masks are as stored, and may be of any photograph.

    Raises:
        ImageError: not a Segmentation, broken, of another photograph or size, or without a known
            segment.
    """
    require_pydicom(_NAME)
    turn = Turn() if source is None else source.turn
    with quiet():
        seg = read_elements(content, _NAME)
        if text(seg, "SOPClassUID") not in (SegmentationStorage, LABEL_MAP_STORAGE):
            raise ImageError(f"{_NAME}: a DICOM object, but no Segmentation")
        _check_size(seg, turn.stored(np.empty(shape, bool)).shape)
        try:
            referenced = _referenced(seg)
            found = _masks(seg)
        except Exception as error:  # hostile files can raise nearly any exception
            raise broken(_NAME, error) from None
    if source is not None and referenced and not referenced & _uids(source):
        raise ImageError(
            f"{_NAME}: refers to another photograph; choose the Segmentation of this one"
        )
    if not found:
        known = ", ".join(term.label for term in SEGMENTS.values())
        raise ImageError(f"{_NAME}: none of its segments is known; they are {known}")
    return {class_: turn.upright(mask) for class_, mask in found.items()}


def _referenced(seg: Dataset) -> set[str]:
    """The SOP Instance UIDs of the images that it was made from; none if it states none."""
    items = [
        instance
        for series in seg.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedInstanceSequence") or ()
    ]
    items += [
        image
        for group in (
            *(seg.get("SharedFunctionalGroupsSequence") or ()),
            *(seg.get("PerFrameFunctionalGroupsSequence") or ()),
        )
        for derivation in group.get("DerivationImageSequence") or ()
        for image in derivation.get("SourceImageSequence") or ()
    ]
    return {text(item, "ReferencedSOPInstanceUID") for item in items} - {""}


def _uids(source: Source) -> set[str]:
    """The UIDs of a photograph, in identified and in de-identified segmentations."""
    with quiet():
        own = text(source.header, "SOPInstanceUID")
    return {own, replacement_uid(source.pseudonym, "instance")}


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
