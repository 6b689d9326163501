import json
import shutil
from pathlib import Path

import pytest

from support.cards import Shipped, make_shipped
from support.commands import Run
from venule.evaluation.card import card_json, make_card


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    shipped = make_shipped(tmp_path_factory.mktemp("card"))
    card = make_card(shipped.folder, shipped.weights)
    (shipped.folder / "card.json").write_text(card_json(card))
    return shipped


@pytest.fixture
def checkout(made: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results/tiny/card.json, which is the current one; its weights are shipped."""
    shutil.copytree(made.folder, tmp_path / "results" / "tiny")
    monkeypatch.setattr("venule.inference.load.shipped_weights", lambda: {"tiny": made.weights})
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_true_card_is_confirmed_and_its_test_images_are_looked_at_on_record(
    venule: Run, made: Shipped, checkout: Path
) -> None:
    ran = venule("evaluate", "--card", "tiny", "--data-root", made.data, "--device", "cpu")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1].endswith("numbers agree with the card of tiny")
    assert "CHASE_DB1 first20 test, first expert" in ran.out
    lines = (checkout / "results" / "test_access.jsonl").read_text().splitlines()
    (look,) = map(json.loads, lines)  # HRF's validation images are no test images
    assert (look["dataset"], look["purpose"]) == ("CHASE_DB1", "card recheck")


def test_a_card_that_was_tampered_with_fails_in_one_line(
    venule: Run, made: Shipped, checkout: Path
) -> None:
    path = checkout / "results" / "tiny" / "card.json"
    card = json.loads(path.read_text())
    card["scores"] = card["scores"][1:]
    card["scores"][0]["mean"]["dice"]["mean"] += 0.01
    path.write_text(json.dumps(card))
    ran = venule("evaluate", "--card", "tiny", "--data-root", made.data, "--device", "cpu")
    assert ran.code == 1
    (row,) = [line for line in ran.out.splitlines() if line.endswith("yes")]
    assert "Dice: mean" in row
    assert "-0.010000" in row
    (line,) = [line for line in ran.err.splitlines() if not line.startswith("[")]
    assert line.startswith("venule: error: 1 of ")
    assert "HRF orlando val, first expert, Dice: mean" in line
    assert not (checkout / "results" / "test_access.jsonl").exists()


def test_a_data_set_that_is_missing_is_said_and_not_counted_as_agreeing(
    venule: Run, made: Shipped, checkout: Path, tmp_path: Path
) -> None:
    shutil.copytree(made.data / "HRF", tmp_path / "some" / "HRF")
    ran = venule("evaluate", "--card", "tiny", "--data-root", tmp_path / "some", "--device", "cpu")
    assert ran.code == 0, ran.err
    assert "CHASE_DB1 first20 test, first expert: not checked, CHASE_DB1: not under" in ran.err
    assert ran.out.splitlines()[-1].endswith("1 of 2 sets of scores not checked")


def test_without_a_card_a_model_data_and_split_are_needed(venule: Run) -> None:
    ran = venule("evaluate", "tiny", "--split", "val")
    assert ran.code == 2
    assert ran.err == "venule: error: give MODEL, --data and --split; or --card MODEL\n"


@pytest.mark.parametrize(
    "options",
    [
        ["tiny"],
        ["--data", "drive"],
        ["--split", "val"],
        ["--json", "out.json"],
        ["--threshold", "0.4"],
        ["--expert", "second"],
        ["--runtime", "onnx"],
        ["--checkpoint", "auc"],
    ],
)
def test_what_a_card_does_not_take_is_refused(venule: Run, options: list[str]) -> None:
    ran = venule("evaluate", "--card", "tiny", *options)
    assert ran.code == 2
    assert ran.err.startswith("venule: error: --card computes a card's own scores")
    assert ran.err.count("\n") == 1


def test_a_folder_of_data_sets_is_for_a_card(venule: Run, tmp_path: Path) -> None:
    ran = venule("evaluate", "m", "--data", "d", "--split", "val", "--data-root", tmp_path)
    assert ran.code == 2
    assert "--data-root goes with --card" in ran.err
