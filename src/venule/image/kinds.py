"""Kinds of files by their first bytes: pictures that are read, and others with what to do."""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from venule.image.names import is_image_path

HEAD_BYTES = 256
"""So many bytes tell every kind."""

_SAVE = "export the photograph as JPEG, PNG or TIFF"


@dataclass(frozen=True)
class Foreign:
    """A kind of file that is not read: what it is, what to do, and whether it shows a picture."""

    name: str
    todo: str = _SAVE
    picture: bool = True


_READ = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|II\*\0|MM\0\*|II\+\0|MM\0\+|GIF8[79]a|RIFF....WEBP|"
    rb"P[1-6]\s+(#[^\n]*\s+)*[0-9]+\s|BM....\0\0\0\0....[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    re.DOTALL,
)
"""JPEG, PNG, TIFF and BigTIFF, GIF, WebP, netpbm's and BMP."""

_BRANDS = {
    b"avif": "an AVIF picture", b"avis": "an AVIF picture",
    b"heic": "a HEIC photograph", b"heix": "a HEIC photograph", b"heim": "a HEIC photograph",
    b"heis": "a HEIC photograph", b"hevc": "a HEIC photograph", b"hevx": "a HEIC photograph",
    b"mif1": "a HEIF photograph", b"msf1": "a HEIF photograph", b"crx ": "a camera's raw file",
}  # fmt: skip
"""The major brands of files in ISO's base media format (ISO/IEC 14496-12); others are films."""

_FOREIGN = (
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", Foreign("a JPEG XL picture")),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", Foreign("a JPEG 2000 picture")),
    (rb"%PDF-", Foreign("a PDF document", "export the photograph in it as PNG or TIFF")),
    (
        rb"version https://git-lfs\.github\.com/spec/",
        Foreign("a Git LFS pointer, not the file itself", "fetch the file with `git lfs pull`"),
    ),
    (rb"8BPS", Foreign("a Photoshop file")),
    (rb"FUJIFILMCCD-RAW|\0MRM", Foreign("a camera's raw file")),
    (rb"\s*(<\?xml[^>]*>\s*)?<svg", Foreign("an SVG drawing", picture=False)),
    (
        rb"\s*<(!doctype html|html|head|\?xml)",
        Foreign("a web page, as failed downloads leave it", "fetch the file again", picture=False),
    ),
    (rb"PK\x03\x04", Foreign("a ZIP archive", "unpack it", picture=False)),
    (rb"Rar!\x1a|7z\xbc\xaf", Foreign("an archive", "unpack it", picture=False)),
    (rb"\x93NUMPY", Foreign("a NumPy array", picture=False)),
    (rb"\x89HDF\r\n|MATLAB 5\.0", Foreign("a file of arrays", picture=False)),
)  # fmt: skip


def is_read(head: bytes) -> bool:
    """Tell whether a file that begins so is a picture of a kind that is read."""
    return _READ.match(head) is not None


def foreign_kind(head: bytes) -> Foreign | None:
    """Name a file that begins so, if it is of a known kind that is not read."""
    if head[4:8] == b"ftyp":
        name = _BRANDS.get(head[8:12])
        return Foreign("a film", picture=False) if name is None else Foreign(name)
    for pattern, kind in _FOREIGN:
        if re.match(pattern, head, re.IGNORECASE):
            return kind
    return None


def head_of(path: Path) -> bytes:
    """The first bytes of a file, unzipped if its name ends in .gz; none if it cannot be read."""
    try:
        if not path.is_file():  # reading a pipe would wait for ever
            return b""
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as file:
                return bytes(file.read(HEAD_BYTES))
        with path.open("rb", buffering=0) as plain:
            return plain.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""


def is_photograph(path: Path) -> bool:
    """Tell whether a file is a photograph by its name, or of a kind read by its content."""
    return is_image_path(path) or is_read(head_of(path))


def unread_picture(path: Path) -> Foreign | None:
    """Name a picture that is not read, and not called a photograph either; None for others."""
    if is_image_path(path):
        return None
    kind = foreign_kind(head_of(path))
    return kind if kind is not None and kind.picture else None
