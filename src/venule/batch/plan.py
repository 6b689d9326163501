"""The plan of a run: photographs to read and places of results, before anything is written."""

import gzip
import os
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal

from venule.analysis.outputs import OUTPUTS
from venule.batch.records import Shard, is_ledger
from venule.dicom.pseudonym import pseudonym
from venule.dicom.recognize import recognizes
from venule.errors import ImageError, UsageError
from venule.image.io import read_bytes
from venule.image.kinds import is_photograph, unread_picture

Layout = Literal["mirror", "hashed"]
"""Layouts of results below their folder: as the photographs lie, or in folders by a hash."""

_HEAD_BYTES = 256
_DICOM_SUFFIXES = (".dcm", ".dicom")


_NAMED = 10
"""Pictures that cannot be read that a warning names."""


@dataclass(frozen=True, kw_only=True, slots=True)  # there may be millions
class Job:
    """One photograph and the files that its prediction fills."""

    source: Path
    out: Path  # the folder of all results
    name: str  # of its own results: below `out`, without "_mask.png"; no other job has it
    outputs: tuple[str, ...]  # names of `analysis.outputs.OUTPUTS`
    columns: tuple[str, ...] = ("quality",)  # names of `analysis.columns.COLUMNS`
    strict: bool = False  # a result of grade "reject" is a failure, and not written
    dicom: bool = False  # a DICOM object: its own name and folder may name a patient
    deidentify: bool = False  # DICOM objects that are written name no patient either

    @property
    def label(self) -> str:
        """The words for the photograph in every message, table and log."""
        return self.name if self.dicom else str(self.source)

    @property
    def results(self) -> dict[str, str]:
        """The files to be written, as their paths below `out`."""
        return {kind: self.name + OUTPUTS[kind].suffix for kind in self.outputs}

    @property
    def targets(self) -> tuple[Path, ...]:
        """The files to be written, in that order."""
        return tuple(self.out / result for result in self.results.values())


@dataclass(frozen=True, slots=True)
class _Found:
    source: Path
    folder: Path  # of its results
    pseudonym: str | None = None  # of a DICOM object

    @property
    def key(self) -> tuple[str, Path]:
        return (str(self.source.absolute()), self.folder)

    @property
    def stem(self) -> str:
        """The file's name without its ending; `.ppm.gz` is one ending. Of DICOM, its pseudonym."""
        if self.pseudonym is not None:
            return self.pseudonym
        name = self.source.name
        return Path(name[:-3] if name.lower().endswith(".gz") else name).stem


def plan(
    paths: Sequence[Path],
    out: Path,
    *,
    outputs: Sequence[str] = ("mask",),
    columns: Sequence[str] = ("quality",),
    strict: bool = False,
    shard: Shard | None = None,
    deidentify: bool = False,
    layout: Layout = "mirror",
) -> tuple[Job, ...]:
    """The photographs in `paths` with their results under `out`, in the order of `paths`.

    DICOM objects are known by their content, whatever their names, and their results are named by
    pseudonyms, all in `out` itself: the name of a file or folder may be that of a patient.
    So are other photographs, if their names do not tell; pictures of kinds that are not read are
    counted and named in a warning. Folders are searched recursively and mirrored under `out`;
    hidden files, `out` itself and folders met before (a loop of links) are passed over, and so,
    with a warning, are folders of other results. Photographs that would share a name in
    one folder of results keep their ending in it: a.jpg_mask.png and a.png_mask.png. A folder that
    cannot be searched stands in the plan itself, as an input that will fail. Of a `shard` only its
    own are planned, which may be none. The layout "hashed" mirrors no folders, see `_hashed`.

    Raises:
        UsageError: a path is missing, nothing is found, `out` is an input folder, two photographs
            would share a result, or outputs answer DICOM objects and there are none.
    """
    found: list[_Found] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        if path.is_dir():
            if _same(path, out):
                raise UsageError(f"{out} is an input folder; choose another folder for -o")
            found += _photographs(path, out)
        else:
            found.append(_found(path, out, out))
    if len(paths) > 1:  # each photograph once in a folder of results
        found = list({one.key: one for one in found}.values())
    if not found:
        raise UsageError(f"no photographs in {', '.join(map(str, paths))}")
    same = partial(
        Job,
        out=out,
        outputs=tuple(outputs),
        columns=tuple(columns),
        strict=strict,
        deidentify=deidentify,
    )
    jobs = tuple(
        same(source=one.source, name=name, dicom=one.pseudonym is not None)
        for one, name in (_named if layout == "mirror" else _hashed)(found, out)
    )
    found.clear()  # of a million photographs it is a third of the memory
    answers = [name for name in outputs if OUTPUTS[name].answers_dicom]
    if answers and not any(job.dicom for job in jobs):
        raise UsageError(f"no DICOM photograph for {', '.join(answers)} to answer; save others")
    _refuse_clashes(jobs)
    return tuple(job for job in jobs if shard is None or shard.takes(job.name))


def _photographs(root: Path, out: Path) -> Iterator[_Found]:
    """The photographs below `root`, each folder once, in the order of their names."""
    skipped = {_identity(out)} if out.exists() else set()
    closed: list[Path] = []
    unread: list[str] = []

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
            warnings.warn(f"{here}: passed over, as it holds results of venule", stacklevel=2)
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        results = out / here.relative_to(root)
        for name in sorted(names):
            if name.startswith(".") or name == "DICOMDIR":  # an index of the others
                continue
            one = _found(here / name, results, out)
            # A link that leads nowhere and a pipe stay: they are reported, not passed over.
            if one.pseudonym is not None or is_photograph(here / name):
                yield one
            elif (kind := unread_picture(here / name)) is not None:
                unread.append(f"{here / name}: {kind.name}; {kind.todo}")
    if unread:
        others = "".join(f"\n  {line}" for line in unread[:_NAMED])
        more = f"\n  and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
        warnings.warn(
            f"{root}: {len(unread)} pictures are of kinds that are not read{others}{more}",
            stacklevel=2,
        )
    for path in closed:
        yield _Found(path, out / path.parent.relative_to(root))


def _found(path: Path, folder: Path, out: Path) -> _Found:
    """The file with the folder of its results; DICOM objects lie in `out` itself."""
    if not _is_dicom(path):
        return _Found(path, folder)
    try:
        name = pseudonym(read_bytes(path))
    except ImageError:  # it will fail, and its path is not to be told either
        name = pseudonym(str(path.absolute()).encode("utf-8", "surrogateescape"))
    return _Found(path, out, name)


def _is_dicom(path: Path) -> bool:
    """Tell whether the file is a DICOM object, perhaps zipped, or is at least called one."""
    if path.suffix.lower() in _DICOM_SUFFIXES:  # a broken one has a patient's name as well
        return True
    try:
        if not path.is_file():  # reading a pipe would wait for ever
            return False
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            return recognizes(file.read(_HEAD_BYTES))
    except (OSError, EOFError, zlib.error):
        return False


def _named(found: Collection[_Found], out: Path) -> Iterator[tuple[_Found, str]]:
    """Each photograph with the name of its results below `out`, which no other has."""
    # Compared without case: results of A.jpg and a.png are one file on many file systems.
    shared = set(_shared(found))
    copies: Counter[str] = Counter()
    for one in found:
        if one.pseudonym is not None:
            copies[one.pseudonym] += 1
            number = copies[one.pseudonym]
            yield one, one.pseudonym + (f"-{number}" if number > 1 else "")
            continue
        alone = (one.folder, one.stem.casefold()) not in shared
        name = one.folder.relative_to(out) / (one.stem if alone else one.source.name)
        yield one, name.as_posix()


def _hashed(found: Collection[_Found], out: Path) -> Iterator[tuple[_Found, str]]:
    """As `_named`, spread over 4096 folders: a million files in one are too many for some disks.

    Such as 3fa/eye7.jpg-3fa81c09d2e1: the number is a hash of the path below the folder of
    photographs, or of a DICOM object's pseudonym, and the folder is its beginning.
    """
    for one, name in _named(found, out):
        where = (
            name if one.pseudonym else (one.folder / one.source.name).relative_to(out).as_posix()
        )
        digest = sha256(where.encode("utf-8", "surrogateescape")).hexdigest()
        yield one, f"{digest[:3]}/{where.rpartition('/')[2]}-{digest[:12]}"


def _shared(found: Iterable[_Found]) -> Iterator[tuple[Path, str]]:
    """The names, without case and ending, of several photographs of one folder of results."""
    folders: dict[Path, list[_Found]] = {}
    for one in found:
        folders.setdefault(one.folder, []).append(one)
    for folder, inside in folders.items():
        stems = Counter(one.stem.casefold() for one in inside)
        yield from ((folder, stem) for stem, count in stems.items() if count > 1)


def _refuse_clashes(jobs: Sequence[Job]) -> None:
    _refuse_inputs(jobs)
    written: set[int] = set()  # hashes, for a million names take more memory
    for job in jobs:
        for result in job.results.values():
            if hash(plain := result.casefold()) in written and (other := _other(jobs, job, plain)):
                raise UsageError(
                    f"{other.source} and {job.source} would both be written to "
                    f"{job.out / result}; predict them one after the other, with two folders for -o"
                )
            written.add(hash(plain))


def _other(jobs: Sequence[Job], job: Job, plain: str) -> Job | None:
    """Another job than that one that writes the same result, compared without case."""
    others = (one for one in jobs if plain in map(str.casefold, one.results.values()))
    return next((one for one in others if one is not job), None)


def _refuse_inputs(jobs: Sequence[Job]) -> None:
    """Raise UsageError where a result is the file of a photograph."""
    folders: dict[str, str] = {}
    sources = {hash(_real(str(job.source), folders)) for job in jobs}
    for job in jobs:
        for result in job.results.values():
            real = _real(target := os.path.join(job.out, result), folders)  # noqa: PTH118  is fast
            if hash(real) in sources and any(os.path.realpath(one.source) == real for one in jobs):
                raise UsageError(f"{target} is an input; choose another folder for -o")


def _real(path: str, folders: dict[str, str]) -> str:
    """As `os.path.realpath`, which is slow; `folders` are those that are known already."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114  is fast
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)  # noqa: PTH118  is fast


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return (status.st_dev, status.st_ino)


def _same(folder: Path, other: Path) -> bool:
    return other.exists() and _identity(folder) == _identity(other)
