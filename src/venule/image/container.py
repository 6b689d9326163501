"""Image containers: their declared sizes, and limits checked before anything is decoded.

A malicious file is small and claims to be large: a header of a hundred bytes for 200 megapixels, a
thousand passes over each of them. These limits keep its memory and time to those of a genuine
photograph.
"""

import math
import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from venule.errors import ImageError
from venule.image.kinds import HEAD_BYTES, foreign_kind

MAX_PIXELS = 200_000_000
"""A larger photograph is refused before it is decoded."""

MAX_FILE_BYTES = 8 * MAX_PIXELS + 2**24
"""A larger file is refused before it is read; MAX_PIXELS of four 16-bit channels fit."""

FORMATS = ("JPEG", "PNG", "TIFF", "PPM", "GIF", "BMP", "WEBP")

_SMALL_PIXELS = 2**24
_MOST_PIXELS_PER_BYTE = 2000
"""No photograph compresses this well; above _SMALL_PIXELS the file is a bomb, or truncated."""

_MOST_PASSES = 6
"""Most times that a file may fill its pixels: four separate channels, and tiles that overhang."""

_MOST_JPEG_SCANS = 500

_MOST_PAGES = 32
"""Number of pages compared; a malicious file may chain millions of them."""

_TILE = (ExifTags.Base.TileWidth, ExifTags.Base.TileLength)


def open_image(
    content: bytes, path: Path, *, page: int = 0, also: Sequence[str] = ()
) -> ImageFile.ImageFile:
    """Open one page of an image: its size is checked, nothing is decoded; other errors propagate.

    This is Image.open without its check of Image.MAX_IMAGE_PIXELS: that limit is process-wide, and
    lower than the photographs we accept. Pillow is not given the path, or it would map the file
    itself into memory, even a gzipped one. `also` names types that the caller reads by other means.

    Raises:
        ImageError: not an image of a supported type, too large, or a decompression bomb.
    """
    if not content:
        raise ImageError(f"{path}: the file is empty")
    Image.init()
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is not None and accept is not None and accept(content[:16]) is True:
            break
    else:
        kind = foreign_kind(content[:HEAD_BYTES])
        if kind is not None:
            raise ImageError(f"{path}: it is {kind.name}; {kind.todo}")
        raise ImageError(
            f"{path}: not an image of a supported type ({', '.join((*FORMATS, *also))})"
        )
    if name == "WEBP":  # its decoder allocates the image when it is created
        _check_size(_webp_size(content), len(content), path)
    if name == "JPEG" and content.count(b"\xff\xda") > _MOST_JPEG_SCANS:
        raise ImageError(f"{path}: a JPEG of more than {_MOST_JPEG_SCANS} scans; save it again")
    image: ImageFile.ImageFile = factory(BytesIO(content), "")
    if page:
        image.seek(page)
    _check_size(image.size, len(content), path)
    _check_passes(image, path)
    if isinstance(image, TiffImageFile):
        _check_tiff_tiles(image, len(content), path)
        # With a given buffer, Pillow does not check its own size limit either. It rotates the
        # pixels after decoding, so the buffer has the stored size.
        stored = getattr(image, "_tile_size", image.size)
        image.im = Image.new(image.mode, stored).im
    return image


def largest_page(image: ImageFile.ImageFile) -> int:
    """Find which of the first pages of a TIFF has most pixels; some cameras put a thumbnail first.

    A later page that cannot be read ends the search. All frames of an animation have one size.
    """
    if not isinstance(image, TiffImageFile):
        return 0
    pixels = [math.prod(image.size)]
    try:
        for page in range(1, _MOST_PAGES):
            image.seek(page)
            pixels.append(math.prod(image.size))
    except Exception:  # the last page, or a broken one
        pass
    return pixels.index(max(pixels))


def has_more_pages(image: ImageFile.ImageFile) -> bool:
    """Tell whether other full pages, or frames of an animation, follow the one that is read.

    They are not counted: a malicious file may chain millions of them, or make the chain a loop.
    """
    if image.format == "MPO":  # previews of the first, or its stereo partner
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # the next one is broken
        return False


def _check_size(size: tuple[int, int], content_bytes: int, path: Path) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path}: {width} x {height} pixels, more than the "
            f"{MAX_PIXELS // 10**6} megapixels that are read; scale it down"
        )
    if width * height > max(_SMALL_PIXELS, _MOST_PIXELS_PER_BYTE * content_bytes):
        raise ImageError(
            f"{path}: {content_bytes} bytes for {width} x {height} pixels: truncated, or a "
            "decompression bomb; save it again"
        )


def _check_passes(image: ImageFile.ImageFile, path: Path) -> None:
    """Refuse a file whose strips or tiles, all of which are decoded, cover the image too often."""
    pixels = 0
    for _, box, *_ in image.tile:
        if box is not None:
            pixels += (box[2] - box[0]) * (box[3] - box[1])
    if pixels > _MOST_PASSES * max(image.width * image.height, 2**16):
        raise ImageError(f"{path}: its strips or tiles overlap; save it again")


def _check_tiff_tiles(image: TiffImageFile, content_bytes: int, path: Path) -> None:
    """Refuse tiles that are far larger than the image: a whole tile is decoded at a time."""
    width, height = (image.tag_v2.get(tag, 1) for tag in _TILE)
    if isinstance(width, int) and isinstance(height, int):
        _check_size((width, height), content_bytes, path)


def _webp_size(content: bytes) -> tuple[int, int]:
    """Width and height from a WebP file's first chunk (RFC 9649); (0, 0) if it has none.

    Broken chunks are left for the decoder to report.
    """
    kind, head = content[12:16], content[20:30]
    if len(head) < 10:
        return 0, 0
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", head[6:10])
    return width & 0x3FFF, height & 0x3FFF
