"""Tables of the results in a folder, and of failures with their reasons: report.csv, run.json."""

import csv
import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from venule.analysis.columns import COLUMNS, Cell
from venule.batch.ledger import Row, text
from venule.batch.records import Records
from venule.batch.refuse import Settings
from venule.files.atomic import write_bytes
from venule.quality.assess import GRADES
from venule.system.process import installed

_FILE = ("path", "status", "reason", "outputs", "seconds", "warnings")

_LIBRARIES = (
    "numpy",
    "onnxruntime",
    "openvino",
    "pillow",
    "pydicom",
    "scikit-image",
    "scipy",
    "tifffile",
    "torch",
)


def write_reports(
    records: Records, rows: Sequence[Row], settings: Settings, *, last_run: Mapping[str, Any]
) -> None:
    """Write report.csv, one row a photograph, and run.json, what they all have in common.

    With columns of measurements, measurements.csv too: one row a photograph that has a result.

    Raises:
        OutputError: they cannot be written.
    """
    groups = [COLUMNS[name] for name in settings["columns"]]
    reported = list(
        dict.fromkeys(name for group in groups if group.table == "report" for name in group.names)
    )
    measured = [name for group in groups if group.table == "measurements" for name in group.names]
    if any(group.table == "measurements" for group in groups):
        more = dict.fromkeys(name for row in rows for name in row.cells if name not in reported)
        columns = list(dict.fromkeys([*measured, *more]))
        done = ({"id": row.id, **_only(row.cells, columns)} for row in rows if row.cells)
        write_bytes(records.measurements, _csv(["id", *columns], done))
    write_bytes(records.report, _csv([*_FILE, *reported], (_line(row, reported) for row in rows)))
    statuses = Counter(row.status for row in rows)
    grades = Counter(row.cells.get("quality") for row in rows)
    run = {
        **settings,
        "versions": {"python": platform.python_version(), **installed(_LIBRARIES)},
        "counts": {
            "inputs": len(rows),
            **{status: statuses[status] for status in ("done", "failed", "pending")},
        },
        "quality": {grade: grades[grade] for grade in GRADES},
        "last_run": last_run,
    }
    write_bytes(records.run, (json.dumps(run, indent=2) + "\n").encode())


def _csv(columns: Sequence[str], lines: Iterable[Mapping[str, object]]) -> bytes:
    table = StringIO()
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(cell) for name, cell in line.items()} for line in lines)
    return table.getvalue().encode()


def _inert(cell: object) -> object:
    """A cell that spreadsheets show as text: a name such as =1+1.png would be a formula."""
    if not isinstance(cell, str) or cell[:1] not in ("=", "+", "-", "@", "\t", "\r"):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


def _listed(paths: Iterable[str]) -> str:
    """Paths in one cell: separated by ";", which a backslash precedes within a name."""
    return ";".join(text(path).replace("\\", "\\\\").replace(";", "\\;") for path in paths)


def _only(cells: Mapping[str, Cell], columns: Sequence[str]) -> dict[str, Cell]:
    return {name: cells[name] for name in columns if name in cells}


def _line(row: Row, columns: Sequence[str]) -> dict[str, object]:
    return {
        "path": row.source,
        "status": row.status,
        "reason": row.reason,
        "outputs": _listed(row.outputs),
        "seconds": f"{row.seconds:.3f}",
        "warnings": "; ".join(map(text, row.notes)),
        **_only(row.cells, columns),
    }
