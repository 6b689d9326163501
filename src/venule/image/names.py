"""Names of files that are photographs."""

from pathlib import Path

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    [
        ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm",
        ".ppm.gz", ".tif", ".tiff", ".webp",
    ]
)  # fmt: skip
"""Lower-case endings of photographs; `is_image_path` compares with them."""

_SUFFIXES = tuple(IMAGE_SUFFIXES)


def is_image_path(path: Path) -> bool:
    """Tell whether a file's name ends like a photograph's; of `.gz` only `.ppm.gz` does."""
    return path.name.lower().endswith(_SUFFIXES)
