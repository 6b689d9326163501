"""The cost of a run so far: time and peak memory of all its sessions, in the run's cost.json.

It is not part of run.json, which a resumed run writes as if it had never been interrupted: epochs
lost when a process is killed, and repeated by the next, have still been paid for.
"""

import json
import time
from contextlib import suppress
from pathlib import Path

import torch
from pydantic import BaseModel

from venule.files.atomic import write_bytes
from venule.system.process import peak_memory_bytes
from venule.training.run import environment

FILE = "cost.json"


class Cost(BaseModel, frozen=True):
    """Totals of all sessions of a run up to its last epoch; wall-clock time with validation."""

    seconds: float
    sessions: int
    peak_memory_bytes: int | None  # of the process; None if the system does not report it
    processor: str
    cores: int | None
    threads: int


class Meter:
    """Measures one session of the run in `folder`, added to earlier ones recorded in its file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.before: Cost | None = None
        with suppress(OSError, ValueError):  # none yet, or damaged
            self.before = Cost.model_validate_json(self.path.read_text(encoding="utf-8"))
        self.machine = environment()
        self.started = time.monotonic()

    def write(self) -> None:
        """Write the cost of the run so far."""
        seconds, sessions, peaks = time.monotonic() - self.started, 1, [peak_memory_bytes()]
        if self.before is not None:
            seconds += self.before.seconds
            sessions += self.before.sessions
            peaks.append(self.before.peak_memory_bytes)
        cost = Cost(
            seconds=round(seconds, 3),
            sessions=sessions,
            peak_memory_bytes=max((peak for peak in peaks if peak is not None), default=None),
            processor=self.machine["processor"],
            cores=self.machine["cores"],
            threads=torch.get_num_threads(),
        )
        write_bytes(self.path, (json.dumps(cost.model_dump(), indent=2) + "\n").encode())
