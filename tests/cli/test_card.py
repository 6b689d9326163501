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
    shipped.weights.with_suffix(".json").write_text(card_json(card))
    return shipped


@pytest.fixture
def package(made: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the shipped weights, tiny.onnx with tiny.json; another one is current."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in (made.weights, made.weights.with_suffix(".json")):
        shutil.copy(file, folder)
    shipped = {"tiny": folder / "tiny.onnx"}
    monkeypatch.setattr("venule.inference.load.shipped_weights", lambda: shipped)
    monkeypatch.setattr("venule.evaluation.card.shipped_weights", lambda: shipped)
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    return folder


def test_a_true_card_is_confirmed_and_its_access_to_test_images_recorded(
    venule: Run, made: Shipped, package: Path, tmp_path: Path
) -> None:
    log = tmp_path / "access.jsonl"
    given = ("--data-root", made.data, "--device", "cpu", "--access-log", log)
    ran = venule("evaluate", "--card", "tiny", *given)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1].endswith("numbers agree with the card of tiny")
    assert "CHASE_DB1 first20 test, first expert" in ran.out
    # HRF's validation images are no test images.
    (access,) = map(json.loads, log.read_text().splitlines())
    assert (access["dataset"], access["purpose"]) == ("CHASE_DB1", "card recheck")
    assert not any((tmp_path / "current").iterdir())


def test_a_card_that_was_tampered_with_fails_in_one_line(
    venule: Run, made: Shipped, package: Path, tmp_path: Path
) -> None:
    path = package / "tiny.json"
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
    assert not any((tmp_path / "current").iterdir())  # nothing is recorded where none asks


def test_a_data_set_that_is_missing_is_said_and_not_counted_as_agreeing(
    venule: Run, made: Shipped, package: Path, tmp_path: Path
) -> None:
    shutil.copytree(made.data / "HRF", tmp_path / "some" / "HRF")
    ran = venule("evaluate", "--card", "tiny", "--data-root", tmp_path / "some", "--device", "cpu")
    assert ran.code == 0, ran.err
    assert "CHASE_DB1 first20 test, first expert: not checked, CHASE_DB1: not under" in ran.err
    assert ran.out.splitlines()[-1].endswith("1 of 2 sets of scores not checked")


def test_a_log_that_cannot_be_written_is_refused_before_anything_is_scored(
    venule: Run, made: Shipped, package: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    given = ("--data-root", made.data, "--access-log", tmp_path / "file" / "access.jsonl")
    ran = venule("evaluate", "--card", "tiny", *given)
    assert ran.code != 0
    assert ran.err.count("\n") == 1
    assert "--access-log" in ran.err


def test_a_name_without_a_card_is_one_line(venule: Run, package: Path) -> None:
    ran = venule("evaluate", "--card", "huge")
    assert ran.code == 2
    assert ran.err == (
        "venule: error: huge: no such card; give a card's .json or a shipped name: tiny\n"
    )


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
        ["--overwrite"],
    ],
)
def test_what_a_card_does_not_take_is_refused(venule: Run, options: list[str]) -> None:
    ran = venule("evaluate", "--card", "tiny", *options)
    assert ran.code == 2
    assert ran.err.startswith("venule: error: --card recomputes a card's scores")
    assert ran.err.count("\n") == 1


def test_a_folder_of_data_sets_is_for_a_card(venule: Run, tmp_path: Path) -> None:
    ran = venule("evaluate", "m", "--data", "d", "--split", "val", "--data-root", tmp_path)
    assert ran.code == 2
    assert "--data-root goes with --card" in ran.err
