"""The page of what is repeatable and what agrees with annotators, and the package's table."""

import json
from pathlib import Path
from typing import Any

from publish.repeatability_page import package_table, repeatability_page
from venule.measure.columns import all_columns
from venule.measure.repeatability import TABLE, repeatability

ROOT = Path(__file__).parents[2]


def test_page_and_table_are_what_the_files_say() -> None:
    text = (ROOT / "docs" / "repeatability.md").read_text(encoding="utf-8")
    assert text == repeatability_page(ROOT / "results")
    assert TABLE.read_text(encoding="utf-8") == package_table(ROOT / "results")


def test_the_table_names_columns_that_exist() -> None:
    assert set(repeatability()) <= {column.name for column in all_columns()}


def test_an_icc_is_at_most_one_and_a_change_is_positive() -> None:
    for found in repeatability().values():
        assert found.icc <= 1
        assert found.change >= 0


def write_retest(folder: Path, iccs: dict[str, float]) -> None:
    """Write repeatability by column into the results `folder`."""
    rows = [
        {"column": column, "icc": icc, "mean": 1.0, "cv": 0.1, "sdc_over_mean": 0.3}
        for column, icc in iccs.items()
    ]
    counts = {"photographs": 10, "each": 5, "eyes": 2, "rejected": [], "not_registered": []}
    write(folder / "measure/retest.json", counts | {"whole_field": rows, "common_field": []})


def write_agreement(file: Path, iccs: dict[str, dict[str, float]]) -> None:
    """Write agreement of networks with annotators, by data set and column."""
    row = {"mean": 1.0, "bias_over_mean": 0.1, "limits": [0.0, 0.2], "spearman": 0.5}
    write(
        file,
        {
            name: {
                "photographs": 20,
                "measures": [{"column": column, "icc": icc, **row} for column, icc in of.items()],
            }
            for name, of in iccs.items()
        },
    )


def write(file: Path, report: dict[str, Any]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(report), encoding="utf-8")


def test_what_is_repeatable_stands_in_the_first_lines(tmp_path: Path) -> None:
    assert "Not known yet" in repeatability_page(tmp_path)
    iccs = {
        "vessel_fractal_d0": 0.6,
        "vessel_density": 0.9,
        "vessel_crossings": 0.2,
        "vein_density": 0.7,
        "avr_knudtson_zone_b": 0.4,
    }
    write_retest(tmp_path, iccs)
    first, _, second, _, third, _, _, _, *table = repeatability_page(tmp_path).splitlines()[2:15]
    assert "Of 5 measures" in first
    assert "**1 are repeatable**" in first
    assert "of the 1 repeatable measures 0 were compared" in second
    assert "depend on resolution" in third
    assert table[:3] == [
        "| `density` | **0.90** | – | 0.70 |  |",
        "| `fractal_d0` | 0.60 | – | – |  |",
        "| `crossings` | (0.20) | – | – |  |",
    ]
    assert table[4] == "Arteries to veins: `avr_knudtson_zone_b` (0.40)."


def test_repeatable_measures_that_do_not_agree_with_annotators_are_marked(tmp_path: Path) -> None:
    iccs = {
        "vessel_density": 0.9,
        "vessel_fractal_d0": 0.8,
        "vein_fractal_d0": 0.77,
        "vessel_crossings": 0.6,
        "artery_cre_knudtson_zone_b_px": 0.78,
        "vein_cre_knudtson_zone_b_px": 0.59,
    }
    write_retest(tmp_path, iccs)
    agreement = {
        "DRIVE test, general": {"vessel_density": 0.8, "vessel_fractal_d0": 0.7},
        "DRIVE test, accurate": {"vessel_density": 0.6, "vessel_fractal_d0": 0.72},
    }
    chase = {"vessel_density": 0.77, "vessel_fractal_d0": 0.12, "vessel_crossings": 0.1}
    equivalents = {"artery_cre_knudtson_zone_b_px": 0.08, "vein_cre_knudtson_zone_b_px": 0.1}
    write_agreement(tmp_path / "measure/predicted.json", agreement)
    write_agreement(tmp_path / "general-split/predicted-CHASE_DB1.json", {"CHASE_DB1 test": chase})
    write_agreement(tmp_path / "measure/equivalents-hrf.json", {"HRF test": equivalents})
    lines = repeatability_page(tmp_path).splitlines()
    assert "of the 4 repeatable measures 3 were compared, and **2 disagree" in lines[4]
    assert lines[10:14] == [
        "| `density` | **0.90** | – | – | vessel: DRIVE 0.60, CHASE_DB1 **0.77** |",
        "| `fractal_d0` | **0.80** † | – | **0.77** | vessel: DRIVE 0.70, CHASE_DB1 (0.12) |",
        "| `cre_knudtson_zone_b_px` | – | **0.78** † | 0.59 | artery: HRF (0.08) |",
        "| `crossings` | 0.60 | – | – |  |",
    ]
