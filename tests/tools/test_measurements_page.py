"""The pages of measurements."""

from pathlib import Path

from publish.measurements_page import measurements_page, trust_page
from venule.measure.columns import all_columns
from venule.measure.definitions import MEASURES

ROOT = Path(__file__).parents[2]


def test_the_pages_are_what_the_code_and_the_files_say() -> None:
    docs, results = ROOT / "docs", ROOT / "results"
    text = (docs / "measurements.md").read_text(encoding="utf-8")
    assert text == measurements_page(results)
    assert (docs / "repeatability.md").read_text(encoding="utf-8") == trust_page(results)


def test_every_measure_is_on_the_page() -> None:
    text = measurements_page(ROOT / "nothing")
    assert [measure.name for measure in MEASURES if f"`{measure.name}`" not in text] == []
    assert "Not measured yet" in text


def test_what_can_be_trusted_stands_in_the_first_lines(tmp_path: Path) -> None:
    assert "Not known yet" in trust_page(tmp_path)
    (tmp_path / "measure").mkdir()
    row = {"mean": 1.0, "cv": 0.1, "sdc_over_mean": 0.3}
    rows = [
        {"column": "vessel_density", "icc": 0.9, **row},
        {"column": "vessel_crossings", "icc": 0.2, **row},
    ]
    (tmp_path / "measure" / "retest.json").write_text(
        '{"photographs": 10, "each": 5, "eyes": 2, "rejected": [], "not_registered": [], '
        '"whole_field": ' + str(rows).replace("'", '"') + ', "common_field": []}',
        encoding="utf-8",
    )
    first = trust_page(tmp_path).splitlines()[2]
    assert "`vessel_density`" in first
    assert "`vessel_crossings`" not in first


def test_equivalents_and_ratios_are_on_the_page() -> None:
    text = measurements_page(ROOT / "nothing")
    for column in all_columns():
        if column.name.startswith("avr"):
            assert f"`{column.name}`" in text
