"""Processing of one photograph: read, analyse and write it, and report whatever is wrong."""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from venule.analysis.analyse import GRADE, Analysis, Networks, Step, analyse
from venule.analysis.columns import COLUMNS, Cell
from venule.analysis.outputs import OUTPUTS
from venule.batch.plan import Job
from venule.errors import ImageError, OutputError
from venule.files.atomic import make_folder, temporary_stem, write_bytes
from venule.files.hashes import file_sha256
from venule.image.photograph import Photograph, read_photograph

_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


@dataclass(frozen=True)
class Finished:
    """The ledger's entry of a photograph predicted earlier with the same settings."""

    input_sha256: str
    outputs: Mapping[str, str]  # SHA-256 by path below the results folder


@dataclass(frozen=True, slots=True)
class Written:
    """The job's files have been written."""

    job: Job
    finished: Finished
    seconds: float
    notes: tuple[str, ...] = ()
    cells: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """The job's files existed already, from the same photograph."""

    job: Job


@dataclass(frozen=True, slots=True)  # there may be millions
class Failed:
    """The job failed, for a reason that the user can act on.

    It has no files then, unless the photograph could not be `read`: in that case existing files
    stay, whether results of an earlier run or foreign files.
    """

    job: Job
    reason: str
    read: bool = True
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    cells: Mapping[str, Cell] = field(default_factory=dict)  # if they explain the failure


Outcome = Written | Kept | Failed


def may_exist(path: str | Path) -> bool:
    """Return whether a file or link exists, or may exist, as on a network share that fails."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno not in (errno.ENAMETOOLONG, errno.ELOOP)
    return True


def failure(job: Job, reason: str, *, read: bool, seconds: float) -> Failed:
    """The failure of a photograph, `read` or not; the reason mentions results that are kept."""
    kept = not read and any(map(may_exist, job.targets))
    note = "; results of an earlier run are kept" if kept else ""
    return Failed(job, reason + note, read, seconds)


@dataclass(frozen=True)
class Task:
    """A photograph to be processed, and its earlier result if any."""

    job: Job
    finished: Finished | None


@dataclass(frozen=True)
class Worker:
    """Loaded networks that process one photograph after another."""

    networks: Networks

    def __call__(self, task: Task, *, read: Callable[[], None] | None = None) -> Outcome:
        """Process one photograph; any fault of it becomes a reason, not an exception.

        `read` is called before the analysis starts: from then on earlier results are void.

        Raises:
            OutputError: no result can be written, as the disk is full or read-only.
            MemoryError: the photograph needs more memory than there is.
        """
        started, job = time.perf_counter(), task.job
        noticed: list[str] = []
        try:
            outcome = self._process(task, read, noticed)
        except MemoryError:
            raise
        except _RejectedError as error:
            outcome = Failed(job, _reason(job, error), notes=tuple(noticed), cells=error.cells)
        except _EditedError as error:
            outcome = Failed(job, str(error), read=False)
        except _UnreadableError as error:
            outcome = failure(job, _reason(job, error), read=False, seconds=0)
        except Exception as error:
            if isinstance(error, OutputError) and _errno(error) in _FULL_DISK:
                raise
            outcome = Failed(job, _reason(job, error), notes=tuple(noticed))
        if isinstance(outcome, Kept):
            return outcome
        return replace(outcome, seconds=time.perf_counter() - started)

    def _process(self, task: Task, read: Callable[[], None] | None, noticed: list[str]) -> Outcome:
        """As `__call__`, but raising; warnings while reading are appended to `noticed`."""
        job, finished = task.job, task.finished
        digest = _input_sha256(job.source)
        # In this order: edited results are kept where the photograph has changed too.
        if finished is not None and _still_there(job, finished) and finished.input_sha256 == digest:
            return Kept(job)
        if read is not None:
            read()
        photograph = _read(job)
        noticed += photograph.notes
        analysis = analyse(photograph, self.networks, steps=steps_of(job))
        quality = analysis.quality
        if job.strict and quality is not None and quality.grade == "reject":
            reported = [name for name in job.columns if COLUMNS[name].table == "report"]
            raise _RejectedError(job, quality.reasons, _cells(reported, analysis))
        cells = _cells(job.columns, analysis)
        write_outputs(job, analysis)
        notes = (*photograph.notes, *analysis.laterality_warnings)
        return Written(job, Finished(digest, _output_hashes(job)), 0, notes, cells)


def steps_of(job: Job) -> tuple[Step, ...]:
    """The steps of the analysis that the job's outputs, columns and strictness need."""
    needed = steps_for(job.outputs, job.columns)
    return tuple(dict.fromkeys((*needed, GRADE))) if job.strict else needed


def steps_for(outputs: Sequence[str], columns: Sequence[str]) -> tuple[Step, ...]:
    """The steps of the analysis that outputs and columns need, by name."""
    needed = [OUTPUTS[name].needs for name in outputs] + [COLUMNS[name].needs for name in columns]
    return tuple(dict.fromkeys(step for steps in needed for step in steps))


def write_outputs(job: Job, analysis: Analysis) -> None:
    """Write the job's files, all of them or none.

    Raises:
        OutputError: a file cannot be written.
    """
    for target in job.targets[:1]:
        make_folder(target.parent)
    try:
        for name, target in zip(job.outputs, job.targets, strict=True):
            write_bytes(target, OUTPUTS[name].encode(analysis))
    except BaseException:  # Ctrl-C too
        discard(job)
        raise


def discard(job: Job) -> None:
    """Remove the job's files, complete or partly written."""
    for target in job.targets:
        with suppress(OSError):  # missing, or a folder of that name
            target.unlink()


def sweep(folders: Iterable[Path], targets: Iterable[Path]) -> None:
    """Remove temporary files of atomic writes to `targets` left by processes that were killed.

    The targets lie in `folders`, and are not iterated over if there is no such file.
    """
    half: dict[Path, list[str]] = {}
    for folder in folders:
        with suppress(OSError):  # no such folder yet
            for entry in os.scandir(folder):
                if entry.name.startswith(".") and entry.name.endswith(".tmp"):
                    stem = folder / entry.name[1:].rsplit(".", 2)[0]
                    half.setdefault(stem, []).append(entry.path)
    for target in targets if half else ():
        for path in half.get(target.with_name(temporary_stem(target.name)), ()):
            with suppress(OSError):
                Path(path).unlink()


class _RejectedError(ImageError):
    """A photograph of too low quality for a job with `strict`."""

    def __init__(self, job: Job, reasons: Sequence[str], cells: Mapping[str, Cell]) -> None:
        super().__init__(f"{job.source}: rejected: {', '.join(reasons)}")
        self.cells = cells


class _EditedError(OutputError):
    """A result that another program has changed, which is not to be lost."""

    def __init__(self, result: str) -> None:
        super().__init__(
            f"its result {result} was changed by another program and is kept; move that file to "
            "have it predicted again, or replace all results with --overwrite"
        )


class _UnreadableError(ImageError):
    """A photograph, or a file of its results, that cannot be read."""


def _read(job: Job) -> Photograph:
    photograph = read_photograph(job.source)
    origin = photograph.origin
    if origin is None:
        return photograph
    # Imported here: other photographs do without.
    from venule.dicom.source import Source

    if not isinstance(origin, Source):
        return photograph
    if not job.dicom:
        raise ImageError(f"{job.source}: has become a DICOM object; run it again")
    if not job.deidentify:
        return photograph
    # Imported here: pydicom is an extra, and slow to import.
    from venule.dicom.deidentify import deidentified

    return replace(photograph, origin=deidentified(origin))


def _cells(groups: Sequence[str], analysis: Analysis) -> dict[str, Cell]:
    return {name: cell for group in groups for name, cell in COLUMNS[group].row(analysis).items()}


def _output_hashes(job: Job) -> dict[str, str]:
    try:
        return {result: file_sha256(job.out / result) for result in job.results.values()}
    except OSError as error:
        what = f"{job.targets[0].parent}: the written results cannot be read"
        raise OutputError(f"{what} ({error.strerror})") from error


def _input_sha256(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # reading a pipe would block for ever
            what = "a folder that cannot be searched" if path.is_dir() else "not a regular file"
            raise _UnreadableError(f"{path}: {what}")
        return file_sha256(path)
    except FileNotFoundError as error:
        raise _UnreadableError(f"{path}: no such file") from error
    except OSError as error:
        raise _UnreadableError(f"{path}: cannot be read ({error.strerror})") from error


def _still_there(job: Job, finished: Finished) -> bool:
    """Return whether all of the job's files, and no others, exist as they were written.

    Raises:
        _EditedError: one has been changed since.
        _UnreadableError: this cannot be determined, so the files are to be kept.
    """
    there = set(finished.outputs) == set(job.results.values())
    for result, digest in finished.outputs.items():
        path = job.out / result
        try:
            if not stat.S_ISREG(path.stat().st_mode) or file_sha256(path) != digest:
                raise _EditedError(result)
        except (FileNotFoundError, NotADirectoryError):
            there = False
        except OSError as error:
            raise _UnreadableError(f"{path}: cannot be read ({error.strerror})") from error
    return there


def _reason(job: Job, error: Exception) -> str:
    if isinstance(error, ImageError | OutputError):
        return str(error).removeprefix(f"{job.source}: ")
    if job.dicom:  # its message may quote the header
        return f"a fault in venule, please report it: {type(error).__name__}"
    text = " ".join(str(error).split())
    return f"a fault in venule, please report it: {type(error).__name__}: {text}"


def _errno(error: OutputError) -> int | None:
    cause = error.__cause__ or error.__context__
    return cause.errno if isinstance(cause, OSError) else None
