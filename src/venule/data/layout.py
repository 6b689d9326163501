"""Declaration of the folder tree and terms of one data set by its reader; search for its files."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from venule.data.case import Case, Dataset
from venule.data.protocol import Protocols
from venule.errors import DatasetError
from venule.image.kinds import is_photograph


class Attribution(BaseModel, frozen=True, extra="forbid"):
    """Authors and terms of a data set; `pictures`: the terms allow its photographs in a page.

    `called` is its display name, where the name of its layout is not informative.
    """

    citation: str
    url: str
    terms: str
    pictures: bool = False
    called: str = ""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One folder tree that `catalog.open_dataset` can read.

    `folders` are the usual names of the unpacked folder under VENULE_DATA; `looked_for` names the
    files that `recognizes` requires; `truth` is the path of the first expert's annotation of a
    case, relative to the root, with {id}, {split}, {stem} of the photograph, and {part}, the name
    of the photograph's folder without "_images". `protocols` define its splits, and `terms` its
    authors and licence. A layout that is not `annotated` has photographs only.
    """

    name: str
    looked_for: str
    truth: str
    recognizes: Callable[[Path], bool]
    read: Callable[[Path], Dataset]
    aliases: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    protocols: Protocols = ()
    terms: Attribution | None = None
    annotated: bool = True

    def truth_of(self, root: Path, case: Case) -> str:
        """The expected path of the annotation of `case`, for a message."""
        if not self.truth:
            return "the label column of its row"
        part = case.image.parent.name.removesuffix("_images")
        names = {"id": case.id, "split": case.split, "stem": stem_of(case.image)}
        return str(root / self.truth.format(**names, part=part))


def stem_of(path: Path) -> str:
    """The file's name without its suffix and without a `.gz` after it, as composed Unicode (NFC).

    macOS stores ü in two code points, so the same name would differ from one written elsewhere.
    """
    stem = Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
    return unicodedata.normalize("NFC", stem)


def photographs_in(folder: Path) -> list[Path]:
    """The image files directly in `folder` in name order; empty if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        # macOS adds files such as ._21_training.tif to archives.
        if not path.name.startswith(".") and path.is_file() and is_photograph(path)
    )


def stems_in(folder: Path) -> list[str]:
    """The stems of `photographs_in`, each as often as it occurs."""
    return [stem_of(path) for path in photographs_in(folder)]


def images_in(folder: Path) -> dict[str, Path]:
    """The image files directly in `folder` by stem, in name order; empty if there is no folder.

    Raises:
        DatasetError: two files share a stem, so that it is ambiguous.
    """
    found: dict[str, Path] = {}
    for path in photographs_in(folder):
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
