"""Maps of a photograph as a DICOM Segmentation (PS3.3 A.51, C.8.20)."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage, generate_uid

import venule
from venule.dicom.derived import RESEARCH, References, copy_lossy, derived, encoded
from venule.dicom.elements import numbers, quiet
from venule.dicom.header import laterality
from venule.dicom.source import Source
from venule.dicom.terms import (
    ANATOMICAL_STRUCTURE,
    ARTIFICIAL_INTELLIGENCE,
    PROCESSED,
    RETINA,
    SEGMENTATION,
    SEGMENTS,
    SIDES,
    cielab,
)

SegKind = Literal["binary", "fractional", "labelmap"]

LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
"""Label Map Segmentation Storage (2024d), which pydicom does not name yet."""

_FULL = 255
"""The stored value of probability 1."""

_ON_TOP = ("disc", "vessel", "vein", "artery")
"""In a label map each pixel has one label; where maps overlap, the later one in this list."""

_SEGMENT_NUMBER = (0x0062000B, 0x0062000A)
"""ReferencedSegmentNumber in SegmentIdentificationSequence, by which frames are ordered."""

_FRAME_LABEL = (0x00209453, 0x00209111)
"""FrameLabel in FrameContentSequence: the one frame of a label map has no segment number."""


def encode_seg(
    source: Source,
    maps: Mapping[str, NDArray[Any]],
    *,
    kind: SegKind = "binary",
    model: str | Mapping[str, str] = "",
    corrected: Collection[str] = (),
) -> bytes:
    """Encode maps of a photograph as a DICOM Segmentation, in the grid of the stored frame.

    Args:
        source: the DICOM source of the photograph.
        maps: by class (see `SEGMENTS`), (H, W) of the upright photograph: bool masks, or for
            "fractional" float32 probabilities in 0..1, which are stored as round(255 p).
        kind: "binary", one bit a pixel, supported by every viewer; "fractional"; or "labelmap", one
            label a pixel: artery before vein before vessel before disc.
        model: the network's name, or the names by class, written to the object with venule's
            version.
        corrected: the classes whose prediction was edited by hand.

    Raises:
        OutputError: the source lacks the UIDs that a derived object must reference.
    """
    assert maps
    assert all(name in SEGMENTS for name in maps)
    assert kind == "fractional" or all(each.dtype == np.bool_ for each in maps.values())
    stored = {name: source.turn.stored(each) for name, each in maps.items()}
    shape = (int(source.header.Rows), int(source.header.Columns))
    assert all(each.shape == shape for each in stored.values())
    with quiet():
        references = References(source)
        seg = derived(
            source,
            sop_class=LABEL_MAP_STORAGE if kind == "labelmap" else SegmentationStorage,
            series=f"Retinal segmentation, {RESEARCH}",
        )
        _describe(seg, source, references)
        seg.SegmentSequence = [
            _segment(
                number,
                name,
                source,
                model if isinstance(model, str) else model.get(name, ""),
                corrected=name in corrected,
            )
            for number, name in enumerate(stored, 1)
        ]
        seg.Rows, seg.Columns = shape
        {"binary": _binary, "fractional": _fractional, "labelmap": _label}[kind](seg, stored)
        _group_frames(seg, source, references)
        return encoded(seg)


def _describe(seg: Dataset, source: Source, references: References) -> None:
    """Set everything that does not depend on the pixels."""
    header = source.header
    seg.Modality = "SEG"
    seg.ImageType = ["DERIVED", "PRIMARY"]
    seg.ContentLabel = "RETINA"
    seg.ContentDescription = f"Retinal segmentation, {RESEARCH}"
    seg.ContentCreatorName = "venule^"
    seg.PatientOrientation = ""  # required, and may be empty
    for keyword in ("PatientOrientation", "ImageLaterality"):
        if keyword in header:
            seg[keyword] = header[keyword]
    seg.BurnedInAnnotation = "NO"
    copy_lossy(seg, header)
    seg.ReferencedSeriesSequence = [references.by_series()]
    seg.SamplesPerPixel = 1
    seg.PhotometricInterpretation = "MONOCHROME2"
    seg.PixelRepresentation = 0


def _segment(number: int, name: str, source: Source, model: str, *, corrected: bool) -> Dataset:
    term = SEGMENTS[name]
    region = RETINA.item()
    side = SIDES.get(laterality(source.header))
    if side is not None:
        region.AnatomicRegionModifierSequence = [side.item()]
    algorithm = Dataset()
    algorithm.AlgorithmFamilyCodeSequence = [ARTIFICIAL_INTELLIGENCE.item()]
    algorithm.AlgorithmName = f"venule {model}".strip()[:64]
    algorithm.AlgorithmVersion = venule.__version__
    segment = Dataset()
    segment.SegmentNumber = number
    segment.SegmentLabel = term.label
    segment.SegmentAlgorithmType = "SEMIAUTOMATIC" if corrected else "AUTOMATIC"
    segment.SegmentAlgorithmName = algorithm.AlgorithmName
    segment.SegmentationAlgorithmIdentificationSequence = [algorithm]
    segment.SegmentedPropertyCategoryCodeSequence = [ANATOMICAL_STRUCTURE.item()]
    segment.SegmentedPropertyTypeCodeSequence = [term.type.item()]
    segment.AnatomicRegionSequence = [region]
    segment.RecommendedDisplayCIELabValue = cielab(term.cielab)
    return segment


# Pixels


def _binary(seg: Dataset, masks: Mapping[str, NDArray[Any]]) -> None:
    """Pack one bit per pixel, the first in the lowest bit, frames contiguous (PS3.5 8.1.1)."""
    bits = np.packbits(np.stack([*masks.values()]).ravel(), bitorder="little").tobytes()
    seg.SegmentationType = "BINARY"
    _set_pixels(seg, bits, frames=len(masks), bits=1)


def _fractional(seg: Dataset, maps: Mapping[str, NDArray[Any]]) -> None:
    seg.SegmentationType = "FRACTIONAL"
    seg.SegmentationFractionalType = "PROBABILITY"
    seg.MaximumFractionalValue = _FULL
    stack = np.stack([*maps.values()])
    levels = np.rint(stack * np.float32(_FULL)).astype(np.uint8)
    _set_pixels(seg, levels.tobytes(), frames=len(maps), bits=8)


def _label(seg: Dataset, masks: Mapping[str, NDArray[Any]]) -> None:
    labels = np.zeros((seg.Rows, seg.Columns), np.uint8)
    numbers = {name: number for number, name in enumerate(masks, 1)}
    for name in _ON_TOP:
        if name in masks:
            labels[masks[name]] = numbers[name]
    seg.SegmentationType = "LABELMAP"
    seg.SegmentsOverlap = "NO"
    seg.PixelPaddingValue = 0
    _set_pixels(seg, labels.tobytes(), frames=1, bits=8)


def _set_pixels(seg: Dataset, pixels: bytes, *, frames: int, bits: int) -> None:
    seg.NumberOfFrames = frames
    seg.BitsAllocated = seg.BitsStored = bits
    seg.HighBit = bits - 1
    seg.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))


# Frames


def _group_frames(seg: Dataset, source: Source, references: References) -> None:
    """Functional groups and dimensions: the segment and the source image of each frame."""
    labels = seg.SegmentationType == "LABELMAP"
    pointer, group = _FRAME_LABEL if labels else _SEGMENT_NUMBER
    organization = generate_uid(prefix=None)
    whole = Dataset()
    whole.DimensionOrganizationUID = organization
    index = Dataset()
    index.DimensionOrganizationUID = organization
    index.DimensionIndexPointer = pointer
    index.FunctionalGroupPointer = group
    index.DimensionDescriptionLabel = "Frame" if labels else "Segment"
    seg.DimensionOrganizationSequence = [whole]
    seg.DimensionIndexSequence = [index]
    seg.SharedFunctionalGroupsSequence = [_shared(source)]
    seg.PerFrameFunctionalGroupsSequence = [
        _frame(number, references, labels=labels) for number in range(1, seg.NumberOfFrames + 1)
    ]


def _shared(source: Source) -> Dataset:
    shared = Dataset()
    if len(numbers(source.header, "PixelSpacing")) == 2:
        measures = Dataset()
        measures.PixelSpacing = source.header.PixelSpacing
        # One pixel: a photograph has no thickness, but highdicom reads no measures without it.
        measures.SliceThickness = source.header.PixelSpacing[0]
        shared.PixelMeasuresSequence = [measures]
    return shared


def _frame(number: int, references: References, *, labels: bool) -> Dataset:
    image = references.image()
    image.PurposeOfReferenceCodeSequence = [PROCESSED.item()]
    image.SpatialLocationsPreserved = "YES"
    derivation = Dataset()
    derivation.DerivationCodeSequence = [SEGMENTATION.item()]
    derivation.SourceImageSequence = [image]
    content = Dataset()
    content.DimensionIndexValues = [number]
    frame = Dataset()
    frame.DerivationImageSequence = [derivation]
    frame.FrameContentSequence = [content]
    if labels:
        content.FrameLabel = "Labels"
    else:
        identification = Dataset()
        identification.ReferencedSegmentNumber = number
        frame.SegmentIdentificationSequence = [identification]
    return frame
