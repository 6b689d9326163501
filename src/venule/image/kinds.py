"""File types by their first bytes: supported images, and others with advice for the user."""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from venule.image.names import UNREAD_SUFFIXES, is_image_path

HEAD_BYTES = 256
"""Enough bytes to identify every type."""

_SAVE = "export the photograph as JPEG, PNG or TIFF"


@dataclass(frozen=True)
class Foreign:
    """An unsupported file type: its name, what to do, and whether it is an image.

    A `photograph` is an image as it came from a camera, unlike a document. An `archive` may hold
    photographs.
    """

    name: str
    todo: str = _SAVE
    picture: bool = True
    photograph: bool = False
    archive: bool = False


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
"""Major brands of the ISO base media file format (ISO/IEC 14496-12); others are videos."""

_FOREIGN = (
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", Foreign("a JPEG XL picture", photograph=True)),
    (
        rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
        Foreign("a JPEG 2000 picture", photograph=True),
    ),
    (rb"%PDF-", Foreign("a PDF document", "export the photograph in it as PNG or TIFF")),
    (
        rb"version https://git-lfs\.github\.com/spec/",
        Foreign("a Git LFS pointer, not the file itself", "fetch the file with `git lfs pull`"),
    ),
    (rb"8BPS", Foreign("a Photoshop file")),
    (rb"FUJIFILMCCD-RAW|\0MRM", Foreign("a camera's raw file", photograph=True)),
    (rb"\s*(<\?xml[^>]*>\s*)?<svg", Foreign("an SVG drawing", picture=False)),
    (
        rb"\s*<(!doctype html|html|head|\?xml)",
        Foreign("a web page, as left by a failed download", "fetch the file again", picture=False),
    ),
    (
        rb"(?s:PK\x03\x04.{26})(\[content_types\]|_rels/|docprops/|word/|xl/|ppt/|mimetype)",
        Foreign("an office document", "export the photograph in it as PNG or TIFF", picture=False),
    ),
    (rb"(?s:PK\x03\x04.{26})[^/\0]+\.npy", Foreign("NumPy arrays", picture=False)),
    (rb"PK\x03\x04", Foreign("a ZIP archive", "unpack it", picture=False, archive=True)),
    (rb"Rar!\x1a|7z\xbc\xaf", Foreign("an archive", "unpack it", picture=False, archive=True)),
    (rb"\x93NUMPY", Foreign("a NumPy array", picture=False)),
    (rb"\x89HDF\r\n|MATLAB 5\.0", Foreign("a file of arrays", picture=False)),
)  # fmt: skip


def is_gzip(head: bytes) -> bool:
    """Tell whether a file's first bytes are those of a gzipped file, such as a .ppm.gz."""
    return head[:2] == b"\x1f\x8b"


def is_read(head: bytes) -> bool:
    """Tell whether a file's first bytes are those of a supported image."""
    return _READ.match(head) is not None


def foreign_kind(head: bytes) -> Foreign | None:
    """Identify a known but unsupported file type by a file's first bytes."""
    if head[4:8] == b"ftyp":
        name = _BRANDS.get(head[8:12])
        if name is None:
            return Foreign("a film", picture=False)
        return Foreign(name, photograph=True)
    for pattern, kind in _FOREIGN:
        if re.match(pattern, head, re.IGNORECASE):
            return kind
    return None


def head_of(path: Path) -> bytes:
    """The first bytes of a file, as `read_head`; empty also if it cannot be read."""
    return read_head(path) or b""


def read_head(path: Path) -> bytes | None:
    """The first bytes of a file, unzipped if its name ends in .gz; None if it cannot be read.

    Empty if there is no such file, or a folder or pipe.
    """
    try:
        if not path.is_file():  # reading a pipe would block forever
            return b""
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as file:
                return bytes(file.read(HEAD_BYTES))
        with path.open("rb", buffering=0) as plain:
            return plain.read(HEAD_BYTES)
    except FileNotFoundError:
        return b""
    except (OSError, EOFError, zlib.error):
        return None


def is_photograph(path: Path) -> bool:
    """Tell whether a file is a photograph by its name, or a supported image by its content."""
    return is_image_path(path) or is_read(head_of(path))


def unread_picture(path: Path) -> Foreign | None:
    """Identify an unsupported image or archive whose name is not a photograph's; None of others."""
    if is_image_path(path):
        return None
    kind = foreign_kind(head_of(path))
    if kind is None and path.suffix.lower() in UNREAD_SUFFIXES:
        return Foreign("a damaged photograph", photograph=True)
    return kind if kind is not None and (kind.picture or kind.archive) else None
