"""Worker actors on a Ray cluster: one loaded network each, and no result lost with a machine.

Actors are sent paths, never pixels. Results go to a folder that every node can access, as with
processes.
"""

import os
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from venule.batch.engine import OpenWorker, Resources, Waiting
from venule.batch.process import Outcome, Task, failure
from venule.batch.processes import Died, Supervised
from venule.errors import OutputError, UsageError, VenuleError

_BEGUN = 5
"""Attempts at a photograph whose actor dies: the photograph need not be the cause."""

_LOST_AT_START = 10
"""Consecutive actors that may die while loading the networks, or two for each worker if more."""

_GRACE_S = 60.0
"""Seconds after the time limit that a node has to report it itself."""


def ray_actors(
    tasks: Iterable[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[Outcome, None, None]:
    """Process photographs in actors of a Ray cluster.

    The cluster is the one that RAY_ADDRESS names, or else this computer's own cores, which the
    actors share; see `threads_of`. An actor processes one photograph at a time in a worker process
    of its own, see `processes`: a process that hangs or dies costs only its photograph, with the
    same reasons. The photograph of a process that died is retried once after the others, that of
    an actor that died, perhaps with its node, up to `_BEGUN` times in all.

    Raises:
        UsageError: Ray is not installed, or no cluster responds.
        OutputError: a node cannot access the results folder, or no result can be written.
        VenuleError: the networks cannot be loaded.
    """
    tasks = iter(tasks)
    first = next(tasks, None)
    if first is None:
        return
    with _cluster() as ray:
        threads = threads_of(ray, resources.workers)
        crew = Crew(ray, open_worker, replace(resources, threads=threads), first)
        try:
            yield from crew.process(chain([first], tasks))
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
            raise UsageError(f"engine ray: no cluster responds ({reason})") from None
    try:
        yield ray
    finally:
        if not connected:
            ray.shutdown()


def threads_of(ray: Any, workers: int) -> int:
    """The largest number of threads at which `workers` fit on the cluster's nodes; at least 1.

    Raises:
        UsageError: no node has a core for them.
    """
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    largest = max(nodes, default=0)
    if largest < 1:
        raise UsageError("engine ray: no node of the cluster has a CPU; start one with --num-cpus")
    fitting = (t for t in range(largest, 1, -1) if sum(cores // t for cores in nodes) >= workers)
    return next(fitting, 1)


@dataclass(frozen=True)
class _Here:
    """The results folder and working folder as the driver sees them, and every node must."""

    folder: Path  # base of relative paths
    probe: Path  # a file in the results folder
    source: Path

    def missing(self) -> Path | None:
        """The folder that this node cannot access, if any."""
        with suppress(OSError):
            os.chdir(self.folder)
        if not self.probe.is_file():
            return self.probe.parent
        return None if os.path.lexists(self.source) else self.source.parent


class Actor:
    """A worker process on a node, with its supervisor."""

    def __init__(self, open_worker: OpenWorker, resources: Resources, here: _Here) -> None:
        self._here = here
        self._open: Callable[[], Supervised] = partial(Supervised, open_worker, resources)

    def load(self) -> VenuleError | None:
        """Load the networks; a fault of theirs, or of this node, is returned."""
        folder = self._here.missing()
        if folder is not None:
            return OutputError(
                f"{folder}: node {os.uname().nodename} does not see this folder; photographs and "
                "results must lie where every node has them under the same path"
            )
        self._worker = self._open()
        try:
            self._worker.load()
        except VenuleError as error:
            return error
        return None

    def process(self, task: Task) -> Outcome | Died | VenuleError:
        """Process one photograph; an error that ends the run is returned."""
        try:
            return self._worker.process(task)
        except VenuleError as error:
            return error


@dataclass
class _Busy:
    """An actor's pending call: its future, photograph (None while loading) and start time."""

    actor: Any
    task: Task | None
    since: float


@dataclass
class Crew:
    """The actors, each with one pending call, as seen by the driver.

    `ray` is the module, or a stand-in for it.
    """

    ray: Any
    open_worker: OpenWorker
    resources: Resources
    first: Task
    busy: dict[Any, _Busy] = field(default_factory=dict)
    again: deque[Task] = field(default_factory=deque)  # begun before, to be retried
    died: set[str] = field(default_factory=set)  # names of photographs on which a process died
    deaths: Counter[str] = field(default_factory=Counter)  # of actors, by the photograph's name
    lost: int = 0  # consecutive actors lost while loading the networks

    def __post_init__(self) -> None:
        options = {"num_cpus": self.resources.threads, "max_restarts": 0}
        self._remote = self.ray.remote(**options)(Actor)
        job = self.first.job
        self._probe = job.out / f".venule-{secrets.token_hex(4)}.probe"
        self._here = _Here(Path.cwd(), self._probe, job.source)
        try:
            self._probe.touch()
        except OSError as error:
            raise OutputError(f"{self._probe}: cannot be written ({error.strerror})") from None

    def process(self, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """Yield the outcome of each task; at most one per actor is pending."""
        waiting = Waiting(tasks)
        while len(self.busy) < self.resources.workers and waiting.has(len(self.busy) + 1):
            self._hire()
        while waiting or self.again or any(busy.task for busy in self.busy.values()):
            ready, _ = self.ray.wait([*self.busy], timeout=self._patience())
            for call in ready:
                yield from self._received(call, waiting)
            yield from self._overdue(waiting)

    def stop(self) -> None:
        """End all actors."""
        for busy in self.busy.values():
            self._kill(busy.actor)
        self.busy.clear()
        with suppress(OSError):
            self._probe.unlink()

    def _hire(self) -> None:
        actor = self._remote.remote(self.open_worker, self.resources, self._here)
        self.busy[actor.load.remote()] = _Busy(actor, None, float("inf"))

    def _give(self, actor: Any, waiting: Waiting) -> None:
        """Give an idle actor the next photograph, or release the actor."""
        if not waiting and not self.again:
            self._kill(actor)
            return
        task = waiting.take() if waiting else self.again.popleft()
        self.busy[actor.process.remote(task)] = _Busy(actor, task, time.monotonic())

    def _received(self, call: Any, waiting: Waiting) -> Iterator[Outcome]:
        busy = self.busy.pop(call)
        try:
            result = self.ray.get(call)
        except self.ray.exceptions.RayError as error:
            yield from self._lost(busy, type(error).__name__, waiting)
            return
        if isinstance(result, VenuleError):
            raise result
        self.lost = 0
        if busy.task is not None:
            name = busy.task.job.name
            if not isinstance(result, Died):
                yield result
            elif name in self.died:
                yield result.twice(busy.task)
            else:
                self.died.add(name)
                self.again.append(busy.task)
        self._give(busy.actor, waiting)

    def _lost(self, busy: _Busy, how: str, waiting: Waiting) -> Iterator[Outcome]:
        """Replace an actor that died, perhaps with its node."""
        task = busy.task
        if task is None:
            self.lost += 1
            if self.lost >= max(_LOST_AT_START, 2 * self.resources.workers):
                raise OutputError(
                    f"{self.lost} workers died one after the other while they loaded the networks "
                    f"({how}); check the cluster, then run it again"
                )
        else:
            self.deaths[task.job.name] += 1
            if self.deaths[task.job.name] < _BEGUN:
                self.again.append(task)
            else:
                reason = f"its worker on the cluster died, {_BEGUN} times ({how})"
                yield failure(task.job, reason, read=False, seconds=time.monotonic() - busy.since)
        if waiting or self.again:
            self._hire()

    def _overdue(self, waiting: Waiting) -> Iterator[Outcome]:
        """Give up photographs whose nodes fail to report that the time limit has passed."""
        now = time.monotonic()
        for call, busy in [*self.busy.items()]:
            seconds = now - busy.since
            if busy.task is None or seconds < self.resources.timeout_s + _GRACE_S:
                continue
            del self.busy[call]
            self._kill(busy.actor)
            reason = f"took longer than {self.resources.timeout_s:g} s"
            yield failure(busy.task.job, reason, read=False, seconds=seconds)
            if waiting or self.again:
                self._hire()

    def _patience(self) -> float:
        """Seconds until the first photograph is overdue, at most a minute."""
        first = min((busy.since for busy in self.busy.values()), default=float("inf"))
        left = first + self.resources.timeout_s + _GRACE_S - time.monotonic()
        return min(max(left, 0.01), 60.0)

    def _kill(self, actor: Any) -> None:
        with suppress(Exception):  # it and its node may be dead already
            self.ray.kill(actor, no_restart=True)
