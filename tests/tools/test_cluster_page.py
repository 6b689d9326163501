"""The figures of bookkeeping on the page of clusters are those of the result file."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from publish.cluster_page import cluster_page
from venule.errors import VenuleError

ROOT = Path(__file__).parents[2]


def test_the_page_is_the_one_that_is_written() -> None:
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert page == cluster_page(page, ROOT / "results")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("code", "ends"), [(0, 0), (3, 0), (4, 0), (1, 1), (2, 1), (34, 1), (143, 1)]
)
def test_nextflow_goes_on_where_photographs_failed_and_only_there(code: int, ends: int) -> None:
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ *(venule predict .*params.*)$", page, re.MULTILINE)
    line = re.sub(r"\$\{.*?\}", "x", line).replace(r"\$", "$")
    script = f"venule() {{ return {code}; }}\n{line}\n"
    ran = subprocess.run(["bash", "-ue", "-c", script], check=False, capture_output=True)
    assert ran.returncode == ends, ran.stderr


def test_rows_are_in_the_order_of_numbers_and_phases(tmp_path: Path) -> None:
    def row(count: int, phase: str, core: float) -> dict[str, object]:
        return {
            "photographs": count,
            "phase": phase,
            "cpu_ms_each": core,
            "ms_each": 1.5,
            "peak_mb": 99.6,
            "shards": 8,
        }

    report = {
        "rows": [row(20000, "plan", 0.125), row(1000, "merge", 0.5), row(1000, "plan", 0.25)],
        "deaths": [{**row(1000, "deaths", 0.034), "deaths": 1, "lost": 7}],
    }
    (tmp_path / "bookkeeping.json").write_text(json.dumps(report))
    before = "# A cluster\n\nText.\n\n### Bookkeeping\n\nOld figures.\n"
    written = cluster_page(before, tmp_path)
    assert written.startswith("# A cluster\n\nText.\n\n### Bookkeeping\n\n")
    assert "Old" not in written
    lines = [line for line in written.splitlines() if line.startswith(("| 1,", "| 20,"))]
    assert lines == [
        "| 1,000 | plan | 0.25 | 1.50 | 100 MB |",
        "| 1,000 | merge of these | 0.50 | 1.50 | 100 MB |",
        "| 20,000 | plan | 0.12 | 1.50 | 100 MB |",
    ]
    assert "1,000 tasks to a simulated cluster" in written
    assert "After 1 deaths, which cost 7 calls" in written
    with pytest.raises(VenuleError, match="no section"):
        cluster_page("# Another page\n", tmp_path)


def test_a_million_photographs_keep_within_a_gigabyte_and_a_millisecond_of_a_core() -> None:
    report = json.loads((ROOT / "results" / "bookkeeping.json").read_text(encoding="utf-8"))
    rows = [row for row in report["rows"] if row["photographs"] == 1_000_000]
    assert rows
    assert all(row["peak_mb"] < 1000 for row in rows)
    assert all(row["cpu_ms_each"] < 1 for row in rows)
