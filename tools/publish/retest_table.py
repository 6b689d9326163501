"""The package's table of how well measurements repeat, from the benchmark's result."""

import csv
import json
import math
from io import StringIO
from pathlib import Path

RESULT = Path("measure") / "retest.json"


def retest_table(folder: Path) -> str | None:
    """Write the text of venule/measure/retest.csv; None where the benchmark has not been run.

    Rows of the whole field, as users measure it; those without a finite change are left out.
    """
    path = folder / RESULT
    if not path.is_file():
        return None
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["column", "eyes", "icc", "cv", "change"])
    for row in json.loads(path.read_text(encoding="utf-8"))["whole_field"]:
        numbers = [row["icc"], row["cv"], row["sdc_over_mean"]]
        if all(number is not None and math.isfinite(number) for number in numbers):
            writer.writerow([row["column"], row["eyes"], *(f"{number:.4g}" for number in numbers)])
    return written.getvalue()
