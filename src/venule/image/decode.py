"""From a file's bytes to a photograph's pixels, whatever its depth, colours and orientation."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from venule.errors import ImageError
from venule.image.arrays import RGB

MAX_PIXELS = 200_000_000
"""A larger photograph is refused before it is decoded."""

_FORMATS = ("JPEG", "PNG", "TIFF", "PPM", "GIF", "BMP", "WEBP")
_SWAPPED_BYTES = {";16B": ";16L", ";16L": ";16B"}


def open_image(content: bytes, path: Path) -> ImageFile.ImageFile:
    """The image's header, its size checked, nothing decoded.

    This is Image.open without its check of Image.MAX_IMAGE_PIXELS: that limit is the whole
    process's, and lower than the photographs we accept.
    """
    if not content:
        raise ImageError(f"{path}: the file is empty")
    Image.init()
    image: ImageFile.ImageFile | None = None
    for name in _FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is not None and accept is not None and accept(content[:16]) is True:
            image = factory(BytesIO(content), str(path))
            break
    if image is None:
        raise ImageError(f"{path}: not an image of a kind that is read ({', '.join(_FORMATS)})")
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"{path}: {image.width} x {image.height} pixels, more than the "
            f"{MAX_PIXELS // 10**6} megapixels that are read; scale it down"
        )
    return image


def decode_photograph(content: bytes, path: Path) -> RGB:
    """The photograph as a viewer shows it: (H, W, 3) uint8. Foreign exceptions pass through."""
    opened = open_image(content, path)
    if isinstance(opened, TiffImageFile) and _has_deep_planes(opened):
        return _decode_deep_planes(content, opened)
    deep = _swapped_rawmode(opened)
    if deep is not None:
        # Pillow keeps the high bytes of 16-bit colour. Decoding once more in the other byte order
        # gives the low bytes, for every compression that it knows.
        high = np.asarray(upright(opened))
        other = open_image(content, path)
        other.tile = [tile._replace(args=_with_rawmode(tile.args, deep)) for tile in other.tile]
        low = np.asarray(upright(other))
        return _composite(_to_eight_bits(high.astype(np.uint16) << 8 | low))
    image = upright(opened)
    if image.mode.startswith("I"):
        return _composite(_to_eight_bits(np.asarray(image)))
    if image.mode == "F":
        raise ImageError(f"{path}: floating-point pixels; save the photograph with 8 or 16 bits")
    transparent = image.has_transparency_data
    return _composite(np.asarray(image.convert("RGBA" if transparent else "RGB")))


def _has_deep_planes(image: TiffImageFile) -> bool:
    """Whether each colour is a plane of its own with 16 bits, which Pillow reads as noise."""
    tags = image.tag_v2
    planar = tags.get(ExifTags.Base.PlanarConfiguration) == 2
    return planar and max(tags.get(ExifTags.Base.BitsPerSample, (1,))) > 8


def _decode_deep_planes(content: bytes, image: TiffImageFile) -> RGB:
    import tifffile  # slow to import, and rarely needed

    planes = tifffile.imread(BytesIO(content), key=0)
    picture = Image.fromarray(_composite(_to_eight_bits(np.moveaxis(planes, 0, -1))))
    orientation = image.tag_v2.get(ExifTags.Base.Orientation, 1)
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(upright(picture))


def _swapped_rawmode(image: ImageFile.ImageFile) -> str | None:
    """The raw mode that reads the other bytes of 16-bit colour; None for any other image."""
    if image.mode not in ("RGB", "RGBA") or not image.tile:
        return None
    args = image.tile[0].args
    rawmode = args if isinstance(args, str) else str(args[0]) if args else ""
    base, order = rawmode[:-4], rawmode[-4:]
    if order == ";16N":
        order = ";16L" if np.little_endian else ";16B"
    return base + _SWAPPED_BYTES[order] if order in _SWAPPED_BYTES else None


def _with_rawmode(args: Any, rawmode: str) -> Any:
    return rawmode if isinstance(args, str) else (rawmode, *args[1:])


def upright(image: Image.Image) -> Image.Image:
    """The decoded image, turned as its EXIF orientation says."""
    image.load()
    return ImageOps.exif_transpose(image)


def _to_eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Deep pixels as uint8, scaled by the bits they use: cameras store 12 of 16, for example."""
    largest = int(pixels[..., :3].max() if pixels.ndim == 3 else pixels.max())
    if int(pixels.min()) < 0 or largest >= 2**16:
        raise ValueError(f"pixel values {pixels.min()} to {largest}, expected 0 to 65535")
    bits = next(bits for bits in (8, 10, 12, 14, 16) if largest < 2**bits)
    scaled = np.rint(pixels * np.float32(255 / (2**bits - 1)))
    if pixels.ndim == 3 and pixels.shape[2] == 4:  # opacity uses its full range
        scaled[..., 3] = pixels[..., 3] >> 8
    return scaled.astype(np.uint8)


def _composite(pixels: NDArray[np.uint8]) -> RGB:
    """(H, W), (H, W, 3) or (H, W, 4) as RGB, transparency on black."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    if pixels.shape[2] == 4:
        opacity = pixels[..., 3:] / np.float32(255)
        return np.rint(pixels[..., :3] * opacity).astype(np.uint8)
    return np.ascontiguousarray(pixels)
