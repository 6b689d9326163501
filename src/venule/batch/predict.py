"""Prediction of a folder of photographs into a results folder, resumable at any point."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

from venule.analysis.analyse import Networks
from venule.analysis.columns import COLUMNS, completed
from venule.analysis.outputs import OUTPUTS
from venule.batch.choice import ModelChoice, open_same, require_same, settings_of
from venule.batch.engine import OpenWorker, Resources
from venule.batch.engines import ENGINES
from venule.batch.plan import Job, Layout, plan
from venule.batch.process import Failed, Kept, Outcome, Worker, Written
from venule.batch.records import Records, Shard
from venule.batch.run import run, start
from venule.errors import UsageError
from venule.files.hashes import file_sha256
from venule.image.io import read_bytes
from venule.inference.load import DEFAULT
from venule.models.record import ModelRecord
from venule.system.cores import core_count

FAILED_KEPT = 10_000
"""Number of failures that a `Summary` lists: on a lost network share there may be millions."""

TIMEOUT_S = 600.0
"""Default time limit for one photograph in a worker process, in seconds."""


@dataclass(frozen=True)
class Summary:
    """The outcome of a run over a folder: how many were written, kept, and which failed.

    Lists the first `FAILED_KEPT` failures; report.csv has all of them.
    """

    out: Path
    total: int
    written: int
    kept: int
    failed: tuple[Failed, ...]

    @property
    def failures(self) -> int:
        """The number of photographs that failed."""
        return self.total - self.written - self.kept


def predict_folder(
    paths: Sequence[Path | str] | Path | str,
    out: Path | str,
    *,
    model: ModelChoice | str | Path = DEFAULT,
    outputs: Sequence[str] = ("mask",),
    columns: Sequence[str] = ("quality",),
    engine: str | None = None,
    workers: int = 1,
    timeout: float | None = None,
    strict: bool = False,
    deidentify: bool = False,
    key: Path | str | None = None,
    overwrite: bool = False,
    shard: Shard | None = None,
    layout: Layout = "mirror",
    begun: Callable[[ModelRecord, int], None] | None = None,
    progress: Callable[[Outcome], None] | None = None,
) -> Summary:
    """Segment photographs and folders of them, as `venule predict` does; repeat to resume.

    Args:
        paths: photographs, or folders to search for them.
        out: results folder, for the requested files, report.csv and run.json.
        model: a shipped name, a weights file, a run's folder, or a `ModelChoice` with settings.
        outputs: one or several names of `venule.analysis.outputs.OUTPUTS`.
        columns: likewise of `venule.analysis.columns.COLUMNS`, added to those of every report.csv;
            `measure`, and the output `disc`, add `landmarks` and `file`.
        engine: a name of `venule.batch.engines.ENGINES`; None means worker processes, or this
            process for a single photograph.
        workers: number of photographs processed in parallel; workers share the cores.
        timeout: time limit for one photograph in seconds, `TIMEOUT_S` if None.
        strict: photographs of grade "reject" fail, and nothing is written for them.
        deidentify: DICOM objects are written without patient, study or date.
        key: a CSV file outside `out` that maps pseudonyms to DICOM objects.
        overwrite: analyse everything again, and replace files that are in the way.
        shard: the subset of the photographs that this run processes; the runs of all shards may
            share `out`, and `merge_shards` combines their reports.
        layout: results mirror the photographs' folders, or, "hashed", go into 4096 folders.
        begun: called before the first photograph, with the model's record and their number.
        progress: called with each outcome.

    Returns:
        Counts, and the photographs that failed with their reasons.

    Raises:
        UsageError: an unknown name, or nothing to do.
        WeightsError: the model cannot be loaded.
        OutputError: results cannot be written, or `out` holds others.
    """
    paths = [paths] if isinstance(paths, Path | str) else paths
    choice = model if isinstance(model, ModelChoice) else ModelChoice(model=model)
    outputs, columns = _known(outputs, OUTPUTS, "output"), _known(columns, COLUMNS, "columns")
    columns = completed(columns, outputs)
    if layout not in get_args(Layout):
        raise UsageError(f"layout {layout}: use one of {', '.join(get_args(Layout))}")
    jobs = plan(
        [Path(path) for path in paths],
        Path(out),
        outputs=outputs,
        columns=columns,
        strict=strict,
        shard=shard,
        deidentify=deidentify,
        layout=layout,
    )
    name = _engine_name(engine, jobs, workers=workers, timeout=timeout)
    resources = resources_of(workers, timeout)
    weights = choice.weights
    sha256 = file_sha256(weights)  # before loading; `run` checks that it has not changed
    segmenter = choice.open(resources.threads)
    parameters: dict[str, object] = {"imgsz": choice.resize_px, "strict": strict}
    parameters |= {"deidentify": deidentify, "layout": layout}
    settings = settings_of(segmenter, sha256, parameters, outputs, columns)
    if key is not None:
        _write_key(Path(key), jobs, Path(out), overwrite=overwrite)
    ledger = start(jobs, Records(Path(out), shard), settings, overwrite=overwrite)
    if begun is not None:
        begun(segmenter.record, len(jobs))
    open_worker: OpenWorker = partial(open_same, choice, segmenter.runtime, sha256)
    if name == "inline":
        worker = Worker(Networks(segmenter, threads=resources.threads))  # already loaded
        open_worker = partial(_opened, worker)
    same = partial(require_same, weights, sha256)
    outcomes = run(jobs, ledger, open_worker, engine=name, resources=resources, check=same)
    counts: Counter[type] = Counter()
    failed: list[Failed] = []
    with closing(outcomes):
        for outcome in outcomes:
            counts[type(outcome)] += 1
            if isinstance(outcome, Failed) and len(failed) < FAILED_KEPT:
                failed.append(outcome)
            if progress is not None:
                progress(outcome)
    return Summary(
        out=Path(out),
        total=len(jobs),
        written=counts[Written],
        kept=counts[Kept],
        failed=tuple(failed),
    )


def _known(names: Sequence[str], among: Mapping[str, object], what: str) -> tuple[str, ...]:
    """The names, or the single one, in the order of `among`; UsageError for an unknown one."""
    names = [names] if isinstance(names, str) else names
    unknown = [name for name in names if name not in among]
    if unknown or not names:
        given = ", ".join(unknown) or "none"
        raise UsageError(f"{what} {given}: use one or more of {', '.join(among)}")
    return tuple(name for name in among if name in names)


def _write_key(path: Path, jobs: Sequence[Job], out: Path, *, overwrite: bool) -> None:
    from venule.dicom.key import write_key

    if path.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"{path}: is inside {out}; put the key file outside the results folder")
    files = ((job.name, job.source) for job in jobs if job.dicom)
    write_key(path, files, overwrite=overwrite, read=read_bytes)


def _engine_name(
    engine: str | None, jobs: Sequence[Job], *, workers: int, timeout: float | None
) -> str:
    if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
        raise UsageError(f"timeout {timeout}: give a number of seconds")
    if workers < 1:
        raise UsageError(f"workers = {workers}: use 1 or more")
    if engine is None:
        alone = len(jobs) == 1 and workers == 1 and timeout is None
        return "inline" if alone else "processes"
    if engine not in ENGINES:
        raise UsageError(f"engine {engine}: use one of {', '.join(ENGINES)}")
    if engine == "inline" and (workers > 1 or timeout is not None):
        raise UsageError("engine inline is one worker without a time limit; use processes")
    return engine


def resources_of(workers: int, timeout: float | None) -> Resources:
    """Workers that share the cores available to this process."""
    threads = max(1, core_count() // workers)
    return Resources(workers, threads, TIMEOUT_S if timeout is None else timeout)


def _opened(worker: Worker, _: int) -> Worker:
    return worker
