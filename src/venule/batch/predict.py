"""A folder of photographs to a folder of results, resumable at any point."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import get_args

from venule import __version__
from venule.analysis.analyse import Networks, in_order
from venule.analysis.columns import COLUMNS
from venule.analysis.outputs import OUTPUTS
from venule.batch.engine import OpenWorker, Resources
from venule.batch.engines import ENGINES
from venule.batch.ledger import Ledger
from venule.batch.plan import Job, Layout, plan
from venule.batch.process import (
    Failed,
    Kept,
    Outcome,
    Task,
    Worker,
    Written,
    discard,
    steps_for,
    sweep,
)
from venule.batch.records import Records, Shard
from venule.batch.refuse import Settings, refuse_overwriting
from venule.batch.report import write_reports
from venule.errors import UsageError
from venule.files.atomic import make_folder
from venule.files.hashes import file_sha256, sha256_if_readable
from venule.inference.load import DEFAULT, load, weights_file
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord
from venule.system.cores import core_count

IN_THE_WAY = (
    "a file that venule did not write stands in the place of its result; move it, or replace it "
    "with --overwrite"
)

TIMEOUT_S = 600.0
"""Seconds that one photograph may take in a worker process."""


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model, and how it is to run; arguments as of `venule.load` and `with_settings`."""

    model: str | Path = DEFAULT
    device: str = "auto"
    checkpoint: str = "dice"
    runtime: str = "auto"
    threshold: float | None = None
    resize_px: int | None = None

    @property
    def weights(self) -> Path:
        """The weights file."""
        return weights_file(self.model, checkpoint=self.checkpoint)

    def open(self, threads: int) -> Segmenter:
        """Load the model for a number of threads.

        Raises:
            WeightsError, UsageError: as `load` and `Segmenter.with_settings` do.
        """
        segmenter = load(
            self.model,
            device=self.device,
            checkpoint=self.checkpoint,
            runtime=self.runtime,
            threads=threads,
        )
        return segmenter.with_settings(threshold=self.threshold, resize_px=self.resize_px)


@dataclass(frozen=True)
class Summary:
    """The outcomes of a run over a folder: how many were written and kept, and which failed."""

    out: Path
    total: int
    written: int
    kept: int
    failed: tuple[Failed, ...]


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
    """Segment photographs and folders of them, as `venule predict` does; call it again to go on.

    Args:
        paths: photographs, or folders that are searched for them.
        out: folder of the results: the files asked for, report.csv and run.json.
        model: a shipped name, a weights file, a run's folder, or one with its settings.
        outputs: names of `venule.analysis.outputs.OUTPUTS`.
        columns: names of `venule.analysis.columns.COLUMNS`, beside those of every report.csv.
        engine: a name of `venule.batch.engines.ENGINES`; None takes worker processes, but this
            process for a photograph alone.
        workers: photographs at the same time; they share the cores.
        timeout: seconds that a photograph may take, `TIMEOUT_S` if None.
        strict: photographs of grade "reject" fail, without files.
        deidentify: DICOM objects that are written name no patient, study or date.
        key: a CSV file outside `out` that tells which pseudonym is which DICOM object.
        overwrite: analyse everything again, and replace files that are in the way.
        shard: the part of the photographs that this run processes; runs of all shards may share
            `out`, and `merge_shards` makes one report of theirs.
        layout: results lie as the photographs do, or, "hashed", in 4096 folders.
        begun: called before the first, with the model's record and the number of photographs.
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
    sha256 = file_sha256(weights)  # before it is opened; `run` sees that it stays so
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
        worker = Worker(Networks(segmenter))  # loaded already
        open_worker = partial(_opened, worker)
    same = partial(require_same, weights, sha256)
    outcomes = run(jobs, ledger, open_worker, engine=name, resources=resources, check=same)
    counts: Counter[type] = Counter()
    failed: list[Failed] = []
    with closing(outcomes):
        for outcome in outcomes:
            counts[type(outcome)] += 1
            if isinstance(outcome, Failed):
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
    """The names in the order of the list that knows them; UsageError for another one."""
    unknown = [name for name in names if name not in among]
    if unknown or not names:
        raise UsageError(f"{what} {', '.join(unknown) or 'none'}: use {','.join(among)} or some")
    return tuple(name for name in among if name in names)


def _write_key(path: Path, jobs: Sequence[Job], out: Path, *, overwrite: bool) -> None:
    from venule.dicom.key import write_key

    if path.absolute().is_relative_to(out.absolute()):
        raise UsageError(f"{path}: lies in {out}; put the key where results do not go")
    write_key(path, ((job.name, job.source) for job in jobs if job.dicom), overwrite=overwrite)


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
    """Workers that share the cores this process may use."""
    threads = max(1, core_count() // workers)
    return Resources(workers, threads, TIMEOUT_S if timeout is None else timeout)


def settings_of(
    segmenter: Segmenter,
    weights_sha256: str,
    parameters: Mapping[str, object],
    outputs: Sequence[str] = ("mask",),
    columns: Sequence[str] = ("quality",),
) -> Settings:
    """State what results depend on beside the photograph; `parameters` are those the user chose.

    The runtime is the one that computes, with its version and precision, not the one that was
    asked for: "auto" may be another on the day the run goes on. `networks` has the SHA-256 of the
    shipped weights that outputs and columns need beside the network of vessels, by name.

    Raises:
        WeightsError: such weights did not come with this package.
    """
    record = segmenter.record
    steps = in_order(steps_for(outputs, columns))
    networks = [name for step in steps if (name := step.shipped_network(segmenter)) is not None]
    return {
        "venule": __version__,
        "model": record.name,
        "model_sha256": weights_sha256,
        "networks": {name: file_sha256(weights_file(name)) for name in networks},
        "licence": record.licence,
        "runtime": segmenter.runtime,
        "threshold": {one.name: one.threshold for one in record.classes},
        "outputs": list(outputs),
        "columns": list(columns),
        "parameters": dict(parameters),
    }


def start(
    jobs: Sequence[Job], records: Records, settings: Settings, *, overwrite: bool = False
) -> Ledger:
    """Open the ledger of a folder of results and enter the jobs.

    Nobody else can write there until it is closed.

    Args:
        jobs: as planned for the folder.
        records: its books; the folder is made if it is not there.
        settings: what results depend on beside the photograph, as JSON.
        overwrite: analyse everything again, and replace files that are in the way.

    Raises:
        OutputError: the folder cannot be used, another run is at work there, or, without
            `overwrite`, it has results of other settings or files that are in the way.
    """
    if not overwrite and not records.ledger.exists():
        targets = (target for job in jobs for target in job.targets)
        refuse_overwriting(chain(targets, records.files))
    make_folder(records.out)
    ledger = Ledger(records)
    try:
        ledger.begin(jobs, json.loads(json.dumps(settings)), overwrite=overwrite)
    except BaseException:
        ledger.close()
        raise
    return ledger


def run(
    jobs: Sequence[Job],
    ledger: Ledger,
    open_worker: OpenWorker,
    *,
    engine: str,
    resources: Resources,
    check: Callable[[], None] | None = None,
) -> Generator[Outcome, None, None]:
    """Yield the outcome of each job, as soon as it is known and in the ledger; reports at the end.

    What earlier runs finished is kept. Close the generator to stop early.

    Args:
        jobs: as given to `start`.
        ledger: from `start`; closed at the end.
        open_worker: loads the networks, where the engine needs them.
        engine: a name of `ENGINES`.
        resources: workers, their threads, seconds that a photograph may take.
        check: called before the first outcome; raises where the networks have changed.

    Raises:
        VenuleError: the networks cannot be loaded in a worker or have changed, or no result can be
            written.
    """
    last_run = _LastRun(engine, resources)
    records = ledger.records
    blocked = {job.name: job for job in jobs if ledger.blocked(job)}
    tasks = (Task(job, ledger.finished(job)) for job in jobs if job.name not in blocked)
    _sweep(jobs, records)
    outcomes = ENGINES[engine](tasks, open_worker, resources)
    try:
        if check is not None:
            check()
        # A run that is killed leaves a report that says so.
        write_reports(ledger, last_run=last_run.record())
        with closing(outcomes):
            refused = (Failed(job, IN_THE_WAY, read=False) for job in blocked.values())
            for outcome in chain(refused, outcomes):
                _settle(outcome, ledger)
                last_run.counts[type(outcome)] += 1
                yield outcome
    finally:
        _sweep(jobs, records)
        try:
            last_run.finished = datetime.now(UTC)
            write_reports(ledger, last_run=last_run.record())
        finally:
            ledger.close()


def open_same(choice: ModelChoice, runtime: str, sha256: str, threads: int) -> Worker:
    """Load what `choice` names in a worker, if it is what the ledger says of every result.

    Raises:
        UsageError: the weights or the runtime are no longer those that the run began with.
    """
    segmenter = choice.open(threads)
    require_same(choice.weights, sha256)
    if segmenter.runtime != runtime:
        raise UsageError(
            f"a worker process computes in {segmenter.runtime}, but the run began in {runtime}: "
            "something was installed meanwhile; run it again with --overwrite"
        )
    return Worker(Networks(segmenter))


def require_same(weights: Path, sha256: str) -> None:
    """Raise UsageError if the file has changed since its hash was taken, before it was opened."""
    if sha256_if_readable(weights) != sha256:
        raise UsageError(
            f"{weights}: has changed since the run began; run it again with --overwrite, on a "
            "file that nobody writes"
        )


def _opened(worker: Worker, _: int) -> Worker:
    return worker


def _sweep(jobs: Sequence[Job], records: Records) -> None:
    sweep(chain(records.files, (target for job in jobs for target in job.targets)))


def _settle(outcome: Outcome, ledger: Ledger) -> None:
    if isinstance(outcome, Failed) and outcome.read:
        discard(outcome.job)  # what an earlier photograph of that name left
    ledger.record(outcome)


@dataclass
class _LastRun:
    """The account in run.json of the run that wrote it."""

    engine: str
    resources: Resources
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)
    finished: datetime | None = None
    counts: Counter[type] = field(default_factory=Counter)

    def record(self) -> dict[str, object]:
        kinds = {"written": Written, "kept": Kept, "failed": Failed}
        return {
            "started": self.began.isoformat(timespec="seconds"),
            "finished": self.finished and self.finished.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self.clock, 3),
            "engine": self.engine,
            **asdict(self.resources),
            **{name: self.counts[kind] for name, kind in kinds.items()},
        }
