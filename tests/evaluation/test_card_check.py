import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import trees
from support.cards import Shipped, make_shipped
from support.networks import write_network
from venule.errors import DatasetError, WeightsError
from venule.evaluation.card import Card, CardScores, make_card
from venule.evaluation.card_check import (
    Comparison,
    card_predictor,
    compare_scores,
    find_parts,
    width_class,
)
from venule.evaluation.evaluate import evaluate
from venule.evaluation.result import Result
from venule.models.record import ModelRecord

Place = tuple[str | int, ...]

COUNTS_AND_BOUNDS = {"trained", "selected", "pixels", "side_px", "batch", "above_px", "up_to_px"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return make_shipped(tmp_path_factory.mktemp("card"))


@pytest.fixture(scope="module")
def card(shipped: Shipped) -> Card:
    return make_card(shipped.folder, shipped.weights)


@pytest.fixture
def shipped_as(monkeypatch: pytest.MonkeyPatch, shipped: Shipped) -> pytest.MonkeyPatch:
    """Let the tiny weights be the shipped ones."""
    monkeypatch.setattr("venule.inference.load.shipped_weights", lambda: {"tiny": shipped.weights})
    return monkeypatch


@pytest.fixture
def result(shipped: Shipped, card: Card, shipped_as: pytest.MonkeyPatch) -> Result:
    """The scores on HRF, computed again."""
    parts, _ = find_parts(card, shipped.data)
    return evaluate(card_predictor(card, device="cpu"), parts[1].selection)


def test_a_card_of_the_same_weights_and_images_agrees(card: Card, result: Result) -> None:
    compared = compare_scores(card.scores[1], result)
    assert [row for row in compared if row.drifted] == []
    names = {row.score for row in compared}
    assert {"Dice: mean", "Dice: low", "ROC AUC: pooled", "threshold", "images"} <= names
    assert "recall, fov width up to 2 px: pooled" in names
    assert "Manshi3's scoring: mIoU" in names


@pytest.mark.parametrize(("by", "drifted"), [(0.0002, ["Dice: mean"]), (0.00005, [])])
def test_a_number_that_was_tampered_with_is_found(
    card: Card, result: Result, by: float, drifted: list[str]
) -> None:
    scores = card.scores[1]
    dice = scores.mean["dice"].model_copy(update={"mean": scores.mean["dice"].mean + by})
    tampered = scores.model_copy(update={"mean": {**scores.mean, "dice": dice}})
    compared = compare_scores(tampered, result)
    assert [row.score for row in compared if row.drifted] == drifted


def test_a_score_that_is_no_longer_there_has_drifted(card: Card, result: Result) -> None:
    fewer = result.model_copy(update={"pooled": {}})
    drifted = [row for row in compare_scores(card.scores[1], fewer) if row.drifted]
    assert {row.score for row in drifted} == {
        row.score
        for row in compare_scores(card.scores[1], result)
        if ": pooled" in row.score and not row.score.startswith("recall,")
    }
    assert all(row.size == math.inf for row in drifted)


def test_two_undefined_numbers_agree_and_one_does_not() -> None:
    assert not Comparison("", "", math.nan, math.nan).drifted
    assert Comparison("", "", 0.5, math.nan).drifted
    assert Comparison("", "", math.nan, 0.5).drifted


def test_data_sets_that_are_not_there_are_named(card: Card, tmp_path: Path) -> None:
    trees.make_hrf(tmp_path)
    parts, missing = find_parts(card, tmp_path)
    assert [part.scores.dataset for part in parts] == ["HRF"]
    assert len(missing) == 1
    assert missing[0].startswith("CHASE_DB1 first20 test, first expert: not checked, ")


def test_without_any_data_set_nothing_is_checked(card: Card, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not checked"):
        find_parts(card, tmp_path)


def test_other_weights_than_the_cards_are_refused(
    card: Card, shipped_as: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="other"))
    shipped_as.setattr("venule.inference.load.shipped_weights", lambda: {"tiny": other})
    with pytest.raises(WeightsError, match="but the card of tiny is of"):
        card_predictor(card)


def places_of_numbers(value: object, path: Place = ()) -> Iterator[Place]:
    """The places of all defined numbers in nested mappings and lists."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from places_of_numbers(item, (*path, name))
    elif isinstance(value, int | float) and not math.isnan(value):
        yield path


def is_compared(path: Place) -> bool:
    """All numbers but counts and the bounds of classes."""
    last = path[-1]
    if last == "images":
        return path == ("images",)
    if path[0] == "calibration" and last in ("low", "high"):
        return False
    return last not in COUNTS_AND_BOUNDS


def test_every_number_of_the_scores_is_compared(card: Card, result: Result) -> None:
    plain = json.loads(json.dumps(card.scores[1].model_dump()))
    paths = [path for path in places_of_numbers(plain) if is_compared(path)]
    assert {path[0] for path in paths} == {
        "images",
        "threshold",
        "mean",
        "pooled",
        "legacy",
        "recall_by_width",
        "calibration",
        "worst",
    }
    for path in paths:
        part = plain
        for name in path[:-1]:
            part = part[name]
        before = part[path[-1]]
        part[path[-1]] = before + 1
        compared = compare_scores(CardScores.model_validate(plain), result)
        part[path[-1]] = before
        assert len([row for row in compared if row.drifted]) == 1, path


def test_classes_of_width_in_words() -> None:
    assert width_class(0.0, 2.0) == "up to 2 px"
    assert width_class(3.0, 4.5) == "3 to 4.5 px"
    assert width_class(7.0, None) == "above 7 px"


def test_a_data_set_without_its_annotations_is_not_checked_and_said_to_be_so(
    card: Card, shipped: Shipped, tmp_path: Path
) -> None:
    shutil.copytree(shipped.data, tmp_path / "data")
    for label in (tmp_path / "data" / "CHASE_DB1").glob("*_1stHO.png"):
        label.unlink()
    parts, missing = find_parts(card, tmp_path / "data")
    assert [part.scores.dataset for part in parts] == ["HRF"]
    (line,) = missing
    assert line.startswith("CHASE_DB1 first20 test, first expert: not checked, ")
    assert "annotation" in line
