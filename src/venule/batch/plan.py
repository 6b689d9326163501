"""The plan of a run: inputs and paths of results, settled before anything is written."""

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
"""Layouts of the results folder: mirroring the photographs' folders, or folders by hash."""


@dataclass(frozen=True, kw_only=True, slots=True)  # there may be millions
class Job:
    """One photograph and the output files of its prediction."""

    source: Path
    out: Path  # the folder of all results
    name: str  # unique: path of its results below `out`, without "_mask.png"
    outputs: tuple[str, ...]  # names of `analysis.outputs.OUTPUTS`
    columns: tuple[str, ...] = ("quality",)  # names of `analysis.columns.COLUMNS`
    strict: bool = False  # grade "reject" is a failure, and nothing is written
    dicom: bool = False  # a DICOM object: its path may name a patient
    deidentify: bool = False  # DICOM objects are written without patient data

    @property
    def label(self) -> str:
        """The photograph as referred to in messages, tables and logs."""
        return self.name if self.dicom else str(self.source)

    @property
    def results(self) -> dict[str, str]:
        """The files to be written, as paths relative to `out`."""
        return {kind: self.name + OUTPUTS[kind].suffix for kind in self.outputs}

    @property
    def targets(self) -> tuple[Path, ...]:
        """The files to be written, in the same order."""
        return tuple(self.out / result for result in self.results.values())


class Jobs(Sequence[Job]):
    """Jobs created on access: a million of them at once would take a gigabyte."""

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

    def of(self, shard: Shard, by: Callable[[One], str]) -> "Jobs":
        """The jobs of one shard; `by` names what their assignment depends on."""
        own = (k for k, one in enumerate(self._found) if shard.takes(by(one)))
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

    DICOM objects are recognised by content, whatever their names, and their results are named by
    pseudonyms, all directly in `out`, since the name of a file or folder may be a patient's. Other
    photographs without a telling name are recognised by content too. Photographs of unsupported
    formats (HEIC, raw files) are planned, to fail with the reason, unless one exported from it lies
    beside under the same name; those and other images that cannot be read, such as PDF, and
    archives are skipped and named in a warning. Folders are searched recursively and mirrored under
    `out`. Skipped are hidden files, `out` itself, folders already visited (a loop of links), and,
    with a warning, folders of other results and, in a folder of `paths`, the files that its own
    ledger lists. A file that cannot be read is planned, to fail, whatever its name; without a
    photograph's suffix it is named by a pseudonym. Photographs that would share a name in one
    results folder keep their extension: a.jpg_mask.png and a.png_mask.png. A folder that cannot be
    searched is itself planned, as an input that will fail. With `shard` only its own photographs
    are planned, possibly none. The layout "hashed" mirrors no folders; see `_hashed`.

    Raises:
        UsageError: a path is missing, nothing is found, `out` is an input folder, two photographs
            would share a result, or an output requires DICOM inputs and there are none.
        OutputError: a folder of `paths` holds results, and its ledger cannot be read.
    """
    found = find(paths, out)
    if not found:
        raise UsageError(f"no photographs in {', '.join(map(str, paths))}")
    found.tell_apart()
    answers = [name for name in outputs if OUTPUTS[name].answers_dicom]
    if answers and not found.any_dicom:
        raise UsageError(f"no DICOM photograph to make {', '.join(answers)} from; save others")
    job = partial(
        Job,
        out=out,
        outputs=tuple(outputs),
        columns=tuple(columns),
        strict=strict,
        deidentify=deidentify,
    )
    mirror = layout == "mirror"
    name = _mirrored if mirror else _hashed
    suffixes = [OUTPUTS[output].suffix for output in outputs]
    _refuse_clashes(found, lambda one: [f"{out}{os.sep}{name(one)}{suffix}" for suffix in suffixes])
    jobs = Jobs(found, name, job)
    return jobs if shard is None else jobs.of(shard, _without_extension if mirror else name)


def _mirrored(one: One) -> str:
    """The name of the results relative to their folder, unique among photographs."""
    own = one.file if one.whole and one.pseudonym is None else one.stem
    return f"{one.results}/{own}" if one.results else own


def _without_extension(one: One) -> str:
    """As `_mirrored`, but the same whether or not photographs differ in their extension only."""
    return f"{one.results}/{one.stem}" if one.results else one.stem


def _hashed(one: One) -> str:
    """As `_mirrored`, over 4096 folders: some file systems cannot hold a million files in one.

    Such as 3fa/eye7.jpg-3fa81c09d2e1: the suffix is a hash of the path below the photographs'
    folder, or of a DICOM object's pseudonym, and the folder is its first three digits.
    """
    file = one.pseudonym or one.file
    where = f"{one.results}/{file}" if one.results else file
    digest = sha256(where.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{digest[:3]}/{file}-{digest[:12]}"


def _refuse_clashes(found: Found, results: Callable[[One], list[str]]) -> None:
    """Raise UsageError if a result would overwrite an input, or if two would share a file.

    First compares hashes, since a million paths take more memory, then exact paths.
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
                    "separately, with a folder for -o each"
                )


def _real(path: str, folders: dict[str, str]) -> str:
    """As `os.path.realpath`, which is slow; `folders` caches resolved folders."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114  is fast
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)  # noqa: PTH118  is fast
