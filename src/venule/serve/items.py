"""The photographs of the service, each with its state and its result."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from venule.analysis.analyse import Analysis, Networks
from venule.analysis.columns import COLUMNS, Cell
from venule.errors import ImageError
from venule.files.cells import text

State = Literal["listed", "waiting", "running", "done", "failed", "cancelled"]

MEASURED = "vessel_density"
"""A column that every measured photograph has."""

Open = Callable[[Callable[[], Networks]], Analysis]
"""Creates an analysis of a photograph; loads the networks if it needs them."""


@dataclass(eq=False)
class Item:
    """One photograph: its origin, its state, and its analysis while in memory.

    `complete` is true once the slower steps after the vessels are done as well. `uploaded` ones are
    forgotten when evicted; they are opened once, and `open`, which holds the file, is then None.
    Listed ones can be opened again.
    """

    id: str
    name: str
    open: Open | None
    uploaded: bool
    state: State = "listed"
    reason: str = ""
    grade: str = ""
    analysis: Analysis | None = None
    complete: bool = False
    cells: dict[str, Cell] = field(default_factory=dict)
    stale: bool = False  # the cells are of an earlier state of its correction
    known: Mapping[str, Cell] = field(default_factory=dict)  # its cells in a ledger
    began: float | None = None
    rests_until: float = 0.0  # not measured before, as it is being corrected
    later_taken: bool = False  # the steps after the vessels have run
    stored: str | None = None  # the name of its results in a results folder
    deidentify: bool = False  # predicted so that DICOM objects made of it name no patient
    corrected: bool = False  # its cells in a ledger are then those of the prediction, not its own

    @property
    def bytes(self) -> int:
        """Approximate memory used by its photograph and analysis."""
        if self.analysis is None:
            return 0
        maps = list(self.analysis.prediction.maps.values())
        maps += [one.before for one in maps if one.before is not None]
        arrays = self.analysis.photograph.pixels.nbytes + sum(one.levels.nbytes for one in maps)
        return arrays + self.analysis.prediction.fov.mask.nbytes

    @property
    def unsaved(self) -> bool:
        """True if it was corrected in memory only, without a results folder to save to."""
        corrected = self.analysis is not None and bool(self.analysis.corrected)
        return corrected and self.stored is None

    @property
    def row(self) -> Mapping[str, Cell]:
        """Its measurements, from this session or the ledger; empty if it was not measured.

        Those of a corrected photograph in the ledger are of its prediction, and are not used.
        """
        if self.corrected or MEASURED not in self.known or (self.complete and self.cells):
            return {} if self.stale else self.cells
        return self.known

    def measured(self) -> Mapping[str, Cell]:
        """As `row`, but a corrected photograph that was not measured since is measured now."""
        if not self.corrected or self.open is None or (self.cells and not self.stale):
            return self.row
        kept = self.analysis
        cells = dict(COLUMNS["measure"].row(kept if kept is not None else self.open(_no_networks)))
        if self.analysis is kept:
            self.cells, self.stale = cells, False
        return cells

    def renew(self, new: "Item") -> None:
        """Replace what is known of its results by those of another prediction."""
        self.open, self.known, self.stored = new.open, new.known, new.stored
        self.state, self.reason, self.grade = new.state, new.reason, new.grade
        self.corrected, self.cells, self.stale = new.corrected, {}, False
        self.deidentify = new.deidentify

    def begin(self) -> None:
        """Mark as being processed."""
        self.state, self.began = "running", time.monotonic()

    def fail(self, reason: str) -> None:
        """Mark as failed."""
        self.state, self.reason, self.analysis, self.complete = "failed", text(reason), None, True


def _no_networks() -> Networks:
    raise ImageError("not predicted yet")
