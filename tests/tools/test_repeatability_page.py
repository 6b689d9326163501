"""The page of what can be trusted, and the package's table."""

from pathlib import Path

from publish.repeatability_page import package_table, trust_page
from venule.measure.columns import all_columns
from venule.measure.repeatability import TABLE, repeatability

ROOT = Path(__file__).parents[2]


def test_page_and_table_are_what_the_files_say() -> None:
    text = (ROOT / "docs" / "repeatability.md").read_text(encoding="utf-8")
    assert text == trust_page(ROOT / "results")
    assert TABLE.read_text(encoding="utf-8") == package_table(ROOT / "results")


def test_the_table_names_columns_that_exist() -> None:
    assert set(repeatability()) <= {column.name for column in all_columns()}


def test_an_icc_is_at_most_one_and_a_change_is_positive() -> None:
    for found in repeatability().values():
        assert found.icc <= 1
        assert found.change >= 0


def test_what_can_be_trusted_stands_in_the_first_lines(tmp_path: Path) -> None:
    assert "Not known yet" in trust_page(tmp_path)
    (tmp_path / "measure").mkdir()
    row = {"mean": 1.0, "cv": 0.1, "sdc_over_mean": 0.3}
    rows = [
        {"column": "vessel_fractal_d0", "icc": 0.6, **row},
        {"column": "vessel_density", "icc": 0.9, **row},
        {"column": "vessel_crossings", "icc": 0.2, **row},
        {"column": "vein_density", "icc": 0.7, **row},
        {"column": "avr_knudtson_zone_b", "icc": 0.4, **row},
    ]
    (tmp_path / "measure" / "retest.json").write_text(
        '{"photographs": 10, "each": 5, "eyes": 2, "rejected": [], "not_registered": [], '
        '"whole_field": ' + str(rows).replace("'", '"') + ', "common_field": []}',
        encoding="utf-8",
    )
    first, _, second, _, _, _, *table = trust_page(tmp_path).splitlines()[2:13]
    assert "Of 5 measures" in first
    assert "depend on resolution" in second
    assert "**1 can be trusted**" in first
    assert table[:3] == [
        "| `density` | **0.90** | – | 0.70 |",
        "| `fractal_d0` | 0.60 | – | – |",
        "| `crossings` | (0.20) | – | – |",
    ]
    assert table[4] == "Arteries to veins: `avr_knudtson_zone_b` (0.40)."
