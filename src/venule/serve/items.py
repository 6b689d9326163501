"""Photographs that the service knows, each with its state and its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from venule.analysis.analyse import Analysis, Networks
from venule.analysis.columns import Cell

State = Literal["listed", "waiting", "running", "done", "failed", "cancelled"]

Open = Callable[[Callable[[], Networks]], Analysis]
"""Makes an analysis of a photograph; the networks are loaded where it asks for them."""


@dataclass(eq=False)
class Item:
    """One photograph: where it comes from, its state, and its analysis while that is kept.

    `complete` is true when what takes longer than the vessels has been found as well. `uploaded`
    ones are forgotten when they are no longer kept; listed ones can be opened again.
    """

    id: str
    name: str
    open: Open
    uploaded: bool
    state: State = "listed"
    reason: str = ""
    grade: str = ""
    analysis: Analysis | None = None
    complete: bool = False
    cells: dict[str, Cell] = field(default_factory=dict)
    began: float | None = None
    later_taken: bool = False  # steps beyond the vessels have been taken
    stored: str | None = None  # the name of its results in a folder of results

    @property
    def bytes(self) -> int:
        """Memory that its photograph and analysis take, about."""
        if self.analysis is None:
            return 0
        maps = self.analysis.prediction.maps.values()
        arrays = self.analysis.photograph.pixels.nbytes + sum(one.levels.nbytes for one in maps)
        return arrays + self.analysis.prediction.fov.mask.nbytes

    def begin(self) -> None:
        """The worker takes it up."""
        self.state, self.began = "running", time.monotonic()

    def fail(self, reason: str) -> None:
        """It has come to nothing."""
        self.state, self.reason, self.analysis, self.complete = "failed", reason, None, True
