"""Photographs that the service knows, each with its state and its result."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from venule.analysis.analyse import Analysis, Networks
from venule.analysis.columns import Cell

State = Literal["listed", "waiting", "running", "done", "failed", "cancelled"]

MEASURED = "vessel_density"
"""A column that every photograph has which was measured."""

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
    known: Mapping[str, Cell] = field(default_factory=dict)  # what a ledger has of it
    began: float | None = None
    rests_until: float = 0.0  # is not measured before, for it is being corrected
    later_taken: bool = False  # steps beyond the vessels have been taken
    stored: str | None = None  # the name of its results in a folder of results

    @property
    def bytes(self) -> int:
        """Memory that its photograph and analysis take, about."""
        if self.analysis is None:
            return 0
        maps = list(self.analysis.prediction.maps.values())
        maps += [one.before for one in maps if one.before is not None]
        arrays = self.analysis.photograph.pixels.nbytes + sum(one.levels.nbytes for one in maps)
        return arrays + self.analysis.prediction.fov.mask.nbytes

    @property
    def unsaved(self) -> bool:
        """True if it was corrected in memory alone: it has no results to save beside."""
        corrected = self.analysis is not None and bool(self.analysis.corrected)
        return corrected and self.stored is None

    @property
    def row(self) -> Mapping[str, Cell]:
        """Its measurements, from this session or from the ledger; empty if it was not measured."""
        if self.complete and self.cells:
            return self.cells
        return self.known if MEASURED in self.known else self.cells

    def begin(self) -> None:
        """The worker takes it up."""
        self.state, self.began = "running", time.monotonic()

    def fail(self, reason: str) -> None:
        """It has come to nothing."""
        self.state, self.reason, self.analysis, self.complete = "failed", reason, None, True
