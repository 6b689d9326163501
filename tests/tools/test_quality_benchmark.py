import importlib
import json
import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from degrade import DEGRADATIONS
from support import trees
from support.segmenters import green
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.errors import UsageError
from venule.evaluation.predictor import segmenter_predictor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("quality")


def _row(benchmark: ModuleType, **changes: Any) -> Any:
    row = benchmark.Row(
        dataset="DRIVE",
        id="21",
        degraded=benchmark.AS_IS,
        strength=None,
        dice=0.8,
        expected_dice=0.8,
        uncertainty=0.2,
        grade="ok",
        reasons=(),
        ms=4.0,
    )
    return replace(row, **changes)


def test_a_summary_counts_grades_and_correlates_what_was_found(benchmark: ModuleType) -> None:
    blurred = {"degraded": "blurred", "strength": 0.01, "ms": None}
    rows = [
        _row(benchmark),
        _row(benchmark, dice=0.6, uncertainty=0.4, grade="usable", **blurred),
        _row(benchmark, dice=0.4, uncertainty=0.5, grade="reject", **blurred),
        _row(benchmark, dice=0.1, uncertainty=0.9, grade="reject", **blurred),
        _row(benchmark, dice=math.nan, uncertainty=1.0, grade="reject", **blurred),
    ]
    summary = benchmark.summary(rows)
    assert summary["photographs"] == 1
    assert summary["correlation"]["all"]["uncertainty"]["spearman"] == -1
    assert math.isnan(summary["correlation"][benchmark.AS_IS]["uncertainty"]["pearson"])
    assert math.isnan(summary["correlation"]["all"]["one_minus_expected_dice"]["spearman"])
    assert summary["dice_by_grade"]["reject"]["n"] == 2
    assert summary["dice_by_grade"]["reject"]["mean"] == pytest.approx(0.25)
    version = summary["versions"][1]
    assert version["grades"] == {"ok": 0, "usable": 1, "reject": 3}
    assert version["dice"] == pytest.approx(1.1 / 3)
    assert summary["ms"]["median"] == 4
    assert "NaN" not in json.dumps(benchmark.rounded(summary))


def test_every_photograph_is_predicted_in_every_version_and_a_test_split_is_an_access(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    dataset = open_dataset(f"drive={trees.make_drive(tmp_path)}")
    log = tmp_path / "access.jsonl"
    segmenter = green(1)
    options = {
        "source": segmenter_predictor(segmenter),
        "segmenter": segmenter,
        "access_log": log,
    }
    training = select(dataset, "official", "train")
    rows = benchmark.measure(dataset, replace(training, cases=training.cases[:1]), **options)
    assert len(rows) == 1 + sum(len(strengths) for _, strengths in DEGRADATIONS.values())
    assert {row.degraded for row in rows} == {benchmark.AS_IS, *DEGRADATIONS}
    assert all(0 <= row.uncertainty <= 1 for row in rows)
    assert not log.exists()
    test = select(dataset, "official", "test")
    benchmark.measure(dataset, replace(test, cases=test.cases[:1]), **options)
    (access,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert (access["dataset"], access["split"], access["images"]) == ("DRIVE", "test", 1)


def test_a_split_is_named_by_data_set_protocol_and_split(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    root = trees.make_drive(tmp_path)
    _, selection = benchmark.chosen(f"drive={root}:official:val", 2)
    assert [case.id for case in selection.cases] == ["24", "33"]
    with pytest.raises(UsageError, match="D:PROTOCOL:SPLIT"):
        benchmark.chosen("drive", 1)
