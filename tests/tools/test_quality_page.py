import json
from pathlib import Path

from publish.quality_page import MEASURES, quality_page
from venule.quality.assess import LIMITS, REASONS

ROOT = Path(__file__).parents[2]


def test_the_page_on_quality_is_what_the_code_and_the_file_say() -> None:
    text = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    assert text == quality_page(ROOT / "results")


def test_every_reason_is_on_the_page(tmp_path: Path) -> None:
    text = quality_page(tmp_path)
    assert [reason for reason in REASONS if reason not in text] == []
    assert {limits.measure for limits in LIMITS.values()} == set(MEASURES)
    assert "Not measured yet" in text


def test_what_was_measured_stands_in_tables(tmp_path: Path) -> None:
    found = {"spearman": -0.81, "pearson": None}
    spread = {"n": 2, "mean": 0.7, "quartile_1": 0.6, "median": 0.7, "quartile_3": 0.8}
    summary = {
        "photographs": 3,
        "correlation": {"degraded": {"uncertainty": found, "one_minus_expected_dice": found}},
        "dice_by_grade": {"ok": spread, "usable": {"n": 0}, "reject": {"n": 0}},
        "versions": [
            {
                "degraded": "blurred",
                "strength": 0.01,
                "dice": 0.4321,
                "uncertainty": 0.5,
                "grades": {"ok": 0, "usable": 1, "reject": 2},
            }
        ],
        "ms": spread,
    }
    report = {
        "model": "split",
        "runtime": "ONNX Runtime",
        "threshold": 0.4,
        "weights_sha256": "abcdef0123456789",
        "every": 2,
        "data": ["HRF:orlando:test"],
        "all": summary,
        "by_dataset": {"HRF": summary},
    }
    (tmp_path / "quality.json").write_text(json.dumps(report))
    text = quality_page(tmp_path)
    assert "| HRF | degraded | -0.81 / – | -0.81 / – |" in text
    assert "| ok | 2 | 0.700 | 0.600 – 0.800 |" in text
    assert "| blurred | 0.01 | 0.432 | 0.500 | 0 | 1 | 2 |" in text
    assert "HRF:orlando:test, one photograph of 2, 3 in all: each as it is and degraded" in text
    assert "0.7 ms" in text


def test_the_field_of_view_has_a_row_for_each_kind_of_surround(tmp_path: Path) -> None:
    kind = {"photographs": 4, "found": 0.75, "mean_dice": 0.99, "least_dice": 0.5}
    report = {"good_dice": 0.98, "first_seed": 7, "all": kind, "kinds": {"a page": kind}}
    (tmp_path / "fov.json").write_text(json.dumps(report), encoding="utf-8")
    text = quality_page(tmp_path)
    assert "Found with Dice 0.98 or more in 75.0% of 4 synthetic photographs" in text
    assert "| a page | 4 | 75.0% | 0.9900 | 0.5000 |" in text
