"""The tools about cards: scores computed again, and pictures of failures, both on record."""

import json
import shutil
from pathlib import Path

import pytest

import checkout
import failures
import recheck
from recipe.place import Place
from support.cards import Shipped, make_shipped
from venule.evaluation.card import card_json, make_card


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    shipped = make_shipped(tmp_path_factory.mktemp("card"))
    card = make_card(shipped.folder, shipped.weights)
    shipped.weights.with_suffix(".json").write_text(card_json(card))
    return shipped


@pytest.fixture
def log(made: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The access log of a checkout that ships the weights "tiny", at the commit abc."""
    for module in ("venule.inference.load", "venule.evaluation.card", "recheck"):
        monkeypatch.setattr(f"{module}.shipped_weights", lambda: {"tiny": made.weights})
    monkeypatch.setattr(checkout, "ACCESS_LOG", tmp_path / "access.jsonl")
    monkeypatch.setattr(checkout, "commit", lambda: "abc")
    return tmp_path / "access.jsonl"


def test_all_shipped_cards_are_checked_on_record(
    made: Shipped, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recheck.main(["--data-root", str(made.data), "--device", "cpu"])
    assert "numbers agree with the card of tiny" in capsys.readouterr().out
    (access,) = map(json.loads, log.read_text().splitlines())
    assert (access["commit"], access["purpose"]) == ("abc", "card recheck")


def test_a_score_that_has_drifted_ends_in_1(made: Shipped, log: Path) -> None:
    path = made.weights.with_suffix(".json")
    true = path.read_text()
    card = json.loads(true)
    card["scores"][0]["mean"]["dice"]["mean"] += 0.01
    path.write_text(json.dumps(card))
    try:
        with pytest.raises(SystemExit) as ended:
            recheck.main(["tiny", "--data-root", str(made.data), "--device", "cpu"])
    finally:
        path.write_text(true)
    assert ended.value.code == 1


def test_pictures_of_failures_are_drawn_on_record(made: Shipped, log: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made.folder, tmp_path / "results" / "tiny"))
    place = Place(work=tmp_path, results=folder, docs=tmp_path / "docs", access_log=log)
    reports = {"chase_db1.json": str(made.weights)}
    *pictures, listed = failures.draw(reports, place, made="by hand", data_root=made.data)
    assert [path.name for path in pictures] == ["tiny-chase_db1-test.jpg"]
    assert json.loads(listed.read_text())[0]["made"] == "by hand"
    (access,) = map(json.loads, log.read_text().splitlines())
    assert (access["commit"], access["purpose"]) == ("abc", "sheet")
