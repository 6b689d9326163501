"""Decoding of a file's bytes to RGB pixels, for any bit depth, colour mode and orientation.

Large photographs are decoded, and their bytes combined, in strips: 100 megapixels at 16 bits per
channel must fit into 2 GB.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from venule.errors import ImageError
from venule.image.arrays import RGB
from venule.image.container import has_more_pages, largest_page, open_image
from venule.image.levels import strips

_AT_ONCE = 2**23
"""Pixels passed from Pillow to NumPy, or converted to RGB, at once."""

_DEEP = 65535
"""The maximum value of a 16-bit PPM."""

_HOT, _WRITTEN, _BURNT_IN = 3e-5, 0.05, 0.4
"""Shares of the pixels: hot pixels and text at most; in text, least share at full value."""

_OTHER_BYTE = {";16B": ";16L", ";16L": ";16B"}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transpositions that undo each value of the EXIF orientation."""


class Decoded(NamedTuple):
    """A decoded image: (H, W, 3) uint8, its page, and whether the file has more pages."""

    pixels: RGB
    page: int
    more_pages: bool


def decode_photograph(content: bytes, path: Path) -> Decoded:
    """Decode a photograph and apply its EXIF orientation. Decoders' exceptions propagate.

    Raises:
        ImageError: not a photograph, too large, or of an unsupported pixel type.
    """
    opened = _open_photograph(content, path)
    if not has_more_pages(opened):
        return Decoded(_decode(opened, content, path), 0, more_pages=False)
    page = largest_page(opened)
    opened = _open_photograph(content, path, page=page)  # the search has moved on
    return Decoded(_decode(opened, content, path, page=page), page, more_pages=True)


def stored_pixels(image: Image.Image) -> NDArray[Any]:
    """The image's pixels as stored, in native byte order."""
    pixels = np.asarray(image)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def upright(image: Image.Image) -> Image.Image:
    """The decoded image with its EXIF orientation applied, if that can be read."""
    image.load()
    method = _turn(image)
    return image if method is None else image.transpose(method)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF, good pixels: viewers show them as stored
        return None


def _open_photograph(content: bytes, path: Path, *, page: int = 0) -> ImageFile.ImageFile:
    try:
        return open_image(content, path, page=page, also=("DICOM",))
    except SyntaxError as error:
        if "unknown pixel mode" in str(error):
            raise _unread(path) from error
        raise


def _unread(path: Path) -> ImageError:
    return ImageError(
        f"{path}: unsupported pixel type, such as floating point; "
        "save the photograph with 8 or 16 bits per channel"
    )


def _decode(opened: ImageFile.ImageFile, content: bytes, path: Path, *, page: int = 0) -> RGB:
    if isinstance(opened, TiffImageFile) and _has_deep_planes(opened):
        return _decode_deep_planes(content, opened, path, page=page)
    if _rawmode(opened) == "LA;16B":
        return _decode_deep_grey(opened)
    if opened.format == "PPM" and _codec(opened) == ("ppm", ("RGB", _DEEP)):
        return _decode_deep_ppm(opened, content)
    other = _other_rawmode(opened)
    if other is not None:
        return _decode_both_bytes(opened, other, content, path, page=page)
    image = upright(opened)
    if image.mode == "F":
        raise _unread(path)
    if image.mode.startswith("I"):
        return _to_rgb(_deep(_array(image), inverted=_is_inverted(opened)))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return _to_rgb(_array(image if image.mode == mode else image.convert(mode)))


# 16 bits per channel


def _other_rawmode(image: ImageFile.ImageFile) -> str | None:
    """The raw mode that reads the other bytes of 16-bit colour; None for any other image."""
    rawmode = _rawmode(image) if image.mode in ("RGB", "RGBA") else ""
    base, order = rawmode[:-4], rawmode[-4:]
    if order == ";16N":
        order = ";16L" if np.little_endian else ";16B"
    return base + _OTHER_BYTE[order] if order in _OTHER_BYTE else None


def _rawmode(image: ImageFile.ImageFile) -> str:
    """Pillow's name for the layout of the file's bytes; empty if unknown."""
    args = image.tile[0].args if image.tile else None
    return args if isinstance(args, str) else str(args[0]) if args else ""


def _decode_deep_grey(image: ImageFile.ImageFile) -> RGB:
    """Decode 16-bit grey with alpha: four bytes per pixel, read as if they were RGBA."""
    image.tile = [tile._replace(args=_with_rawmode(tile.args, "RGBA")) for tile in image.tile]
    pixels = _array(upright(image))
    grey = np.left_shift(pixels[..., 0], 8, dtype=np.uint16) | pixels[..., 1]
    opaque = np.left_shift(pixels[..., 2], 8, dtype=np.uint16)
    return _to_rgb(_deep(np.stack([grey, grey, grey, opaque], axis=-1)))


def _decode_both_bytes(
    image: ImageFile.ImageFile, rawmode: str, content: bytes, path: Path, *, page: int
) -> RGB:
    """Decode 16-bit colour, of which Pillow keeps only the high bytes.

    Decoding again in the other byte order gives the low bytes, for every compression it supports.
    """
    turned = upright(image)
    pixels = np.empty((turned.height, turned.width, len(turned.mode)), np.uint16)
    for rows, part in _parts(turned):
        np.left_shift(part, 8, out=pixels[rows], dtype=np.uint16)
    image.close()
    del turned
    other = open_image(content, path, page=page)
    other.tile = [tile._replace(args=_with_rawmode(tile.args, rawmode)) for tile in other.tile]
    for rows, part in _parts(upright(other)):
        pixels[rows] |= part
    return _to_rgb(_deep(pixels))


def _codec(image: ImageFile.ImageFile) -> tuple[str, Any]:
    return image.tile[0].codec_name, image.tile[0].args


def _decode_deep_ppm(image: ImageFile.ImageFile, content: bytes) -> RGB:
    """Decode a 16-bit colour PPM (netpbm's P6); Pillow keeps only the high bytes."""
    shape = (image.height, image.width, 3)
    samples = np.frombuffer(content, ">u2", math.prod(shape), offset=image.tile[0].offset)
    return _to_rgb(_deep(samples.reshape(shape)))


def _with_rawmode(args: Any, rawmode: str) -> Any:
    return rawmode if isinstance(args, str) else (rawmode, *args[1:])


def _has_deep_planes(image: TiffImageFile) -> bool:
    """Tell whether colours are separate 16-bit planes, which Pillow misreads as noise."""
    tags = image.tag_v2
    planar = tags.get(ExifTags.Base.PlanarConfiguration) == 2
    return planar and max(tags.get(ExifTags.Base.BitsPerSample, (1,))) > 8


def _decode_deep_planes(content: bytes, image: TiffImageFile, path: Path, *, page: int) -> RGB:
    """Decode 16-bit planes by tifffile; without imagecodecs it reads no LZW."""
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            stored = file.pages[page].asarray(maxworkers=1)
    except (ValueError, KeyError) as error:
        raise ImageError(
            f"{path}: separate 16-bit planes that cannot be decoded ({error}); "
            "save the photograph with interleaved channels"
        ) from error
    method = _turn(image)
    planes = [
        np.asarray(plane if method is None else Image.fromarray(plane).transpose(method))
        for plane in stored.reshape(-1, *stored.shape[-2:])[:3]
    ]
    if len(planes) < 3:
        return _to_rgb(_deep(planes[0], inverted=_is_inverted(image)))
    return _to_rgb(_deep(np.stack(planes, axis=-1)))


def _is_inverted(image: Image.Image) -> bool:
    """Tell whether 0 is white; Pillow inverts 8-bit images only."""
    return (
        isinstance(image, TiffImageFile)
        and image.tag_v2.get(ExifTags.Base.PhotometricInterpretation) == 0
    )


def _deep(pixels: NDArray[Any], *, inverted: bool = False) -> NDArray[np.uint8]:
    """Scale 16-bit pixels to uint8 by the bits they use: cameras store 12 of 16, for example."""
    color = pixels[..., :3] if pixels.ndim == 3 else pixels
    least, largest = int(color.min()), int(color.max())
    if least < 0 or largest >= 2**16:
        raise ValueError(f"pixel values {least} to {largest}, expected 0 to 65535")
    bits = _bits_used(color, largest)
    level = np.arange(2**16, dtype=np.uint16)
    if inverted:
        level, bits = level[::-1], 16
    table = np.rint(level * np.float32(255 / (2**bits - 1))).clip(0, 255).astype(np.uint8)
    scaled = np.empty(pixels.shape, np.uint8)
    for rows in strips(pixels.shape, _AT_ONCE):
        scaled[rows] = table[pixels[rows]]
        if pixels.ndim == 3 and pixels.shape[2] == 4:  # alpha uses the full range
            scaled[rows, :, 3] = pixels[rows, :, 3] >> 8
    return scaled


def _bits_used(color: NDArray[Any], largest: int) -> int:
    """The least of 8, 10, 12, 14 or 16 bits that holds the photograph's levels.

    Burnt-in text at the largest value and a few hot pixels do not count: a few pixels may exceed
    the range of the bits, or a small share of them if many of these are equal.
    """
    counts = np.bincount(color.max(axis=2).ravel() if color.ndim == 3 else color.ravel())
    for bits in (8, 10, 12, 14):
        if largest < 2**bits:
            return bits
        beyond = counts[2**bits :]
        share = int(beyond.sum()) / int(counts.sum())
        burnt_in = int(beyond[-max(1, len(beyond) // 50) :].sum()) >= _BURNT_IN * int(beyond.sum())
        if share <= _HOT or (share <= _WRITTEN and burnt_in):
            return bits
    return 16


# Between Pillow and NumPy


def _parts(image: Image.Image) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield the image's pixels in strips: as one array, Pillow would hold three copies."""
    for rows in strips((image.height, image.width), _AT_ONCE):
        if rows.stop - rows.start == image.height:
            yield rows, np.asarray(image)
        else:
            yield rows, np.asarray(image.crop((0, rows.start, image.width, rows.stop)))


def _array(image: Image.Image) -> NDArray[Any]:
    """The image's pixels as one array."""
    whole: NDArray[Any] | None = None
    for rows, part in _parts(image):
        if len(part) == image.height:
            return part
        if whole is None:
            whole = np.empty((image.height, *part.shape[1:]), part.dtype)
        whole[rows] = part
    assert whole is not None
    return whole


def _to_rgb(pixels: NDArray[np.uint8]) -> RGB:
    """Convert (H, W), (H, W, 3) or (H, W, 4) to RGB, with transparency on black."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels)
    rgb = np.empty((*pixels.shape[:2], 3), np.uint8)
    for rows in strips(pixels.shape, _AT_ONCE):
        opacity = pixels[rows, :, 3:] / np.float32(255)
        rgb[rows] = np.rint(pixels[rows, :, :3] * opacity)
    return rgb
