"""The interface of an engine, which processes photographs here, in processes or on a cluster."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from venule.batch.process import Failed, Outcome, Task, Worker

OpenWorker = Callable[[int], Worker]
"""Loads the networks for a number of threads; picklable, so that it can be sent to workers."""


@dataclass(frozen=True)
class Resources:
    """Number of workers, threads of each, and time limit for one photograph in seconds."""

    workers: int
    threads: int
    timeout_s: float


Engine = Callable[[Iterable[Task], OpenWorker, Resources], Generator[Outcome, None, None]]
"""Yields the outcome of each task, in any order, as soon as it is known.

An engine does not write the ledger; its caller does. It may raise a VenuleError if no worker
can be started or no result can be written; a fault of a single photograph is an outcome.
It takes a task only when a worker is free, since there may be millions.
"""


class Waiting:
    """Tasks not yet given to a worker, drawn lazily from their iterable."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._more = iter(tasks)
        self._here: deque[Task] = deque()

    def __bool__(self) -> bool:
        return self.has(1)

    def has(self, count: int) -> bool:
        """Return whether at least `count` are left."""
        while len(self._here) < count:
            task = next(self._more, None)
            if task is None:
                return False
            self._here.append(task)
        return True

    def take(self) -> Task:
        """Remove and return the next task; there must be one."""
        self.has(1)
        return self._here.popleft()


def inline(
    tasks: Iterable[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[Outcome, None, None]:
    """Process photographs one after another in this process, without a time limit."""
    worker = open_worker(resources.threads)
    for task in tasks:
        try:
            yield worker(task)
        except MemoryError:
            yield Failed(task.job, "too large for this computer's memory")
