"""Worker actors on a Ray cluster: one loaded network each, and nothing lost when machines die.

Paths travel, never pixels. Results go to a folder that every node sees, as with processes.
"""

import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venule.batch.engine import OpenWorker, Resources
from venule.batch.plan import Job
from venule.batch.process import Failed, Outcome, Task, failure
from venule.errors import OutputError, UsageError, VenuleError

Tries = dict[Job, int]

_TRIES = 2
"""Attempts at a photograph whose worker, or its machine, dies."""

_LOST_AT_START = 10
"""Workers that may die one after the other before one of them has processed anything."""


def ray_actors(
    tasks: Sequence[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[Outcome, None, None]:
    """Process photographs in actors of a Ray cluster.

    The cluster is the one that RAY_ADDRESS names, or else this computer's own cores. An actor
    takes `resources.threads` cores and one photograph at a time; one that takes longer than the
    time limit is killed and replaced. The photograph of an actor that died is begun once more.

    Raises:
        UsageError: Ray is not installed, or no cluster answers.
        OutputError: a node does not see the folder of results, or no result can be written.
        VenuleError: the networks cannot be loaded.
    """
    if not tasks:
        return
    with _cluster() as ray:
        crew = _Crew(ray, open_worker, resources, tasks[0].job.out)
        try:
            yield from crew.process(tasks)
        finally:
            crew.stop()


@contextmanager
def _cluster() -> Iterator[Any]:
    """Connect to the cluster, without its dashboard and usage statistics."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UsageError(
            f"engine ray needs {error.name}, which is not installed: pip install 'venule[ray]'"
        ) from None
    connected = ray.is_initialized()
    if not connected:
        try:
            ray.init(
                address=os.environ.get("RAY_ADDRESS"),
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError(f"engine ray: no cluster answers ({reason})") from None
    try:
        yield ray
    finally:
        if not connected:
            ray.shutdown()


class _Actor:
    """A worker on some node; its networks are loaded when it is made."""

    def __init__(self, open_worker: OpenWorker, threads: int, probe: Path) -> None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
        self._probe = probe
        self._open: Callable[[], Any] = lambda: open_worker(threads)

    def load(self) -> VenuleError | None:
        """Load the networks; what is wrong with them, or with this node, is returned."""
        if not self._probe.is_file():
            return OutputError(
                f"{self._probe.parent}: node {os.uname().nodename} does not see this folder; give "
                "one for -o that every node shares, under the same path"
            )
        try:
            self._worker = self._open()
        except VenuleError as error:
            return error
        return None

    def process(self, task: Task) -> Outcome | VenuleError:
        """Process one photograph; an error that ends the run is returned."""
        try:
            outcome: Outcome = self._worker(task)
        except VenuleError as error:
            return error
        except MemoryError:
            return Failed(task.job, "too large for its node's memory")
        return outcome


@dataclass
class _Busy:
    """An actor's present work: its call, the photograph (None while it loads), and its start."""

    actor: Any
    task: Task | None
    since: float


@dataclass
class _Crew:
    """The actors, each with one call under way, as the driver sees them."""

    ray: Any
    open_worker: OpenWorker
    resources: Resources
    out: Path
    busy: dict[Any, _Busy] = field(default_factory=dict)
    lost: int = 0  # actors, one after the other, before any outcome

    def __post_init__(self) -> None:
        options = {"num_cpus": self.resources.threads, "max_restarts": 0}
        self._remote = self.ray.remote(**options)(_Actor)
        self._probe = self.out / f".venule-{secrets.token_hex(4)}.probe"
        try:
            self._probe.touch()
        except OSError as error:
            raise OutputError(f"{self._probe}: cannot be written ({error.strerror})") from None

    def process(self, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Yield the outcome of each task; no more are under way than there are actors."""
        waiting, tries = deque(tasks), dict.fromkeys((task.job for task in tasks), 0)
        for _ in range(min(self.resources.workers, len(tasks))):
            self._hire()
        while self.busy:
            ready, _ = self.ray.wait([*self.busy], timeout=self._patience())
            for call in ready:
                yield from self._received(call, waiting, tries)
            yield from self._overdue(waiting)

    def stop(self) -> None:
        """End all actors."""
        for busy in self.busy.values():
            self._kill(busy.actor)
        self.busy.clear()
        with suppress(OSError):
            self._probe.unlink()

    def _hire(self) -> None:
        actor = self._remote.remote(self.open_worker, self.resources.threads, self._probe)
        self.busy[actor.load.remote()] = _Busy(actor, None, float("inf"))

    def _give(self, actor: Any, waiting: deque[Task], tries: Tries) -> None:
        """Give an idle actor the next photograph, or let it go."""
        if not waiting:
            self._kill(actor)
            return
        task = waiting.popleft()
        tries[task.job] += 1
        self.busy[actor.process.remote(task)] = _Busy(actor, task, time.monotonic())

    def _received(self, call: Any, waiting: deque[Task], tries: Tries) -> Iterator[Outcome]:
        busy = self.busy.pop(call)
        try:
            result = self.ray.get(call)
        except self.ray.exceptions.RayError as error:
            yield from self._died(busy, type(error).__name__, waiting, tries)
            return
        if isinstance(result, VenuleError):
            raise result
        if busy.task is not None:
            self.lost = 0
            yield result
        self._give(busy.actor, waiting, tries)

    def _died(self, busy: _Busy, how: str, waiting: deque[Task], tries: Tries) -> Iterator[Outcome]:
        self.lost += 1
        if self.lost >= _LOST_AT_START:
            raise OutputError(
                f"{self.lost} workers died one after the other ({how}); see to the cluster, then "
                "run it again"
            )
        task = busy.task
        if task is not None and tries[task.job] < _TRIES:
            waiting.append(task)
        elif task is not None:
            reason = f"its worker on the cluster died, twice ({how})"
            yield failure(task.job, reason, read=False, seconds=time.monotonic() - busy.since)
        if waiting:
            self._hire()

    def _overdue(self, waiting: deque[Task]) -> Iterator[Outcome]:
        now = time.monotonic()
        for call, busy in [*self.busy.items()]:
            seconds = now - busy.since
            if busy.task is None or seconds < self.resources.timeout_s:
                continue
            del self.busy[call]
            self._kill(busy.actor)
            reason = f"took longer than {self.resources.timeout_s:g} s"
            yield failure(busy.task.job, reason, read=False, seconds=seconds)
            if waiting:
                self._hire()

    def _patience(self) -> float:
        """Seconds until the first photograph is overdue, a minute at most."""
        first = min((busy.since for busy in self.busy.values()), default=float("inf"))
        left = first + self.resources.timeout_s - time.monotonic()
        return min(max(left, 0.01), 60.0)

    def _kill(self, actor: Any) -> None:
        with suppress(Exception):  # it may be dead already, and its node with it
            self.ray.kill(actor, no_restart=True)
