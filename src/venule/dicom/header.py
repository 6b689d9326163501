"""Recognition of photographs among DICOM objects, their pixel format, and the kept attributes."""

from contextlib import suppress
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
)

from venule.dicom.elements import integer, numbers, text, value
from venule.errors import ImageError
from venule.files.limits import UM_PER_PX

_JPEG = "ISO_10918_1"
_LOSSY = {
    JPEGBaseline8Bit: _JPEG,
    JPEGExtended12Bit: _JPEG,
    JPEG2000: "ISO_15444_1",
    HTJ2K: "ISO_15444_15",
}
"""Defined terms of LossyImageCompressionMethod (PS3.3 C.7.6.1.1.5) by transfer syntax."""

MAX_PIXELS = 200_000_000
"""Larger images are refused before decoding."""

PHOTOGRAPHS = {
    "1.2.840.10008.5.1.4.1.1.77.1.5.1": "Ophthalmic Photography 8 Bit",
    "1.2.840.10008.5.1.4.1.1.77.1.5.2": "Ophthalmic Photography 16 Bit",
    "1.2.840.10008.5.1.4.1.1.77.1.5.5": "Wide Field Ophthalmic Photography Stereographic",
    "1.2.840.10008.5.1.4.1.1.77.1.5.6": "Wide Field Ophthalmic Photography 3D",
    "1.2.840.10008.5.1.4.1.1.77.1.4": "VL Photographic",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.3": "Multi-frame Grayscale Word Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture",
}
"""The supported SOP classes."""

COLORS = {"RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3, "YBR_ICT": 3, "YBR_RCT": 3}
GREYS = {"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1}

KEPT = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID"),
    *("AccessionNumber", "StudyDescription", "SeriesInstanceUID", "SeriesNumber", "Modality"),
    *("SOPClassUID", "SOPInstanceUID", "TimezoneOffsetFromUTC"),
    *("Rows", "Columns", "NumberOfFrames"),
    *("PixelSpacing", "PixelAspectRatio", "PatientOrientation", "ImageLaterality", "Laterality"),
    *("AcquisitionDateTime", "AcquisitionDate", "ContentDate", "BurnedInAnnotation"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
"""Attributes that a derived object, or a report, may need; all others are dropped."""


@dataclass(frozen=True)
class PixelModule:
    """Pixel format (PS3.3 C.7.6.3), validated; the first of several frames is used."""

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    planar: int
    frames: int
    transfer_syntax: UID


def kept(dataset: Dataset) -> Dataset:
    """A decoded copy of the attributes in KEPT; to be written in UTF-8."""
    header = Dataset()
    for keyword in KEPT:
        found = value(dataset, keyword)
        if found is not None:
            with suppress(Exception):  # malformed attributes count as absent
                setattr(header, keyword, found)
    header.SpecificCharacterSet = "ISO_IR 192"
    return header


def pixel_module(dataset: Dataset, name: str) -> PixelModule:
    """Read the pixel format of a photograph.

    Raises:
        ImageError: the object is not a photograph, or its pixel format is not supported.
    """
    _check_class(dataset, name)
    if "PixelData" not in dataset:
        raise ImageError(f"{name}: broken or truncated DICOM file, it has no PixelData")
    if integer(dataset, "PixelRepresentation", default=0) != 0:
        raise ImageError(f"{name}: signed pixels, which no photograph has")
    bits = _required(dataset, "BitsStored", name)
    module = PixelModule(
        rows=_required(dataset, "Rows", name),
        columns=_required(dataset, "Columns", name),
        samples=integer(dataset, "SamplesPerPixel") or 1,
        photometric=text(dataset, "PhotometricInterpretation").upper(),
        bits_allocated=_required(dataset, "BitsAllocated", name),
        bits_stored=bits,
        high_bit=integer(dataset, "HighBit") or bits - 1,
        planar=integer(dataset, "PlanarConfiguration") or 0,
        frames=max(1, integer(dataset, "NumberOfFrames") or 1),
        transfer_syntax=_transfer_syntax(dataset),
    )
    _check_pixels(module, name)
    return module


def state_lossy(header: Dataset, module: PixelModule, stored_bytes: int) -> None:
    """State the lossy compression of the transfer syntax in a header that does not.

    JPEG is always lossy, whatever the header says; JPEG 2000 of these syntaxes may be, and counts
    as lossy unless the header denies it.
    """
    stated, method = text(header, "LossyImageCompression"), _LOSSY.get(module.transfer_syntax)
    if method is None or stated == "01" or (stated and method != _JPEG):
        return
    pixels = module.rows * module.columns * module.samples * module.frames
    header.LossyImageCompression = "01"
    header.LossyImageCompressionMethod = method
    ratio = pixels * module.bits_allocated / 8 / max(stored_bytes, 1)
    header.LossyImageCompressionRatio = f"{ratio:.2f}"


def um_per_px(header: Dataset) -> tuple[float | None, str | None]:
    """The nominal size of a pixel, and a note on what was found instead, if anything."""
    spacing = numbers(header, "PixelSpacing")
    if len(spacing) != 2:
        return None, _stretched(header)
    row, column = (1000 * each for each in spacing)
    finest, coarsest = UM_PER_PX
    if not all(finest <= each <= coarsest for each in (row, column)):
        return None, f"PixelSpacing of {row:g} x {column:g} um is not that of a retina, not used"
    if not has_square_pixels(header):
        return None, f"pixels of {row:g} x {column:g} um are not square, PixelSpacing not used"
    return (row + column) / 2, None


def _stretched(header: Dataset) -> str | None:
    """A note on pixels that PixelAspectRatio says are not square."""
    if has_square_pixels(header):
        return None
    tall, wide = numbers(header, "PixelAspectRatio")
    return f"pixels of {tall:g} : {wide:g} (height to width, PixelAspectRatio) are not square"


def has_square_pixels(header: Dataset) -> bool:
    """Tell whether a pixel is as high as it is wide, which is assumed if it is not stated.

    PixelAspectRatio, height to width, is stated instead of PixelSpacing (PS3.3 C.7.6.3.1.7).
    """
    sides = numbers(header, "PixelSpacing") or numbers(header, "PixelAspectRatio")
    return len(sides) != 2 or abs(sides[0] - sides[1]) <= 0.01 * abs(sides[0])


def laterality(header: Dataset) -> str:
    """`R`, `L`, `B` (both eyes), or "" if the header does not state it."""
    return (text(header, "ImageLaterality") or text(header, "Laterality")).upper()


def acquisition_date(header: Dataset) -> str:
    """The date of the photograph, YYYYMMDD; "" if not in the header. Personal data."""
    keywords = ("AcquisitionDateTime", "AcquisitionDate", "ContentDate", "StudyDate")
    return next((day for day in (text(header, each)[:8] for each in keywords) if day), "")


def _check_class(dataset: Dataset, name: str) -> None:
    found = text(dataset, "SOPClassUID")
    if found in PHOTOGRAPHS:
        return
    uid = UID(found)
    known = uid.name if found and uid.name != found else "an object of an unknown class"
    raise ImageError(
        f"{name}: no photograph but {known}; read are ophthalmic and VL photography and "
        "secondary capture"
    )


def _required(dataset: Dataset, keyword: str, name: str) -> int:
    found = integer(dataset, keyword)
    if not found or found < 0:
        raise ImageError(f"{name}: broken or truncated DICOM file, it has no {keyword}")
    return found


def _transfer_syntax(dataset: Dataset) -> UID:
    named = text(dataset.file_meta, "TransferSyntaxUID") if hasattr(dataset, "file_meta") else ""
    if named:
        return UID(named)
    implicit, little = dataset.original_encoding
    if not little:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _check_pixels(module: PixelModule, name: str) -> None:
    if module.rows * module.columns > MAX_PIXELS:
        raise ImageError(
            f"{name}: {module.columns} x {module.rows} pixels, more than the "
            f"{MAX_PIXELS // 10**6} megapixels that are supported; scale it down"
        )
    if module.bits_allocated not in (8, 16) or module.bits_stored > module.bits_allocated:
        raise ImageError(
            f"{name}: {module.bits_stored} of {module.bits_allocated} bits a sample; "
            "photographs of 8 and 16 bits are supported"
        )
    if not module.bits_stored - 1 <= module.high_bit < module.bits_allocated:
        raise ImageError(f"{name}: broken DICOM file, its HighBit is {module.high_bit}")
    expected = {**COLORS, **GREYS}.get(module.photometric)
    if expected is None:
        raise ImageError(f"{name}: unknown pixel format; supported are {', '.join(COLORS | GREYS)}")
    if module.samples != expected:
        raise ImageError(
            f"{name}: {module.samples} samples a pixel, expected {expected} of {module.photometric}"
        )
