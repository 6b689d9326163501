"""The plan of a run: photographs to read and places of results, before anything is written."""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal, overload

import numpy as np

from venule.analysis.outputs import OUTPUTS
from venule.batch.find import Found, One, find, several
from venule.batch.records import Shard
from venule.errors import UsageError

Layout = Literal["mirror", "hashed"]
"""Layouts of results below their folder: as the photographs lie, or in folders by a hash."""


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


class Jobs(Sequence[Job]):
    """Jobs that are made as they are asked for: a million of them at once take a gigabyte."""

    def __init__(self, found: Found, name: Callable[[One], str], job: Callable[..., Job]) -> None:
        self._found = found
        self._name = name
        self._job = job

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Job, ...]: ...
    def __getitem__(self, index: int | slice) -> Job | tuple[Job, ...]:
        if isinstance(index, slice):
            return tuple(self[k] for k in range(*index.indices(len(self))))
        return self._made(self._found[index])

    def __iter__(self) -> Iterator[Job]:
        return map(self._made, self._found)

    def of(self, shard: Shard) -> "Jobs":
        """Those of a shard."""
        own = (k for k, one in enumerate(self._found) if shard.takes(self._name(one)))
        return Jobs(self._found.only(own), self._name, self._job)

    def _made(self, one: One) -> Job:
        dicom = one.pseudonym is not None
        return self._job(source=Path(one.path), name=self._name(one), dicom=dicom)


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
) -> Jobs:
    """The photographs in `paths` with their results under `out`, in the order of `paths`.

    DICOM objects are known by their content, whatever their names, and their results are named by
    pseudonyms, all in `out` itself: the name of a file or folder may be that of a patient.
    So are other photographs, if their names do not tell; pictures of kinds that are not read are
    counted and named in a warning. Folders are searched recursively and mirrored under `out`;
    hidden files, `out` itself and folders met before (a loop of links) are passed over, and so,
    with a warning, are folders of other results, and in a folder of `paths` the files that its own
    ledger lists. Photographs that would share a name in
    one folder of results keep their ending in it: a.jpg_mask.png and a.png_mask.png. A folder that
    cannot be searched stands in the plan itself, as an input that will fail. Of a `shard` only its
    own are planned, which may be none. The layout "hashed" mirrors no folders, see `_hashed`.

    Raises:
        UsageError: a path is missing, nothing is found, `out` is an input folder, two photographs
            would share a result, or outputs answer DICOM objects and there are none.
        OutputError: a folder of `paths` holds results, and which ones cannot be read.
    """
    found = find(paths, out)
    if not found:
        raise UsageError(f"no photographs in {', '.join(map(str, paths))}")
    found.tell_apart()
    answers = [name for name in outputs if OUTPUTS[name].answers_dicom]
    if answers and not found.any_dicom:
        raise UsageError(f"no DICOM photograph for {', '.join(answers)} to answer; save others")
    job = partial(
        Job,
        out=out,
        outputs=tuple(outputs),
        columns=tuple(columns),
        strict=strict,
        deidentify=deidentify,
    )
    name = _mirrored if layout == "mirror" else _hashed
    suffixes = [OUTPUTS[output].suffix for output in outputs]
    _refuse_clashes(found, lambda one: [f"{out}{os.sep}{name(one)}{suffix}" for suffix in suffixes])
    jobs = Jobs(found, name, job)
    return jobs if shard is None else jobs.of(shard)


def _mirrored(one: One) -> str:
    """The name of the results below their folder, which no other photograph has."""
    own = one.file if one.whole and one.pseudonym is None else one.stem
    return f"{one.results}/{own}" if one.results else own


def _hashed(one: One) -> str:
    """As `_mirrored`, spread over 4096 folders: a million files in one are too many for some disks.

    Such as 3fa/eye7.jpg-3fa81c09d2e1: the number is a hash of the path below the folder of
    photographs, or of a DICOM object's pseudonym, and the folder is its beginning.
    """
    file = one.pseudonym or one.file
    where = f"{one.results}/{file}" if one.results else file
    digest = sha256(where.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{digest[:3]}/{file}-{digest[:12]}"


def _refuse_clashes(found: Found, results: Callable[[One], list[str]]) -> None:
    """Raise UsageError where a result is a photograph's own file, or that of two photographs.

    Compared by hashes, for a million paths take more memory, and then exactly.
    """
    folders: dict[str, str] = {}
    sources, targets, plain = array("q"), array("q"), array("q")
    for one in found:
        sources.append(hash(_real(one.path, folders)))
        for path in results(one):
            targets.append(hash(_real(path, folders)))
            plain.append(hash(path.casefold()))
    both = set(np.intersect1d(sources, targets).tolist())
    twice = several(plain)
    written: dict[str, str] = {}
    for one in found if both or twice else ():
        for path in results(one):
            real = _real(path, folders)
            if hash(real) in both and any(os.path.realpath(other.path) == real for other in found):
                raise UsageError(f"{path} is an input; choose another folder for -o")
            if hash(path.casefold()) not in twice:
                continue
            first = written.setdefault(path.casefold(), one.path)
            if first != one.path:
                raise UsageError(
                    f"{first} and {one.path} would both be written to {path}; predict them "
                    "one after the other, with two folders for -o"
                )


def _real(path: str, folders: dict[str, str]) -> str:
    """As `os.path.realpath`, which is slow; `folders` are those that are known already."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114  is fast
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)  # noqa: PTH118  is fast
