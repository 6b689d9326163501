"""One photograph to its files: what a worker does, whatever the photograph is."""

import errno
import os
import stat
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from venule.batch.plan import Job, Kind
from venule.errors import ImageError, OutputError
from venule.image.arrays import RGB
from venule.image.io import file_sha256, read_image, write_png, write_png_strips, write_probability
from venule.inference.segment import Prediction, Segmenter
from venule.quality.assess import Quality
from venule.viz.overlay import overlay_strips

Network = Callable[[int], Segmenter]
"""Opens the segmenter for a number of threads; picklable, so that every worker can."""

_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


@dataclass(frozen=True)
class Finished:
    """What the ledger knows of a photograph that was predicted before, with equal settings."""

    input_sha256: str
    outputs: Mapping[str, str]  # SHA-256 by path below the folder of results


@dataclass(frozen=True)
class Written:
    """The job's files have been written."""

    job: Job
    finished: Finished
    seconds: float
    warnings: tuple[str, ...] = ()
    quality: Quality | None = None


@dataclass(frozen=True)
class Kept:
    """The job's files were there already, from the same photograph."""

    job: Job


@dataclass(frozen=True)
class Failed:
    """The job has not been done, for a reason that the user can act on.

    It has no files then; but where the photograph was not even `read`, whatever stands in their
    place stays: what an earlier run found of it, or files that are not ours.
    """

    job: Job
    reason: str
    read: bool = True
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    quality: Quality | None = None  # where that is the reason


Outcome = Written | Kept | Failed


def may_exist(path: str | Path) -> bool:
    """Whether a file or link is there, or cannot be told from here, as on a share that fails."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno not in (errno.ENAMETOOLONG, errno.ELOOP)
    return True


def failure(job: Job, reason: str, *, read: bool, seconds: float) -> Failed:
    """The failure of a photograph that had been `read` or not; the reason says what is kept."""
    kept = not read and any(map(may_exist, job.targets))
    note = "; what an earlier run found is kept" if kept else ""
    return Failed(job, reason + note, read, seconds)


def attempt(
    job: Job,
    finished: Finished | None,
    segmenter: Segmenter,
    *,
    changed: Callable[[], None] | None = None,
) -> Outcome:
    """What became of one photograph; whatever is wrong with it is a reason, not an exception.

    `changed` is called before anything is predicted: nothing that was finished holds any more.

    Raises:
        OutputError: no result can be written: the disk is full or read-only.
        MemoryError: the photograph needs more than there is.
    """
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        result: tuple[Finished, Quality | None] | str | None
        rejected: Quality | None = None
        try:
            result = _predict_or_keep(job, finished, segmenter, changed)
        except MemoryError:
            raise
        except _RejectedError as error:
            result, rejected = _reason(job, error), error.quality
        except _UnreadableError as error:
            seconds = time.perf_counter() - started
            return failure(job, _reason(job, error), read=False, seconds=seconds)
        except Exception as error:
            if isinstance(error, OutputError) and _errno(error) in _FULL_DISK:
                raise
            result = _reason(job, error)
    seconds = time.perf_counter() - started
    said = tuple(dict.fromkeys(str(warning.message) for warning in caught))
    if result is None:
        return Kept(job)
    if isinstance(result, str):
        return Failed(job, result, seconds=seconds, warnings=said, quality=rejected)
    done, quality = result
    return Written(job, done, seconds=seconds, warnings=said, quality=quality)


def predict_file(job: Job, segmenter: Segmenter) -> Prediction:
    """What was found in the photograph, after its files have been written.

    They are those of the job's `save`, at the photograph's own size: probability p as
    round(65535 p) in 16-bit grey, mask (0 or 255), overlay.

    Raises:
        ImageError: the photograph cannot be read, or is rejected by a strict job.
        OutputError: a result cannot be written.
    """
    image = read_image(job.source)
    prediction = segmenter.segment(image)
    quality = prediction.quality
    if job.strict and quality is not None and quality.grade == "reject":
        raise _RejectedError(job, quality)
    for target in job.targets[:1]:
        make_folder(target.parent)
    try:
        for kind, target in zip(job.save, job.targets, strict=True):
            _write(kind, target, image, prediction)
    except BaseException:  # Ctrl-C too: all results, or none
        discard(job)
        raise
    return prediction


def discard(job: Job) -> None:
    """Remove what is there of the job's files, whole or half written."""
    for target in job.targets:
        with suppress(OSError):  # not there, or a folder of that name
            target.unlink()
    sweep(job.targets)


def sweep(targets: Iterable[Path]) -> None:
    """Remove what processes that were killed left of files they were writing atomically."""
    names: dict[Path, set[str]] = {}
    for target in targets:
        names.setdefault(target.parent, set()).add(target.name)
    for folder, wanted in names.items():
        with suppress(OSError):  # no such folder yet
            for entry in os.scandir(folder):
                hidden = entry.name.startswith(".") and entry.name.endswith(".tmp")
                if hidden and entry.name[1:].rsplit(".", 2)[0] in wanted:
                    Path(entry.path).unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make the folder of results and those above it; OutputError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error


def sha256_if_readable(path: Path) -> str | None:
    """SHA-256 of a file's content; None where there is no file, or none that can be read."""
    try:
        return file_sha256(path) if path.is_file() else None
    except OSError:
        return None


class _RejectedError(ImageError):
    """A photograph of too low quality for a strict job."""

    def __init__(self, job: Job, quality: Quality) -> None:
        super().__init__(f"{job.source}: rejected: {', '.join(quality.reasons)}")
        self.quality = quality


class _UnreadableError(ImageError):
    """Bytes of a photograph, or of what was found in it, that cannot be had."""


def _predict_or_keep(
    job: Job,
    finished: Finished | None,
    segmenter: Segmenter,
    changed: Callable[[], None] | None,
) -> tuple[Finished, Quality | None] | None:
    """The hashes of what went in and came out, and its quality; None if `finished` still holds."""
    digest = _input_sha256(job.source)
    if finished is not None and finished.input_sha256 == digest and _still_there(job, finished):
        return None
    if changed is not None:
        changed()
    prediction = predict_file(job, segmenter)
    try:
        outputs = {result: file_sha256(job.out / result) for result in job.results.values()}
    except OSError as error:
        what = f"{job.targets[0].parent}: what was written cannot be read"
        raise OutputError(f"{what} ({error.strerror})") from error
    return Finished(digest, outputs), prediction.quality


def _input_sha256(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # reading a pipe would wait for ever
            what = "a folder that cannot be searched" if path.is_dir() else "not a regular file"
            raise _UnreadableError(f"{path}: {what}")
        return file_sha256(path)
    except FileNotFoundError as error:
        raise _UnreadableError(f"{path}: no such file") from error
    except OSError as error:
        raise _UnreadableError(f"{path}: cannot be read ({error.strerror})") from error


def _still_there(job: Job, finished: Finished) -> bool:
    """Whether the job's files, and no others, are as they were when it was finished.

    Raises:
        _UnreadableError: nobody can say, so that they are to be kept.
    """
    if set(finished.outputs) != set(job.results.values()):
        return False
    for result, digest in finished.outputs.items():
        path = job.out / result
        try:
            if not stat.S_ISREG(path.stat().st_mode) or file_sha256(path) != digest:
                return False
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise _UnreadableError(f"{path}: cannot be read ({error.strerror})") from error
    return True


def _write(kind: Kind, target: Path, image: RGB, prediction: Prediction) -> None:
    if kind == "prob":
        write_probability(target, prediction.probability)
    elif kind == "mask":
        write_png(target, prediction.vessels)
    else:
        height, width = prediction.fov.shape
        strips = overlay_strips(image, prediction.vessels)
        write_png_strips(target, (height, width), strips)


def _reason(job: Job, error: Exception) -> str:
    if isinstance(error, ImageError | OutputError):
        return str(error).removeprefix(f"{job.source}: ")
    text = " ".join(str(error).split())
    return f"a fault in venule, please report it: {type(error).__name__}: {text}"


def _errno(error: OutputError) -> int | None:
    cause = error.__cause__ or error.__context__
    return cause.errno if isinstance(cause, OSError) else None
