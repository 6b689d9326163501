"""What a reader declares about the folder tree of one data set, and how files are found in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from venule.data.record import Dataset
from venule.errors import DatasetError
from venule.image.io import IMAGE_SUFFIXES


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One folder tree that `catalog.open_dataset` can read.

    `folders` are the usual names of the unpacked folder under VENULE_DATA; `looked_for` names the
    files that `recognizes` needs; `truth` is where the first expert's annotation of a record is
    expected, relative to the root, formatted with the record's `id` and `split`.
    """

    name: str
    looked_for: str
    truth: str
    recognizes: Callable[[Path], bool]
    read: Callable[[Path], Dataset]
    aliases: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def stem_of(path: Path) -> str:
    """The file's name without its suffix and without a `.gz` after it."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def images_in(folder: Path) -> dict[str, Path]:
    """The image files directly in `folder` by stem, in name order; empty if there is no folder.

    Raises:
        DatasetError: two files share a stem, so that a stem does not name one image.
    """
    if not folder.is_dir():
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not _is_image(path):
            continue
        if (other := found.get(stem_of(path))) is not None:
            raise DatasetError(
                f"{folder}: {other.name} and {path.name} share the name {stem_of(path)}; "
                f"keep one of them"
            )
        found[stem_of(path)] = path
    return found


def first_of(files: dict[str, Path], stems: Iterable[str]) -> Path | None:
    """The file of the first stem that exists; None if there is none."""
    return next((files[stem] for stem in stems if stem in files), None)


def _is_image(path: Path) -> bool:
    if path.name.startswith("."):  # the "._21_training.tif" that macOS leaves in archives
        return False
    inner = Path(path.stem) if path.suffix.lower() == ".gz" else path
    return inner.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
