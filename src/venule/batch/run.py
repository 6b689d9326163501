"""A folder of photographs to a folder of results, resumable at any point."""

import json
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path

from venule import __version__
from venule.batch.ledger import Ledger
from venule.batch.plan import LEDGER, Job
from venule.batch.predict import (
    Failed,
    Kept,
    Network,
    Outcome,
    Written,
    attempt,
    discard,
    make_folder,
    sha256_if_readable,
    sweep,
)
from venule.batch.refuse import Settings, refuse_overwriting
from venule.batch.report import REPORT, RUN, write_reports
from venule.batch.workers import Task, run_tasks
from venule.errors import UsageError
from venule.inference.load import load
from venule.inference.segment import Segmenter
from venule.inference.threads import core_count

IN_THE_WAY = (
    "a file that venule did not write stands in the place of its result; move it, or replace it "
    "with --overwrite"
)

TIMEOUT_S = 600.0
"""Seconds that one photograph may take in a worker process."""


def open_network(
    threads: int,
    *,
    model: str,
    device: str = "auto",
    which: str = "dice",
    runtime: str = "auto",
    threshold: float | None = None,
    resize_px: int | None = None,
) -> Segmenter:
    """The segmenter for so many threads; with its keywords bound it is a `Network`.

    Raises:
        WeightsError, UsageError: as `load` and `Segmenter.with_settings` do.
    """
    segmenter = load(model, device=device, which=which, runtime=runtime, threads=threads)
    return segmenter.with_settings(threshold=threshold, resize_px=resize_px)


def settings_of(
    segmenter: Segmenter, weights_sha256: str, parameters: Mapping[str, object]
) -> Settings:
    """What results depend on beside the photograph; `parameters` are those the user chose.

    The runtime is the one that computes, with its version and precision, not the one that was
    asked for: "auto" may be another on the day the run goes on.
    """
    record = segmenter.record
    return {
        "venule": __version__,
        "model": record.name,
        "model_sha256": weights_sha256,
        "licence": record.licence,
        "runtime": segmenter.runtime,
        "threshold": record.threshold,
        "parameters": parameters,
    }


def start(jobs: Sequence[Job], out: Path, settings: Settings, *, overwrite: bool = False) -> Ledger:
    """The ledger of `out` with the jobs entered; nobody else can write there until it is closed.

    Args:
        jobs: as planned for `out`.
        out: the folder of all results; made if it is not there.
        settings: what results depend on beside the photograph, as JSON.
        overwrite: predict everything again, and replace files that are in the way.

    Raises:
        OutputError: `out` cannot be used, another run is at work there, or, without `overwrite`,
            it has results of other settings or files that are in the way.
    """
    if not overwrite and not (out / LEDGER).exists():
        targets = [target for job in jobs for target in job.targets]
        refuse_overwriting([*targets, out / REPORT, out / RUN])
    make_folder(out)
    ledger = Ledger(out)
    try:
        ledger.begin(jobs, json.loads(json.dumps(settings)), overwrite=overwrite)
    except BaseException:
        ledger.close()
        raise
    return ledger


def run(
    jobs: Sequence[Job],
    network: Network,
    ledger: Ledger,
    *,
    segmenter: Segmenter,
    weights: Path,
    workers: int = 1,
    timeout: float | None = None,
) -> Generator[Outcome, None, None]:
    """What became of each job, as soon as it is known and in the ledger; reports at the end.

    A photograph alone, with one worker and no `timeout`, is predicted in this process. Otherwise
    every worker is a process with its share of the cores, and nothing that a photograph does to
    it stops the others. What earlier runs finished is kept. Close the generator to stop early.

    Args:
        jobs: as given to `start`.
        network: opens the segmenter in a worker process.
        ledger: from `start`; closed at the end.
        segmenter: what `network` opens, for use in this process.
        weights: the file that it opens, which must stay the one whose SHA-256 the ledger's
            settings name (`model_sha256`).
        workers: processes at the same time.
        timeout: seconds that a photograph may take, `TIMEOUT_S` unless given.

    Raises:
        VenuleError: the network cannot be loaded in a worker, its weights have changed, or no
            result can be written.
    """
    alone = len(jobs) == 1 and workers == 1 and timeout is None
    seconds = TIMEOUT_S if timeout is None else timeout
    last_run = _LastRun(workers, None if alone else seconds)
    out = ledger.path.parent
    leftovers = [target for job in jobs for target in job.targets] + [out / REPORT, out / RUN]
    blocked = dict.fromkeys(job for job in jobs if ledger.blocked(job))
    tasks = [Task(job, ledger.finished(job)) for job in jobs if job not in blocked]
    sweep(leftovers)
    sha256 = ledger.settings.get("model_sha256")
    if alone:
        outcomes = _run_here(tasks, segmenter)
    else:
        alike = partial(_open_alike, network, segmenter.runtime, weights, sha256)
        threads = threads_each(workers)
        outcomes = run_tasks(tasks, alike, workers=workers, threads=threads, timeout=seconds)
    try:
        _require_same(weights, sha256)
        # A run that is killed leaves a report that says so.
        write_reports(out, tuple(ledger.rows()), ledger.settings, last_run=last_run.record())
        with closing(outcomes):
            refused = (Failed(job, IN_THE_WAY, read=False) for job in blocked)
            for outcome in chain(refused, outcomes):
                _settle(outcome, ledger)
                last_run.counts[type(outcome)] += 1
                yield outcome
    finally:
        sweep(leftovers)
        try:
            last_run.finished = datetime.now(UTC)
            write_reports(out, tuple(ledger.rows()), ledger.settings, last_run=last_run.record())
        finally:
            ledger.close()


def threads_each(workers: int) -> int:
    """Threads of one of so many workers: its share of the cores this process may use."""
    return max(1, core_count() // workers)


def _run_here(tasks: Sequence[Task], segmenter: Segmenter) -> Generator[Outcome, None, None]:
    for task in tasks:
        try:
            yield attempt(task.job, task.finished, segmenter)
        except MemoryError:
            yield Failed(task.job, "too large for this computer's memory")


def _open_alike(
    network: Network, runtime: str, weights: Path, sha256: str | None, threads: int
) -> Segmenter:
    """What `network` opens, if it is what the ledger says of every result."""
    segmenter = network(threads)
    _require_same(weights, sha256)
    if segmenter.runtime != runtime:
        raise UsageError(
            f"a worker process computes in {segmenter.runtime}, but the run began in {runtime}: "
            "something was installed meanwhile; run it again with --overwrite"
        )
    return segmenter


def _require_same(weights: Path, sha256: str | None) -> None:
    """Raise UsageError if the file has changed since its hash was taken, before it was opened."""
    if sha256 is not None and sha256_if_readable(weights) != sha256:
        raise UsageError(
            f"{weights}: has changed since the run began; run it again with --overwrite, on a "
            "file that nobody writes"
        )


def _settle(outcome: Outcome, ledger: Ledger) -> None:
    if isinstance(outcome, Failed) and outcome.read:
        discard(outcome.job)  # what an earlier photograph of that name left
    ledger.record(outcome)


@dataclass
class _LastRun:
    """What run.json says of the run that wrote it."""

    workers: int
    timeout_s: float | None
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
            "workers": self.workers,
            "timeout_s": self.timeout_s,
            **{name: self.counts[kind] for name, kind in kinds.items()},
        }
