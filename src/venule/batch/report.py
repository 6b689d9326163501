"""What is in a folder of results and why the rest is not: report.csv and run.json."""

import csv
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from venule.analysis.columns import COLUMNS
from venule.batch.ledger import Row, text
from venule.batch.refuse import Settings
from venule.files.atomic import write_bytes
from venule.quality.assess import GRADES
from venule.system.process import installed

REPORT, RUN = "report.csv", "run.json"

_FILE = ("path", "status", "reason", "outputs", "seconds", "warnings")

_LIBRARIES = (
    "numpy",
    "onnxruntime",
    "openvino",
    "pillow",
    "scikit-image",
    "scipy",
    "tifffile",
    "torch",
)


def write_reports(
    out: Path, rows: Sequence[Row], settings: Settings, *, last_run: Mapping[str, Any]
) -> None:
    """Write report.csv, one row a photograph, and run.json, what they all have in common.

    Raises:
        OutputError: they cannot be written.
    """
    table = StringIO()
    found = [name for group in settings["columns"] for name in COLUMNS[group].names]
    writer = csv.DictWriter(table, [*_FILE, *found], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_line(row) for row in rows)
    write_bytes(out / REPORT, table.getvalue().encode())
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
    write_bytes(out / RUN, (json.dumps(run, indent=2) + "\n").encode())


def _line(row: Row) -> dict[str, object]:
    return {
        "path": row.source,
        "status": row.status,
        "reason": row.reason,
        "outputs": ";".join(map(text, row.outputs)),
        "seconds": f"{row.seconds:.3f}",
        "warnings": "; ".join(map(text, row.notes)),
        **row.cells,
    }
