"""Parallel worker processes; a process that hangs or dies costs only its photograph.

Each has its own network and one photograph at a time. They are spawned, not forked, as the
runtimes' threads do not survive a fork.
"""

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any

from venule.batch.engine import OpenWorker, Resources, Waiting
from venule.batch.process import Failed, Outcome, Task, discard, failure, sweep
from venule.errors import OutputError, VenuleError

_SPAWN = multiprocessing.get_context("spawn")
_OUT_OF_MEMORY = 77  # exit code of a worker whose photograph does not fit
_LONGEST_WAIT_S = 3600.0  # the system's timers overflow after weeks
_STARTS = 3  # consecutive workers that may die while loading the networks
_MAIN = threading.Lock()  # held while `__main__` is hidden


def processes(
    tasks: Iterable[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[Outcome, None, None]:
    """Process photographs in worker processes, each with its share of the cores.

    A worker that exceeds the time limit is killed and replaced. The photograph of a worker that
    died is retried once, alone, after all others.

    Raises:
        VenuleError: the networks cannot be loaded, or no result can be written.
    """
    again: list[Task] = []
    with closing(_crew(tasks, open_worker, resources)) as results:
        for task, result in results:
            if isinstance(result, Died):
                again.append(task)
            else:
                yield result
    with closing(_crew(again, open_worker, replace(resources, workers=1))) as results:
        for task, result in results:
            if isinstance(result, Died):
                yield result.twice(task)
            else:
                yield result


@dataclass(frozen=True)
class Died:
    """A worker process ended while processing a photograph or loading the networks."""

    how: str
    seconds: float
    read: bool  # the photograph had been read

    def twice(self, task: Task) -> Failed:
        """The failure of a photograph on which two worker processes ended."""
        reason = f"its worker process {self.how}, twice"
        return failure(task.job, reason, read=self.read, seconds=self.seconds)


class _Ready:
    """A worker has loaded the networks."""


class _Read:
    """A worker has read its photograph and now predicts it; earlier results are void."""


class _Worker:
    """A worker process, as seen by its parent; it has one photograph at a time."""

    def __init__(self, open_worker: OpenWorker, threads: int) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(
            target=_work, args=(theirs, open_worker, threads), daemon=True
        )
        with _interrupts_held(), _main_hidden():
            self.process.start()
        theirs.close()  # so that the pipe closes when the process ends
        self.ready = False
        self.task: Task | None = None
        self.read = False  # the photograph has been read and is being predicted
        self.started = math.inf

    def give(self, task: Task) -> None:
        self.task, self.read, self.started = task, False, time.monotonic()
        with suppress(OSError):  # it died while idle; `receive` reports it
            self.connection.send(task)

    def receive(self, timeout: float) -> Outcome | VenuleError | _Ready | Died | None:
        """Its message or its death; None if it is still working within the time limit."""
        seconds = time.monotonic() - self.started
        try:
            while self.connection.poll():
                message: Outcome | VenuleError | _Ready | _Read = self.connection.recv()
                if not isinstance(message, _Read):
                    return message
                self.read = True
        except (EOFError, OSError):
            return Died(self._end(), max(seconds, 0), self.read)
        if self.task is None or seconds < timeout:
            return None
        self.stop()
        reason = f"took longer than {timeout:g} s"
        return failure(self.task.job, reason, read=self.read, seconds=seconds)

    def stop(self) -> None:
        """End the process; partly written files are removed, earlier results stay."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        if self.task is None:
            return
        job = self.task.job
        if self.read:
            discard(job)
        sweep({target.parent for target in job.targets}, job.targets)

    @property
    def stopped(self) -> bool:
        return self.connection.closed

    def _end(self) -> str:
        self.process.join(30)  # its pipe is closed, so it ends
        code = self.process.exitcode or 0
        self.stop()
        if code == _OUT_OF_MEMORY:
            return "ran out of memory"
        return f"was stopped by {signal.Signals(-code).name}" if code < 0 else f"ended ({code})"


class Supervised:
    """A worker process replaced when it dies, for a caller that waits for each photograph."""

    def __init__(self, open_worker: OpenWorker, resources: Resources) -> None:
        self._open: Callable[[], _Worker] = partial(_Worker, open_worker, resources.threads)
        self._timeout_s = resources.timeout_s
        self._worker = self._open()

    def load(self) -> None:
        """Wait until a process has loaded the networks.

        Raises:
            OutputError: it dies repeatedly.
            VenuleError: the networks cannot be loaded.
        """
        for _ in range(_STARTS):
            if self._worker.stopped:
                self._worker = self._open()
            if self._worker.ready:
                return
            message = self._news()
            if isinstance(message, VenuleError):
                raise message
            if isinstance(message, _Ready):
                self._worker.ready = True
                return
        assert isinstance(message, Died)
        raise _start_error(message)

    def process(self, task: Task) -> Outcome | Died:
        """Process one photograph, with the time limit.

        Raises:
            VenuleError: as for `load`, or no result can be written.
        """
        self.load()
        self._worker.give(task)
        message = self._news()
        if isinstance(message, VenuleError):
            raise message
        assert not isinstance(message, _Ready)
        self._worker.task = None
        return message

    def stop(self) -> None:
        """End the process."""
        if not self._worker.stopped:
            self._worker.stop()

    def _news(self) -> Outcome | VenuleError | _Ready | Died:
        while True:
            _wait_for_news([self._worker], self._timeout_s)
            message = self._worker.receive(self._timeout_s)
            if message is not None:
                return message


def _start_error(died: Died) -> OutputError:
    return OutputError(
        f"a worker process {died.how} while it loaded the networks; try fewer --workers"
    )


def _crew(
    tasks: Iterable[Task], open_worker: OpenWorker, resources: Resources
) -> Generator[tuple[Task, Outcome | Died], None, None]:
    waiting = Waiting(tasks)
    crew: list[_Worker] = []
    lost = 0  # consecutive workers that died before they were ready
    try:
        while waiting or any(worker.task for worker in crew):
            at_work = sum(worker.task is not None for worker in crew)
            while len(crew) < resources.workers and waiting.has(len(crew) - at_work + 1):
                crew.append(_Worker(open_worker, resources.threads))
            for worker in crew:
                if worker.ready and worker.task is None and waiting:
                    worker.give(waiting.take())
            _wait_for_news(crew, resources.timeout_s)
            for worker in tuple(crew):
                task, message = worker.task, worker.receive(resources.timeout_s)
                if worker.stopped:
                    crew.remove(worker)
                if isinstance(message, VenuleError):
                    raise message
                if isinstance(message, _Ready):
                    worker.ready, lost = True, 0
                elif isinstance(message, Died) and not worker.ready:
                    lost += 1
                    if lost == _STARTS:
                        raise _start_error(message)
                elif message is not None and task is not None:
                    worker.task = None
                    yield task, message
    finally:
        for worker in crew:
            worker.stop()


def _wait_for_news(crew: Sequence[_Worker], timeout: float) -> None:
    first = min(worker.started for worker in crew if worker.task is not None or not worker.ready)
    left = min(max(0.0, first + timeout - time.monotonic()), _LONGEST_WAIT_S)
    wait([worker.connection for worker in crew], left)


def _work(connection: "Connection[Any, Any]", open_worker: OpenWorker, threads: int) -> None:
    """Process tasks from the pipe until it closes; the body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        worker = open_worker(threads)
        connection.send(_Ready())
        while True:
            task: Task = connection.recv()
            read = partial(connection.send, _Read())
            connection.send(worker(task, read=read))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone
    except VenuleError as error:
        connection.send(error)
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)  # frees all its memory


def _end_with_parent() -> None:
    """Exit at once if the parent is killed: the next run may be writing already."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Block SIGINT while a process starts, which inherits the mask; it is delivered afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # if started with the first process, it would unblock it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Hide `__main__` while a process starts, which would otherwise run the user's script again.

    Nothing that workers are sent is defined there; so a script needs no `if __name__ == ...`.
    """
    with _MAIN:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
