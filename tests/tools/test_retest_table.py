import json
from pathlib import Path

from publish.retest_table import retest_table
from venule.measure.repeatability import TABLE, Repeatability, parse

ROOT = Path(__file__).parents[2]


def test_rows_with_finite_numbers_are_kept(tmp_path: Path) -> None:
    rows = [
        {"column": "a", "eyes": 20, "icc": 0.91234, "cv": 0.02, "sdc_over_mean": 0.0554},
        {"column": "b", "eyes": 20, "icc": 0.9, "cv": None, "sdc_over_mean": None},
    ]
    (tmp_path / "measure").mkdir()
    (tmp_path / "measure" / "retest.json").write_text(json.dumps({"whole_field": rows}))
    text = retest_table(tmp_path)
    assert text is not None
    assert parse(text) == {"a": Repeatability(20, 0.9123, 0.02, 0.0554)}


def test_the_package_has_the_table_of_the_result() -> None:
    table = ROOT / "src" / "venule" / "measure" / TABLE
    wanted = retest_table(ROOT / "results")
    assert (table.read_text(encoding="utf-8") if table.is_file() else None) == wanted
