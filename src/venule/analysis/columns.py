"""Table columns of an analysis; the one list of column groups."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from venule.analysis.analyse import GRADE, Analysis, Step
from venule.analysis.marks import LANDMARKS

Cell = str | float | int | None
"""The content of a table cell; None if empty."""


@dataclass(frozen=True)
class Columns:
    """A group of columns: their names, the steps they need, and a photograph's cells.

    `row` may give more columns than `names`, depending on the photograph; they come after the
    others in the table, in the order of `more` and then by name. `table` is the file that holds
    them.
    """

    names: tuple[str, ...]
    row: Callable[[Analysis], Mapping[str, Cell]]
    needs: tuple[Step, ...] = ()
    table: Literal["report", "measurements"] = "report"
    more: Callable[[], Sequence[str]] = tuple


def _quality(analysis: Analysis) -> Mapping[str, Cell]:
    quality = analysis.quality
    if quality is None:
        return {}
    return {
        "quality": quality.grade,
        "quality_reasons": "; ".join(quality.reasons),
        "uncertainty": f"{quality.uncertainty:.4f}",
    }


LANDMARKS_OF = (
    "disc_x_px",
    "disc_y_px",
    "disc_radius_px",
    "disc_major_px",
    "disc_minor_px",
    "disc_angle_deg",
    "disc_confidence",
    "fovea_x_px",
    "fovea_y_px",
    "fovea_confidence",
    "laterality_confidence",
    "landmarks_reasons",
)
"""Pixels of the photograph, 0 at the centre of the first one; the disc's half-axes, and the angle
of the major one from the horizontal, clockwise as seen. Empty where not found; the last column
gives the reasons, and says what is inferred."""


def _landmarks(analysis: Analysis) -> Mapping[str, Cell]:
    found = analysis.landmarks
    if found is None:
        return {}
    cells: dict[str, Cell] = dict.fromkeys(LANDMARKS_OF)
    if (disc := found.disc) is not None:
        cells["disc_x_px"], cells["disc_y_px"] = round(disc.x, 1), round(disc.y, 1)
        cells["disc_radius_px"] = round(disc.radius_px, 1)
        cells["disc_major_px"], cells["disc_minor_px"] = (
            round(half, 1) for half in (disc.major_px, disc.minor_px)
        )
        cells["disc_angle_deg"] = round(math.degrees(disc.angle), 1)
        cells["disc_confidence"] = round(disc.confidence, 3)
    if (fovea := found.fovea) is not None:
        cells["fovea_x_px"], cells["fovea_y_px"] = round(fovea.x, 1), round(fovea.y, 1)
        cells["fovea_confidence"] = round(fovea.confidence, 3)
    cells["landmarks_reasons"] = "; ".join(found.reasons) or None
    if found.laterality is not None:
        cells["laterality_confidence"] = round(found.laterality_confidence, 3)
    return cells


def _file(analysis: Analysis) -> Mapping[str, Cell]:
    return {"laterality": analysis.laterality, "um_per_px": analysis.photograph.um_per_px}


def _acquired(analysis: Analysis) -> Mapping[str, Cell]:
    from venule.dicom.source import Source  # imported on demand

    origin = analysis.photograph.origin
    return {"acquired": origin.acquired or None} if isinstance(origin, Source) else {}


def _measured(analysis: Analysis) -> Mapping[str, Cell]:
    from venule.analysis.measuring import measured_cells  # imported on demand

    return measured_cells(analysis)


def _measured_columns() -> Sequence[str]:
    from venule.analysis.measuring import measured_columns

    return measured_columns()


COLUMNS: Mapping[str, Columns] = {
    "quality": Columns(("quality", "quality_reasons", "uncertainty"), _quality, (GRADE,)),
    "landmarks": Columns(LANDMARKS_OF, _landmarks, (LANDMARKS,)),
    "file": Columns(("laterality", "um_per_px"), _file),
    "acquired": Columns(("acquired",), _acquired),  # personal data: only on request
    "measure": Columns((), _measured, table="measurements", more=_measured_columns),
}
"""Every group of columns by its name, in the order in which tables show them."""


FILE = ("path", "id", "status", "reason", "outputs", "seconds", "warnings")
"""The first columns of report.csv, on the processing of a file."""


def report_columns() -> tuple[str, ...]:
    """Every possible column of report.csv."""
    groups = (group for group in COLUMNS.values() if group.table == "report")
    return (*FILE, *(name for group in groups for name in group.names))


def completed(columns: Sequence[str], outputs: Sequence[str]) -> tuple[str, ...]:
    """The groups, with landmarks and file if measuring in zones needs them or discs are saved."""
    more = ("landmarks", "file") if "measure" in columns or "disc" in outputs else ()
    return tuple(name for name in COLUMNS if name in (*columns, *more))
