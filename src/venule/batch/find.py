"""Search of files and folders for photographs, stored compactly: there may be millions."""

import os
import warnings
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from venule.batch.own_files import own_files
from venule.batch.reading import holds_results
from venule.batch.records import is_ledger
from venule.dicom.pseudonym import pseudonym
from venule.dicom.recognize import recognizes
from venule.errors import ImageError, UsageError
from venule.files.cells import text
from venule.image.io import read_bytes
from venule.image.kinds import Foreign, is_read, read_head, unread_picture
from venule.image.names import UNREAD_SUFFIXES, is_image_path

_DICOM_SUFFIXES = (".dcm", ".dicom")

_NAMED = 10
"""Number of skipped files that a warning names."""


class One(NamedTuple):
    """A photograph that was found."""

    folder: str  # that contains it
    file: str  # its name
    results: str  # the folder of its results relative to the root, with "/"; "" is the root
    pseudonym: str | None  # of a DICOM object
    whole: bool  # keep the extension in the results' name, as another file differs only in it

    @property
    def path(self) -> str:
        """The photograph's path."""
        return os.path.join(self.folder, self.file)  # noqa: PTH118  is fast

    @property
    def stem(self) -> str:
        """The file name without its extension (`.ppm.gz` is one); of DICOM, the pseudonym."""
        if self.pseudonym is not None:
            return self.pseudonym
        name = self.file[:-3] if self.file.lower().endswith(".gz") else self.file
        dot = name.rfind(".")
        return name[:dot] if 0 < dot < len(name) - 1 else name


class Found(Sequence[One]):
    """Photographs in the order in which they were found.

    Each folder is stored once, a photograph as its name and the folder's index: 0.1 kB each.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}  # by folders of photographs and results
        self._folders: list[tuple[str, str]] = []
        self._of = array("I")
        self._files: list[str] = []
        self._whole = bytearray()
        self._pseudonyms: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> One:  # type: ignore[override]  # no slices
        folder, results = self._folders[self._of[index]]
        name = self._pseudonyms.get(index)
        return One(folder, self._files[index], results, name, bool(self._whole[index]))

    def __iter__(self) -> Iterator[One]:
        return map(self.__getitem__, range(len(self)))

    @property
    def any_dicom(self) -> bool:
        """True if any of them is a DICOM object."""
        return bool(self._pseudonyms)

    def add(self, one: One) -> None:
        """Append a photograph."""
        place = (one.folder, one.results)
        number = self._numbers.setdefault(place, len(self._numbers))
        if number == len(self._folders):
            self._folders.append(place)
        if one.pseudonym is not None:
            self._pseudonyms[len(self)] = one.pseudonym
        self._of.append(number)
        self._files.append(one.file)
        self._whole.append(one.whole)

    def only(self, indices: Iterable[int]) -> "Found":
        """The photographs at `indices`, in that order."""
        some = Found()
        for index in indices:
            some.add(self[index])
        return some

    def once(self) -> "Found":
        """Each photograph once per folder of results."""
        here = str(Path.cwd())
        keys = (hash((os.path.join(here, one.path), one.results)) for one in self)  # noqa: PTH118
        repeated = several(keys)
        if not repeated:
            return self
        seen: set[tuple[Path, str]] = set()
        indices = []
        for index, one in enumerate(self):
            if hash((os.path.join(here, one.path), one.results)) in repeated:  # noqa: PTH118
                key = (Path(one.path).absolute(), one.results)
                if key in seen:
                    continue
                seen.add(key)
            indices.append(index)
        return self.only(indices)

    def tell_apart(self) -> None:
        """Mark those whose results need the extension in their name, and number equal pseudonyms.

        Stems are compared case-insensitively: results of A.jpg and a.png are one file on many file
        systems.
        """
        keys = array("q", (hash((one.results, one.stem.casefold())) for one in self))
        if not (repeated := several(keys)):
            return
        some = [index for index, key in enumerate(keys) if key in repeated]
        # Exact: a hash collision must not change a name from run to run.
        stems = Counter((self[k].results, self[k].stem.casefold()) for k in some)
        copies: Counter[str] = Counter()
        for index in some:
            one = self[index]
            if stems[one.results, one.stem.casefold()] == 1:
                continue
            if one.pseudonym is None:
                self._whole[index] = True
                continue
            copies[one.pseudonym] += 1
            if (number := copies[one.pseudonym]) > 1:
                self._pseudonyms[index] = f"{one.pseudonym}-{number}"


def several(hashes: Iterable[int]) -> set[int]:
    """The hashes that occur more than once; the names of a million files take more memory."""
    ordered = np.sort(np.fromiter(hashes, np.int64))
    return set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())


def find(paths: Sequence[Path], out: Path) -> Found:
    """The photographs in files and folders, in the order of `paths`, with folders of results.

    Folders are searched recursively in name order; the results mirror their structure. See
    `plan.plan` for what is skipped.

    Raises:
        UsageError: a path is missing or cannot be searched, or `out` is an input folder.
        OutputError: an input folder holds results, and its ledger cannot be read.
    """
    found = Found()
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        if path.is_dir():
            if out.exists() and _identity(path) == _identity(out):
                raise UsageError(f"{out} is an input folder; choose another folder for -o")
            for one in _photographs(path, out):
                found.add(one)
        else:
            found.add(_one(path, "", read_head(path)))
    return found.once() if len(paths) > 1 else found


def _photographs(root: Path, out: Path) -> Iterator[One]:
    """The photographs below `root`, each folder once, in name order."""
    own: frozenset[str] = frozenset()
    if holds_results(root):
        own = own_files(root)
        warnings.warn(f"{root}: skipped the venule results in it", stacklevel=2)
    skipped = {_identity(out)} if out.exists() else set()
    closed: list[Path] = []
    unread: list[str] = []
    archives: list[str] = []

    def failed(error: OSError) -> None:
        if Path(error.filename) == root:
            raise UsageError(f"{root}: cannot be searched ({error.strerror})") from error
        closed.append(Path(error.filename))

    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=failed):
        here = Path(folder)
        if _identity(here) in skipped:
            subfolders.clear()
            continue
        skipped.add(_identity(here))
        if here != root and any(map(is_ledger, names)):
            warnings.warn(f"{here}: skipped, as it holds venule results", stacklevel=2)
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        results = _below(here, root)
        foreign: list[tuple[One, Foreign]] = []
        for name in sorted(names):
            if name.startswith(".") or name.upper() == "DICOMDIR":  # an index of DICOM files
                continue
            if own and text(f"{results}/{name}" if results else name) in own:
                continue
            path = here / name
            one = _one(path, results, head := read_head(path))
            # A broken link or a pipe stays: it is reported, not skipped.
            if one.pseudonym is not None or is_image_path(path) or is_read(head or b""):
                yield one
            elif (kind := unread_picture(path)) is not None:
                foreign.append((one, kind))
        exported = (
            {Path(name).stem for name in names if is_image_path(Path(name))} if foreign else ()
        )
        for one, kind in foreign:
            if kind.photograph and Path(one.file).stem not in exported:
                yield one  # to fail, with the reason
            else:
                told = archives if kind.archive else unread
                told.append(f"{one.path}: {kind.name}; {kind.todo}")
    formats = ("image is of an unsupported format", "images are of unsupported formats")
    packed = ("archive is not searched", "archives are not searched")
    for line in (*_told(root, unread, formats), *_told(root, archives, packed)):
        warnings.warn(line, stacklevel=2)
    for path in closed:
        yield One(*os.path.split(path), _below(path.parent, root), None, False)


def _told(root: Path, skipped: Sequence[str], what: tuple[str, str]) -> Iterator[str]:
    """Lines of a warning about skipped files; `what` they are, for one and for several."""
    if skipped:
        yield f"{root}: {len(skipped)} {what[len(skipped) > 1]}"
    yield from skipped[:_NAMED]
    if len(skipped) > _NAMED:
        yield f"{root}: {len(skipped) - _NAMED} more"


def _below(folder: Path, root: Path) -> str:
    name = folder.relative_to(root).as_posix()
    return "" if name == "." else name


def _one(path: Path, results: str, head: bytes | None) -> One:
    """A file and the folder of its results; those of DICOM objects go directly into the root.

    `head` is its first bytes, None if it cannot be read.
    """
    folder, file = os.path.split(path)
    if not _may_name_a_patient(path, head):
        return One(folder, file, results, None, False)
    try:
        name = pseudonym(read_bytes(path))
    except ImageError:  # it will fail, but its path must not be disclosed either
        name = pseudonym(str(path.absolute()).encode("utf-8", "surrogateescape"))
    return One(folder, file, "", name, False)


def _may_name_a_patient(path: Path, head: bytes | None) -> bool:
    """True for a DICOM object, and for a broken or unreadable file that may be one by its name."""
    if path.name.lower().removesuffix(".gz").endswith(_DICOM_SUFFIXES):
        return True
    if head is None:
        return not is_image_path(path) and path.suffix.lower() not in UNREAD_SUFFIXES
    return recognizes(head)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return (status.st_dev, status.st_ino)
