"""The card of a network that finds no vessels says what its record and its reports say."""

from pathlib import Path

import pytest

import task_card
from venule.evaluation.intervals import Interval
from venule.evaluation.result import ImageScores
from venule.evaluation.tasks import LABELS, TaskReport, TaskResult
from venule.files.hashes import file_sha256
from venule.inference.load import shipped_marks

TEXTS = """
summary = "Finds discs."
uses = ["Zones."]
not_for = ["Diagnosis."]
limits = ["One camera."]
training = ["Once."]
"""


def reported(sha256: str) -> str:
    names = LABELS["landmarks"]
    result = TaskResult(
        task="landmarks",
        model="landmarks",
        weights_sha256=sha256,
        dataset="IDRiD",
        protocol="folds5",
        split="val-1",
        split_source="ours",
        images=(ImageScores(id="seg-01", scores=dict.fromkeys(names, 0.25)),),
        mean={name: Interval(mean=0.25, low=0.125, high=0.5, images=7) for name in names},
        package_version="0",
    )
    return TaskReport(results=(result,)).model_dump_json()


def make_results(root: Path, sha256: str) -> Path:
    folder = root / "results" / "landmarks"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(TEXTS, encoding="utf-8")
    (folder / "idrid.json").write_text(reported(sha256), encoding="utf-8")
    return root


def test_a_card_names_weights_training_data_and_scores(tmp_path: Path) -> None:
    digest = file_sha256(shipped_marks()["landmarks"])
    page = task_card.card("landmarks", root=make_results(tmp_path, digest))
    assert f"SHA-256: `{digest}`" in page
    assert "Porwal et al., Data 3(3):25, 2018" in page
    assert "CC BY 4.0" in page
    assert "| disc centre, disc diameters off | 0.2500 [0.1250, 0.5000] | 7 |" in page
    assert all(
        text in page for text in ("Finds discs.", "- Zones.", "- Diagnosis.", "- One camera.")
    )


def test_scores_of_other_weights_make_no_card(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scores of other weights"):
        task_card.card("landmarks", root=make_results(tmp_path, "0" * 64))
