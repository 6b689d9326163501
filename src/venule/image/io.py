"""Reading and writing of photographs, masks and probability maps.

Photographs and masks follow different rules. A photograph is read as a viewer shows it. A mask is
read as its file stores it, with the EXIF orientation applied: its palette may hold any colours
(DRIVE's second manual annotations: 3 and 253), so the stored index counts.
"""

import gzip
import hashlib
import stat
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from venule.errors import ImageError
from venule.files.atomic import write_bytes
from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.container import MAX_FILE_BYTES, open_image
from venule.image.decode import stored_pixels, upright
from venule.image.encode import encode_levels, encode_mask, encode_rgb
from venule.image.levels import to_levels

_MOST_ZIPPED = 100
"""No photograph compresses this well; above _SMALL_BYTES such a .gz is a decompression bomb."""

_SMALL_BYTES = 2**26

_LOW = 8
"""A file of 0 and one value up to this is a mask, hardly visible in a viewer."""

_ROUNDING = 1e-5


def read_mask(path: Path | str) -> Mask:
    """Read a mask as its file stores it: (H, W) bool, True where the stored value is above 0.

    Raises:
        ImageError: if the file cannot be read, has more than two values, two values neither of
            which is 0, or channels that differ.
    """
    path = Path(path)
    return decode_mask(read_bytes(path), path)


def decode_mask(content: bytes, path: Path) -> Mask:
    """Read a mask from a file's content, as `read_mask`; `path` is named in errors."""
    stored = _decode_stored(content, path)
    values = np.unique(stored)
    if len(values) > 2 or (len(values) == 2 and values[0] != 0):
        found = ", ".join(str(value) for value in values[:4])
        more = f", ... ({len(values)} values)" if len(values) > 4 else ""
        raise ImageError(
            f"{path}: not a two-valued mask, it stores {found}{more}; "
            f"save it as PNG with 0 outside and 255 inside"
        )
    return stored > 0


def read_texts(path: Path | str) -> dict[str, str]:
    """Read the text chunks of a PNG file, by keyword; empty for other files.

    Raises:
        ImageError: if the file cannot be read.
    """
    path = Path(path)
    content = read_bytes(path)
    try:
        return dict(getattr(open_image(content, path), "text", {}))
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders meet broken files with nearly every kind of exception
        raise broken(path, error) from error


def read_probability(path: Path | str) -> FloatMap:
    """Read a probability map, (H, W) float32 in 0..1: an 8- or 16-bit grey image or a float .npy.

    A file of 0 and one value up to 8 is a mask: 1 where it is above 0.

    Raises:
        ImageError: if the file cannot be read, has a palette of more than two colours, or a .npy is
            not (H, W) floats in 0..1.
    """
    path = Path(path)
    if path.suffix.lower() == ".npy":
        return _read_npy(path)
    stored = _decode_stored(read_bytes(path), path, most_colors=2)
    if stored.dtype == np.bool_ or _is_small_mask(stored):
        return (stored > 0).astype(np.float32)
    return (stored / np.float32(np.iinfo(stored.dtype).max)).astype(np.float32)


def _is_small_mask(stored: NDArray[Any]) -> bool:
    """Tell whether it is a mask of 0 and one low value, such as 1 or 2, not a probability map."""
    largest = int(stored.max(initial=0))
    return 0 < largest <= _LOW and bool(((stored == 0) | (stored == largest)).all())


def write_png(path: Path | str, array: NDArray[Any]) -> None:
    """Write uint8 (H, W) or (H, W, 3), uint16 (H, W), or bool (H, W) as 0 and 255; atomically.

    Raises:
        OutputError: if the file cannot be written.
    """
    if array.dtype == np.bool_:
        content = encode_mask(array)
    else:
        content = encode_levels(array) if array.dtype == np.uint16 else encode_rgb(array)
    write_bytes(Path(path), content)


def write_probability(path: Path | str, probability: FloatMap) -> None:
    """Write a (H, W) map in 0..1 as round(65535 p), a 16-bit grey PNG; atomically.

    Raises:
        ImageError: if a value is nan, or outside 0..1 by more than rounding.
        OutputError: if the file cannot be written.
    """
    if not (probability.min() >= -_ROUNDING and probability.max() <= 1 + _ROUNDING):
        raise ImageError("a probability map has values outside 0..1, or nan")
    write_bytes(Path(path), encode_levels(to_levels(probability)))


def pixel_hash(image: RGB) -> str:
    """SHA-256 (64 hex digits) of an image's shape and pixels, independent of its file."""
    digest = hashlib.sha256(repr(tuple(map(int, image.shape))).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def read_bytes(path: Path) -> bytes:
    """Read a file's content, unzipped if its name ends in .gz.

    Raises:
        ImageError: it is missing, too large, or a decompression bomb.
    """
    try:
        _check_file(path)
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES)
        if path.suffix.lower() != ".gz":
            return content
        limit = min(MAX_FILE_BYTES, max(_SMALL_BYTES, _MOST_ZIPPED * len(content)))
        with gzip.open(BytesIO(content)) as zipped:
            unzipped = zipped.read(limit + 1)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except (OSError, EOFError, ValueError) as error:
        raise ImageError(f"{path}: cannot be read ({_reason(error)})") from error
    except zlib.error as error:
        raise ImageError(f"{path}: broken gzip file ({_reason(error)})") from error
    if len(unzipped) > limit:
        raise _too_large(path, "it unpacks to more than", limit)
    return unzipped


def _check_file(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would block forever
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise ImageError(f"{path}: cannot be read, it is {what}")
    if status.st_size > MAX_FILE_BYTES:
        raise _too_large(path, "it is larger than", MAX_FILE_BYTES)


def _too_large(path: Path, how: str, limit: int) -> ImageError:
    return ImageError(f"{path}: cannot be read, {how} {limit // 10**6} MB")


def broken(path: Path, error: Exception) -> ImageError:
    """The one-line error for a file that a decoder cannot read."""
    return ImageError(f"{path}: broken or truncated image ({_reason(error)})")


def _decode_stored(content: bytes, path: Path, *, most_colors: int = 256) -> NDArray[Any]:
    """(H, W) bool, uint8 or uint16 as stored: palette indices; equal channels as one."""
    image, stored = decode_stored(content, path)
    if image.mode == "P" and len(np.unique(stored)) > most_colors:
        raise ImageError(f"{path}: its palette has no order; save it as a grey PNG")
    several = len(image.getbands()) > 1
    if several and (image.mode not in ("LA", "RGB", "RGBA") or stored.ndim == 3):
        raise ImageError(f"{path}: the channels differ; save it as a grey PNG")
    return stored


def decode_stored(content: bytes, path: Path) -> tuple[Image.Image, NDArray[Any]]:
    """The upright image in a file's content, and its values as stored: bool, uint8 or uint16.

    (H, W): grey values or palette indices; of colours, as from `equal_as_one`.

    Raises:
        ImageError: the image cannot be read, or has an unsupported pixel type.
    """
    try:
        image = upright(open_image(content, path))
        stored = stored_pixels(image)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders meet broken files with nearly every kind of exception
        raise broken(path, error) from error
    if stored.ndim == 3:
        stored = equal_as_one(stored[..., :1] if image.mode == "LA" else stored[..., :3])
    if stored.dtype == np.int32 and stored.min() >= 0 and stored.max() < 2**16:
        stored = stored.astype(np.uint16)
    if stored.dtype not in (np.bool_, np.uint8, np.uint16):
        raise ImageError(
            f"{path}: unsupported pixel type {stored.dtype}; save it as an 8-bit grey PNG"
        )
    return image, stored


def equal_as_one(colors: NDArray[Any]) -> NDArray[Any]:
    """One channel (H, W) if all of (H, W, C) are equal; the same array otherwise."""
    return colors[..., 0] if (colors == colors[..., :1]).all() else colors


def _read_npy(path: Path) -> FloatMap:
    try:
        _check_file(path)
        # Memory-mapped, so a header cannot make us allocate more than the file holds.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise ImageError(f"{path}: not a NumPy array file ({_reason(error)})") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fb":
        raise ImageError(f"{path}: expected an (H, W) array of floats in 0..1")
    # The comparison is False for nan as well.
    if array.size == 0 or not (array.min() >= 0 and array.max() <= 1):
        raise ImageError(f"{path}: the values must lie in 0..1")
    return array.astype(np.float32)


def _reason(error: Exception) -> str:
    """One short line of a decoder's exception, which may quote the file's content."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (text[:120] + "..." if len(text) > 120 else text) or type(error).__name__
