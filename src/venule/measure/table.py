"""Measurements as tables: wide, tidy, per segment, and their data dictionary."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

from venule.files.cells import Lines, inert
from venule.measure.columns import ABOUT, UNITS, all_columns
from venule.measure.definitions import SHAPES, STRUCTURES
from venule.measure.photograph import Measurements, Value
from venule.measure.tortuosity import has_shape, shape_of

NOTES = "notes"

_SHAPES = {f"{one.name}_{one.unit}".removesuffix("_"): one.of for one in SHAPES}

Cell = str | float | int | None


@dataclass(frozen=True)
class Row:
    """One photograph's row: its id, columns passed through, values and notes."""

    id: str
    passed: Mapping[str, Cell] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def wide(rows: Sequence[Row]) -> str:
    """A CSV with one row per photograph and every column that any photograph has."""
    passed = list(dict.fromkeys(name for row in rows for name in row.passed))
    columns = _present(rows)
    lines = (
        {
            "id": row.id,
            **row.passed,
            **{name: row.values.get(name) for name in columns},
            NOTES: "; ".join(row.notes),
        }
        for row in rows
    )
    return _csv(["id", *passed, *columns, NOTES], lines)


def tidy(rows: Sequence[Row]) -> str:
    """A CSV with one row per value: id, columns passed through, column, value, unit, notes.

    The notes are in the photograph's first row only.
    """
    passed = list(dict.fromkeys(name for row in rows for name in row.passed))
    units = {column.name: UNITS[column.unit] for column in all_columns()}
    columns = _present(rows)

    def lines() -> Iterator[dict[str, Cell]]:
        for row in rows:
            notes = "; ".join(row.notes)
            names = [name for name in columns if name in row.values] or [""]
            for name in names:
                cells = {"measure": name, "value": row.values.get(name), "unit": units.get(name)}
                yield {"id": row.id, **row.passed, **cells, NOTES: notes}
                notes = ""

    return _csv(["id", *passed, "measure", "value", "unit", NOTES], lines())


def segments(lines: Iterable[Mapping[str, Cell]]) -> str:
    """A CSV with one row per vessel segment, from the `segment_lines` of every photograph."""
    names = [
        "id",
        "structure",
        "segment",
        "start_node",
        "end_node",
        "start_row",
        "start_column",
        "end_row",
        "end_column",
        "length_px",
        "chord_px",
        "caliber_mean_px",
        "closed",
        *_SHAPES,
    ]

    return _csv(names, lines)


def dictionary() -> str:
    """The data dictionary as a CSV: one row per possible column."""
    lines: Iterator[Mapping[str, Cell]] = (
        {
            "column": column.name,
            "label": column.label,
            "unit": UNITS[column.unit],
            "definition": column.definition,
            "source": column.source,
            "version": column.version,
            "canonical_name": column.canonical,
            "short_name": column.short_name,
        }
        for column in (*ABOUT, *all_columns())
    )
    names = "column,label,unit,definition,source,version,canonical_name,short_name"
    return _csv(names.split(","), lines)


def _present(rows: Sequence[Row]) -> list[str]:
    """The columns that any photograph has, in table order."""
    present = {name for row in rows for name in row.values}
    return [column.name for column in all_columns() if column.name in present]


def segment_lines(id_: str, found: Measurements) -> Iterator[Mapping[str, Cell]]:
    """Yield the position, calibre and, unless it is too short, shape of each segment."""
    for structure in STRUCTURES:
        view = found.views.get(structure)
        for number, segment in enumerate(view.segments if view is not None else ()):
            shape = shape_of(segment) if has_shape(segment) else None
            start, end = segment.points[0], segment.points[-1]
            yield {
                "id": id_,
                "structure": structure,
                "segment": number,
                "start_node": segment.start,
                "end_node": segment.end,
                "start_row": float(start[0]),
                "start_column": float(start[1]),
                "end_row": float(end[0]),
                "end_column": float(end[1]),
                "length_px": segment.length_px,
                "chord_px": segment.chord_px,
                "caliber_mean_px": segment.mean_caliber_px,
                "closed": int(segment.closed),
                **{name: None if shape is None else of(shape) for name, of in _SHAPES.items()},
            }


def written(value: Cell) -> Cell:
    """A cell as written in every table of measurements.

    Ten significant digits; empty for missing values; never a spreadsheet formula.
    """
    if isinstance(value, float):
        return f"{value:.10g}" if math.isfinite(value) else ""
    return inert(value)


def _csv(names: Sequence[str], lines: Iterable[Mapping[str, Cell]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(Lines(text), names)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: written(value) for name, value in line.items()})
    return text.getvalue()
