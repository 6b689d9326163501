"""File names of photographs."""

from pathlib import Path

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    [
        ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm",
        ".ppm.gz", ".tif", ".tiff", ".webp",
    ]
)  # fmt: skip
"""Lower-case file name suffixes of photographs, used by `is_image_path`."""

UNREAD_SUFFIXES: frozenset[str] = frozenset(
    [
        ".arw", ".avif", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".j2k", ".jp2", ".jxl", ".nef",
        ".orf", ".raf", ".rw2",
    ]
)  # fmt: skip
"""Lower-case suffixes of photographs in formats that are not supported, such as raw files."""

_SUFFIXES = tuple(IMAGE_SUFFIXES)


def is_image_path(path: Path) -> bool:
    """Tell whether a file name has a photograph's suffix; of `.gz`, only `.ppm.gz`."""
    return path.name.lower().endswith(_SUFFIXES)
