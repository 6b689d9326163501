"""The seam behind which photographs are processed: in this process, in many, or on a cluster."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from venule.batch.process import Failed, Outcome, Task, Worker

OpenWorker = Callable[[int], Worker]
"""Loads the networks for a number of threads; picklable, so that it can travel."""


@dataclass(frozen=True)
class Resources:
    """Numbers of workers and of threads of each, and the seconds that one photograph may take."""

    workers: int
    threads: int
    timeout_s: float


Engine = Callable[[Iterable[Task], OpenWorker, Resources], Generator[Outcome, None, None]]
"""Yields the outcome of each task, in any order, as soon as it is known.

An engine writes no ledger: who iterates over it does. It may raise a VenuleError where no worker
can be opened or no result can be written; what is wrong with one photograph is an outcome.
It takes each task when a worker is free for it, for there may be millions.
"""


class Waiting:
    """Tasks that no worker has yet; they are taken from where they come from as they are needed."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._more = iter(tasks)
        self._here: deque[Task] = deque()

    def __bool__(self) -> bool:
        return self.has(1)

    def has(self, count: int) -> bool:
        """Tell whether there are that many."""
        while len(self._here) < count:
            task = next(self._more, None)
            if task is None:
                return False
            self._here.append(task)
        return True

    def take(self) -> Task:
        """The next of them; there must be one."""
        self.has(1)
        return self._here.popleft()


def inline(
    tasks: Iterable[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[Outcome, None, None]:
    """Process photographs one after the other in this process; there is no time limit."""
    worker = open_worker(resources.threads)
    for task in tasks:
        try:
            yield worker(task)
        except MemoryError:
            yield Failed(task.job, "too large for this computer's memory")
