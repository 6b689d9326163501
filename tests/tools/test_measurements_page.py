"""The page of measurements."""

from pathlib import Path

from publish.measurements_page import measurements_page
from venule.measure.columns import all_columns
from venule.measure.definitions import MEASURES

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_code_and_the_files_say() -> None:
    text = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    assert text == measurements_page(ROOT / "results")


def test_every_measure_is_on_the_page() -> None:
    text = measurements_page(ROOT / "nothing")
    assert [measure.name for measure in MEASURES if f"`{measure.name}`" not in text] == []
    assert "Not measured yet" in text


def test_equivalents_and_ratios_are_on_the_page() -> None:
    text = measurements_page(ROOT / "nothing")
    for column in all_columns():
        if column.name.startswith("avr"):
            assert f"`{column.name}`" in text
