"""Tables of the results in a folder, and of failures with their reasons: report.csv, run.json."""

import csv
import json
import platform
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from venule.analysis.columns import COLUMNS, FILE, Cell, Columns
from venule.batch.ledger import Ledger
from venule.batch.records import Records
from venule.batch.refuse import Settings
from venule.batch.schema import Result
from venule.files.atomic import write_bytes, writing
from venule.files.cells import Lines, inert, listed, text
from venule.quality.assess import GRADES
from venule.system.process import installed

_GRADE = "quality"
"""The one column of report.csv repeated in measurements.csv, for excluding photographs."""

_OF_THE_RUN = ("versions", "counts", "quality", "last_run")
"""The entries of run.json that are not settings."""

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


def write_reports(ledger: Ledger, *, last_run: Mapping[str, Any]) -> None:
    """Write report.csv, one row per photograph, and run.json, the settings common to all.

    With measurement columns, also write measurements.csv: one row per photograph with a result.
    Rows are streamed, however many there are.

    Raises:
        OutputError: they cannot be written.
    """
    records, settings = ledger.records, ledger.settings
    groups = [COLUMNS[name] for name in settings["columns"]]
    reported = _names(group for group in groups if group.table == "report")
    measuring = [group for group in groups if group.table == "measurements"]
    statuses: Counter[str] = Counter()
    grades: Counter[Cell] = Counter()
    with ExitStack() as stack:
        write_measured: Callable[[Result], object] = _nothing
        if measuring:
            columns = _measured(measuring, ledger.columns(), reported=reported)
            table = _table(stack, records.measurements, ["id", *columns])
            write_measured = partial(_write_measured, table, columns)
        report = _table(stack, records.report, [*FILE, *reported])
        for row in ledger.rows():
            report.writerow(_inert_line(_line(row, reported)))
            write_measured(row)
            statuses[row.status] += 1
            grades[row.cells.get(_GRADE)] += 1
    run = {
        **settings,
        "versions": {"python": platform.python_version(), **installed(_LIBRARIES)},
        "counts": {
            "inputs": statuses.total(),
            **{status: statuses[status] for status in ("done", "failed", "pending")},
        },
        "quality": {grade: grades[grade] for grade in GRADES},
        "last_run": last_run,
    }
    write_bytes(records.run, (json.dumps(run, indent=2) + "\n").encode())


def merged_shards(records: Records) -> int:
    """The number of shards that were merged into these records, as run.json says; 0 if none."""
    try:
        return int(json.loads(records.run.read_bytes())["last_run"]["merged_shards"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def stored_settings(records: Records) -> Settings:
    """The settings in a run.json, which can be read while its ledger is in use; empty without."""
    try:
        run = json.loads(records.run.read_bytes())
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in run.items() if name not in _OF_THE_RUN}


def _names(groups: Iterable[Columns]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in group.names))


def _measured(
    groups: Sequence[Columns], found: Collection[str], *, reported: Collection[str]
) -> list[str]:
    """The columns of measurements.csv: the grade, the fixed ones, and those that occur."""
    graded = [_GRADE] if _GRADE in reported else []
    ordered = [name for group in groups for name in group.more() if name in found]
    others = [name for name in found if name not in reported]
    return list(dict.fromkeys([*graded, *_names(groups), *ordered, *others]))


def _table(stack: ExitStack, path: Path, columns: Sequence[str]) -> "csv.DictWriter[str]":
    """A CSV writer with its header written; the file appears complete when the stack closes."""
    writer = csv.DictWriter(Lines(stack.enter_context(writing(path))), columns)
    writer.writeheader()
    return writer


def _write_measured(writer: "csv.DictWriter[str]", columns: Sequence[str], row: Result) -> None:
    if row.status == "done":  # a rejected photograph has a grade too
        writer.writerow(_inert_line({"id": row.name, **_only(row.cells, columns)}))


def _nothing(row: Result) -> None:
    """Write no measurements."""


def _inert_line(line: Mapping[str, object]) -> dict[str, object]:
    return {name: inert(cell) for name, cell in line.items()}


def _only(cells: Mapping[str, Cell], columns: Sequence[str]) -> dict[str, Cell]:
    return {name: cells[name] for name in columns if name in cells}


def _line(row: Result, columns: Sequence[str]) -> dict[str, object]:
    return {
        "path": row.source,
        "id": row.name,
        "status": row.status,
        "reason": row.reason,
        "outputs": listed(map(text, row.outputs)),
        "seconds": f"{row.seconds:.3f}",
        "warnings": "; ".join(map(text, row.notes)),
        **_only(row.cells, columns),
    }
