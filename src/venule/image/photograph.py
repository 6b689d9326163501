"""One fundus photograph: its pixels, and the metadata of its file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from venule.dicom.recognize import recognizes
from venule.errors import ImageError
from venule.files.limits import UM_PER_PX
from venule.image.arrays import RGB, check_rgb
from venule.image.decode import decode_photograph
from venule.image.io import broken, read_bytes

Laterality = Literal["left", "right"]

NO_COLOR = "a photograph without colour; vessels are found in colour photographs"
MORE_PAGES = "a file of several pages; the first one was read"
LARGEST_PAGE = "a file of several pages; the largest one was read, page {}"

_GREY_LEVELS = 8
"""Grey levels that compression adds to a grey photograph; a retina's colours differ by more."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A colour fundus photograph, checked once.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        um_per_px: length of a pixel at the retina in micrometres, from the file or the user; None
            if unknown, never guessed.
        laterality: left or right eye, from the file or the user.
        notes: remarks from reading the file, one line each, such as `NO_COLOR`.
        square: False if the file says that its pixels are not square.
        origin: data that only the file's reader understands, such as a DICOM header.
    """

    pixels: RGB
    um_per_px: float | None = None
    laterality: Laterality | None = None
    notes: tuple[str, ...] = ()
    square: bool = True
    origin: object | None = None

    def __post_init__(self) -> None:
        """Raise ImageError for a wrong shape or dtype, or a pixel length of no photograph."""
        check_rgb(self.pixels)
        low, high = UM_PER_PX
        if self.um_per_px is not None and not low <= self.um_per_px <= high:
            raise ImageError(
                f"um_per_px = {self.um_per_px}: give micrometres per pixel, {low:g} to {high:g}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True)
class Reader:
    """A file type: a test of its first bytes, and the function that reads it."""

    name: str
    recognizes: Callable[[bytes], bool]
    read: Callable[[bytes, Path], Photograph]


def read_photograph(source: Path | str | bytes) -> Photograph:
    """Read a photograph from its file, or from the file's bytes.

    The EXIF orientation is applied, colour profiles are not; transparency becomes black. The first
    of `READERS` that recognizes the content reads it, whatever the file's name.

    Raises:
        ImageError: the file is missing, not a photograph, broken, has over 200 megapixels, or
            claims far more of them than its size can hold.
    """
    path = Path("photograph" if isinstance(source, bytes) else source)
    content = source if isinstance(source, bytes) else read_bytes(path)
    reader = next(reader for reader in READERS if reader.recognizes(content))
    try:
        photograph = reader.read(content, path)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders raise almost anything for broken files
        raise broken(path, error) from error
    if _is_grey(photograph.pixels):
        photograph = replace(photograph, notes=(*photograph.notes, NO_COLOR))
    return photograph


def as_photograph(source: Photograph | RGB | bytes | Path | str) -> Photograph:
    """Return `source` as a photograph: itself, read from its file or bytes, or its pixels.

    Raises:
        ImageError: it cannot be read, or is an array of another shape or dtype.
    """
    if isinstance(source, Photograph):
        return source
    if isinstance(source, bytes | Path | str):
        return read_photograph(source)
    return Photograph(source)


def _read_picture(content: bytes, path: Path) -> Photograph:
    decoded = decode_photograph(content, path)
    notes: tuple[str, ...] = ()
    if decoded.more_pages:
        notes = (LARGEST_PAGE.format(decoded.page + 1) if decoded.page else MORE_PAGES,)
    return Photograph(decoded.pixels, notes=notes)


def _read_dicom(content: bytes, path: Path) -> Photograph:
    # Imported here because pydicom is an extra, and slow to import.
    from venule.dicom.read import read_dicom

    found = read_dicom(content, str(path))
    return Photograph(
        found.pixels,
        found.um_per_px,
        found.laterality,
        notes=found.notes,
        square=found.square,
        origin=found.source,
    )


def _is_grey(pixels: RGB) -> bool:
    """Tell whether the channels differ nowhere by more than compression explains."""
    step = max(1, min(pixels.shape[:2]) // 64)
    sample = pixels[::step, ::step]  # enough for nearly every photograph of a retina
    return _saturation(sample) <= _GREY_LEVELS and all(
        _saturation(part) <= _GREY_LEVELS
        for part in np.array_split(pixels, -(-pixels.size // 2**24))
    )


def _saturation(pixels: RGB) -> int:
    """The largest difference between the channels of a pixel, in grey levels."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    least = np.minimum(np.minimum(red, green), blue)
    return int((np.maximum(np.maximum(red, green), blue) - least).max())


READERS: tuple[Reader, ...] = (
    Reader("DICOM", recognizes, _read_dicom),
    Reader("picture", lambda _: True, _read_picture),
)
"""File types in the order in which they are tried; the last reads whatever Pillow reads."""
