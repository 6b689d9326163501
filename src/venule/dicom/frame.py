"""Conversion of the stored samples of the first frame to 8-bit RGB."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from venule.dicom.color import ColorSpace, held_colors, to_rgb
from venule.dicom.elements import FrameError, broken, budgeted, value
from venule.dicom.header import PixelModule
from venule.dicom.jpeg import check_ratio, decode_jpeg, open_jpeg
from venule.dicom.rle import decode_rle
from venule.errors import ImageError

NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)
JPEG = (JPEGBaseline8Bit, JPEGExtended12Bit)
J2K = (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)
_GPL = (
    "whose usual decoder (pylibjpeg-libjpeg) is under the GPL and not used; decompress it with "
    "dcmtk: dcmdjpeg IN OUT"
)

UNREAD = {
    JPEGLossless: f"JPEG Lossless, {_GPL}",
    JPEGLosslessSV1: f"JPEG Lossless, {_GPL}",
    JPEGLSLossless: "JPEG-LS, which is not read; decompress it with dcmtk: dcmdjpls IN OUT",
    JPEGLSNearLossless: "JPEG-LS, which is not read; decompress it with dcmtk: dcmdjpls IN OUT",
}
"""Compressions of photographs that are not supported, and what to do instead."""

_MOST_PALETTE_BYTES = 2**17
_MOST_OFFSETS_BYTES = 2**20
_PALETTE = tuple(
    f"{color}PaletteColorLookupTable{part}"
    for color in ("Red", "Green", "Blue")
    for part in ("Descriptor", "Data")
)


class _Samples(NamedTuple):
    """Samples (H, W) or (H, W, 3) as stored, and the number of bits used."""

    values: NDArray[Any]
    bits: int


def first_frame(
    dataset: Dataset, module: PixelModule, name: str
) -> tuple[NDArray[np.uint8], list[str]]:
    """The first frame as (H, W, 3) uint8, RGB, in the stored grid, with notes on its colours.

    Samples are scaled by BitsStored, so that equal light gives equal values in every file.

    Raises:
        ImageError: the transfer syntax is not supported, or the frame is broken.
    """
    _check_syntax(module.transfer_syntax, name)
    try:
        if module.transfer_syntax in JPEG and module.samples == 3:
            return _color_jpeg(dataset, module)
        samples = _read_samples(dataset, module, name)
        if module.photometric == "PALETTE COLOR":
            return _apply_palette(dataset, samples), []
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders raise nearly any exception for broken frames
        raise broken(name, error) from None
    pixels, notes = _eight_bits(samples)
    if module.samples == 1:
        grey = 255 - pixels if module.photometric == "MONOCHROME1" else pixels
        return np.repeat(grey[..., None], 3, axis=2), notes
    held, note = held_colors(pixels, _claim(module.photometric))
    notes += [note] if note else []
    return (to_rgb(pixels) if held == "YBR" else pixels), notes


def _claim(photometric: str) -> ColorSpace:
    """The colour space that a decoder returns: JPEG 2000 undoes its own transform (ICT, RCT)."""
    return "YBR" if photometric.startswith("YBR_FULL") else "RGB"


def _check_syntax(syntax: UID, name: str) -> None:
    if syntax in (*NATIVE, *JPEG, *J2K, RLELossless):
        return
    if syntax in UNREAD:
        raise ImageError(f"{name}: compressed as {UNREAD[syntax]}")
    known = syntax.name if syntax.name != str(syntax) else "an unknown transfer syntax"
    raise ImageError(f"{name}: compressed as {known}, which is not read; decompress it first")


# Samples


def _read_samples(dataset: Dataset, module: PixelModule, name: str) -> _Samples:
    if module.transfer_syntax in NATIVE:
        return _shifted(_native(dataset, module), module)
    frame = _encapsulated(dataset, module)
    if module.transfer_syntax in J2K:
        return _jpeg2000(frame, module, name)
    if module.transfer_syntax in JPEG:
        if module.bits_stored > 8:
            raise ImageError(f"{name}: compressed as JPEG of {module.bits_stored} bits, {_GPL}")
        return _Samples(_grey_jpeg(frame, module), 8)
    shape = (module.rows, module.columns)
    sample_bytes = module.bits_allocated // 8
    values = decode_rle(frame, *shape, samples=module.samples, sample_bytes=sample_bytes)
    return _shifted(values, module)


def _native(dataset: Dataset, module: PixelModule) -> NDArray[Any]:
    """The first frame of uncompressed pixels; subsampled chroma is brought to full width."""
    halved = module.photometric == "YBR_FULL_422"
    size = module.rows * module.columns * (2 if halved else module.samples)
    size *= module.bits_allocated // 8
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = module.transfer_syntax
    one.Rows, one.Columns = module.rows, module.columns
    one.SamplesPerPixel = module.samples
    one.PhotometricInterpretation = module.photometric
    one.BitsAllocated = one.BitsStored = module.bits_allocated
    one.PixelRepresentation = 0
    if module.samples > 1:
        one.PlanarConfiguration = module.planar
    element = dataset["PixelData"]
    one.add_new("PixelData", element.VR, element.value[: size + size % 2])
    decoded: NDArray[Any] = get_decoder(module.transfer_syntax).as_array(one, index=0, raw=True)[0]
    return decoded


def _encapsulated(dataset: Dataset, module: PixelModule) -> bytes:
    offsets = value(dataset, "ExtendedOffsetTable", most_bytes=_MOST_OFFSETS_BYTES)
    lengths = value(dataset, "ExtendedOffsetTableLengths", most_bytes=_MOST_OFFSETS_BYTES)
    extended = (offsets, lengths) if offsets and lengths else None
    fragments = budgeted(dataset["PixelData"].value)
    return get_frame(fragments, 0, number_of_frames=module.frames, extended_offsets=extended)


def _jpeg2000(frame: bytes, module: PixelModule, name: str) -> _Samples:
    try:
        from openjpeg.utils import decode, get_parameters
    except ImportError:
        raise ImageError(
            f"{name}: JPEG 2000 needs a decoder; pip install 'venule[dicom]'"
        ) from None
    found = get_parameters(frame)
    rows, columns = int(found["rows"]), int(found["columns"])
    _check_shape(module, rows, columns, int(found["samples_per_pixel"]))
    check_ratio(rows * columns, len(frame))
    precision = int(found["precision"])
    if found["is_signed"] or precision > 16:
        raise FrameError("JPEG 2000 of signed samples, or deeper than 16 bits")
    # Encoders use the fewest bits that hold the largest value: the header's count is the scale.
    return _Samples(decode(frame), max(module.bits_stored, precision))


def _grey_jpeg(frame: bytes, module: PixelModule) -> NDArray[np.uint8]:
    opened = open_jpeg(frame)
    _check_shape(module, opened.rows, opened.columns, opened.samples)
    return decode_jpeg(opened)


def _color_jpeg(dataset: Dataset, module: PixelModule) -> tuple[NDArray[np.uint8], list[str]]:
    """Decode colour JPEG, trusting the pixels first, then the stream, then the header."""
    opened = open_jpeg(_encapsulated(dataset, module))
    _check_shape(module, opened.rows, opened.columns, opened.samples)
    claim = _claim(module.photometric)
    held, note = held_colors(decode_jpeg(opened, small=True), opened.claim or claim)
    if held != claim:
        note = f"claims {claim} colours but its JPEG stream holds {held}; read as {held}"
    return decode_jpeg(opened, held), [note] if note else []


def _check_shape(module: PixelModule, rows: int, columns: int, samples: int) -> None:
    if (rows, columns, samples) != (module.rows, module.columns, module.samples):
        raise FrameError("the shape of its frame differs from its header")


def _shifted(stored: NDArray[Any], module: PixelModule) -> _Samples:
    """Samples without the overlay bits that older files store beside them."""
    low = module.high_bit + 1 - module.bits_stored
    if module.bits_stored < module.bits_allocated:
        stored = stored >> low & (2**module.bits_stored - 1)
    return _Samples(stored, module.bits_stored)


# Levels


def _eight_bits(samples: _Samples) -> tuple[NDArray[np.uint8], list[str]]:
    """The samples as 0..255, and a note if they use far less than their range."""
    if samples.bits == 8:
        return samples.values.astype(np.uint8, copy=False), []
    largest = 2**samples.bits - 1
    levels = np.arange(largest + 1, dtype=np.float32) * np.float32(255 / largest)
    pixels = np.rint(levels).astype(np.uint8)[samples.values]
    used = int(samples.values.max()).bit_length()
    if used + 3 <= samples.bits:
        return pixels, [f"uses {used} of its {samples.bits} bits, so it is very dark"]
    return pixels, []


def _apply_palette(dataset: Dataset, samples: _Samples) -> NDArray[np.uint8]:
    """RGB by the object's own palette; the upper half of 16-bit colours.

    Some writers put 8-bit colours into 16-bit entries; none is then above 255.
    A segmented palette (run-length coded) is ideal for a bomb, and no camera writes one.
    """
    palette = Dataset()
    for keyword in _PALETTE:
        setattr(palette, keyword, value(dataset, keyword, most_bytes=_MOST_PALETTE_BYTES))
    colors: NDArray[Any] = apply_color_lut(samples.values, palette)
    deep = colors.dtype == np.uint16 and colors.max() > 255
    return (colors >> 8 if deep else colors).astype(np.uint8)
