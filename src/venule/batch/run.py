"""A run over planned photographs: the ledger records what is done, and reports summarise it."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from venule.batch.engine import OpenWorker, Resources
from venule.batch.engines import ENGINES
from venule.batch.ledger import Ledger
from venule.batch.plan import Job
from venule.batch.process import Failed, Kept, Outcome, Task, Written, discard, sweep
from venule.batch.records import Records, shards_in
from venule.batch.refuse import (
    Settings,
    refuse_other_settings,
    refuse_overwriting,
    refuse_two_divisions,
)
from venule.batch.report import merged_shards, stored_settings, write_reports
from venule.errors import OutputError
from venule.files.atomic import make_folder

IN_THE_WAY = (
    "its result would overwrite a file that venule did not write; move that file, or replace it "
    "with --overwrite"
)


def start(
    jobs: Sequence[Job], records: Records, settings: Settings, *, overwrite: bool = False
) -> Ledger:
    """Open the ledger of a results folder and enter the jobs.

    No other run can write there until the ledger is closed.

    Args:
        jobs: as planned for the folder.
        records: its bookkeeping files; the folder is created if needed.
        settings: what results depend on besides the photograph, as JSON.
        overwrite: analyse everything again, and replace files that are in the way.

    Raises:
        OutputError: the folder cannot be used, another run is active there, it holds shards of
            another division or that are to be merged first, or, without `overwrite`, it holds
            results of other settings or files that are in the way.
    """
    settings = json.loads(json.dumps(settings))
    whole = Records(records.out).ledger
    merged = records.shard is not None and whole.is_file()
    _refuse_shards(records, settings, overwrite=overwrite)
    fresh = not overwrite and not records.ledger.exists()
    if fresh:
        targets = (target for job in jobs for target in job.targets)
        refuse_overwriting(chain(() if merged else targets, records.files))
    make_folder(records.out)
    ledger = Ledger(records)
    try:
        if merged and not ledger.settings:
            ledger.adopt(whole, jobs)
        ledger.begin(jobs, settings, overwrite=overwrite, fresh=fresh and not merged)
    except BaseException:
        ledger.close()
        raise
    return ledger


def _refuse_shards(records: Records, settings: Settings, *, overwrite: bool) -> None:
    """Raise OutputError if shards are of another division or settings, or to be merged first."""
    others = [shard for shard in shards_in(records.out) if shard != records.shard]
    if not others:
        return
    if records.shard is None:
        raise OutputError(
            f"{records.out} holds shards that are not merged; run venule merge {records.out} "
            "first, or choose another folder for -o"
        )
    refuse_two_divisions(records.out, others)
    if (count := others[0].count) != records.shard.count:
        raise OutputError(
            f"{records.out} holds shards of {count}; run all I/{count} and merge them before a "
            f"division into {records.shard.count}, or choose another folder for -o"
        )
    if not overwrite:  # one other, as the others have been compared with it
        before = stored_settings(Records(records.out, others[0]))
        refuse_other_settings(records.out, before, settings)


def run(
    jobs: Sequence[Job],
    ledger: Ledger,
    open_worker: OpenWorker,
    *,
    engine: str,
    resources: Resources,
    check: Callable[[], None] | None = None,
) -> Generator[Outcome, None, None]:
    """Yield each job's outcome once it is known and in the ledger; write the reports at the end.

    Results of earlier runs are kept. Close the generator to stop early.

    Args:
        jobs: as given to `start`.
        ledger: from `start`; closed at the end.
        open_worker: loads the networks, where the engine needs them.
        engine: a name of `ENGINES`.
        resources: workers, their threads, and the time limit for one photograph.
        check: called before the first outcome; raises if the networks have changed.

    Raises:
        VenuleError: the networks cannot be loaded in a worker or have changed, or no result can be
            written.
    """
    records = ledger.records
    last_run = _LastRun(engine, resources, merged_shards(records))
    blocked = ledger.blocked(jobs)
    tasks = (Task(job, ledger.finished(job)) for job in jobs if job.name not in blocked)
    tidy = _sweeping(jobs, records)
    tidy()
    outcomes = ENGINES[engine](tasks, open_worker, resources)
    try:
        if check is not None:
            check()
        # So that a run that is killed leaves a report that says so.
        write_reports(ledger, last_run=last_run.record())
        with closing(outcomes):
            refused = (Failed(job, IN_THE_WAY, read=False) for job in blocked.values())
            for outcome in chain(refused, outcomes):
                _settle(outcome, ledger)
                last_run.counts[type(outcome)] += 1
                yield outcome
    finally:
        tidy()
        try:
            last_run.finished = datetime.now(UTC)
            write_reports(ledger, last_run=last_run.record())
        finally:
            ledger.close()


def _sweeping(jobs: Sequence[Job], records: Records) -> Callable[[], None]:
    """Prepare the removal of temporary files left by processes that were killed."""
    names = {os.path.dirname(job.name) for job in jobs}  # noqa: PTH120  of a million, is fast
    folders = {records.out, *(records.out / name for name in names)}

    def targets() -> Iterator[Path]:
        yield from records.files
        yield from (target for job in jobs for target in job.targets)

    return lambda: sweep(folders, targets())


def _settle(outcome: Outcome, ledger: Ledger) -> None:
    if isinstance(outcome, Failed) and outcome.read:
        discard(outcome.job)  # results of an earlier photograph of that name
    ledger.record(outcome)


@dataclass
class _LastRun:
    """The part of run.json about the run that wrote it."""

    engine: str
    resources: Resources
    merged_shards: int = 0  # before it; of these, each may run again alone
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
            **({"merged_shards": self.merged_shards} if self.merged_shards else {}),
        }
