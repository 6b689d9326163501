import hashlib
import json
import math
import shutil
from pathlib import Path

import pytest

from publish.card_page import card_page
from support.cards import TEXTS, Shipped, make_shipped
from support.networks import write_network
from venule.errors import UsageError
from venule.evaluation.card import (
    Card,
    card_file,
    card_json,
    card_scores,
    make_card,
    read_card,
    read_report,
    splits_seen,
)
from venule.evaluation.result import SeenImage
from venule.models.record import ModelRecord, SeenImages


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return make_shipped(tmp_path_factory.mktemp("card"))


@pytest.fixture(scope="module")
def card(shipped: Shipped) -> Card:
    return make_card(shipped.folder, shipped.weights)


@pytest.fixture
def copy(shipped: Shipped, tmp_path: Path) -> Path:
    """The model's folder of results, to be degraded."""
    return Path(shutil.copytree(shipped.folder, tmp_path / "tiny"))


def test_a_card_names_the_file_and_what_its_record_says(shipped: Shipped, card: Card) -> None:
    content = shipped.weights.read_bytes()
    assert card.weights.sha256 == hashlib.sha256(content).hexdigest()
    assert card.weights.bytes == len(content)
    assert (card.weights.threshold, card.weights.licence) == (0.6, "CC BY 4.0")
    assert (card.name, card.seeds) == ("tiny", (3, 4))
    assert card.weights.settings["tiling"]["tile_px"] == 1024
    assert card.scores[0].runtime.startswith("ONNX Runtime")


def test_a_card_attributes_the_data_that_made_the_weights(card: Card) -> None:
    (data,) = card.data
    assert (data.dataset, data.role, data.images, data.terms) == (
        "CHASE_DB1",
        "trained",
        1,
        "CC BY 4.0",
    )
    assert "Fraz" in data.citation


def test_a_split_of_several_stages_is_one_row_of_distinct_images() -> None:
    stages = [
        SeenImages(
            dataset="folders", protocol="folders", split="all", role="trained", images=images
        )
        for images in ({"1": "a", "2": "b"}, {"1": "b", "2": "c"})
    ]
    held_out = stages[1].model_copy(update={"role": "selected"})
    record = ModelRecord(name="tiny", model="tiny", seen=(*stages, held_out))
    assert [(seen.role, images) for seen, images in splits_seen(record)] == [
        ("trained", 3),
        ("selected", 2),
    ]


def test_a_card_has_the_scores_of_its_reports_one_set_a_split(shipped: Shipped, card: Card) -> None:
    report = json.loads((shipped.folder / "chase_db1.json").read_text())
    scores = card.scores[0]
    assert scores.where == "CHASE_DB1 first20 test, first expert"
    assert scores.images == 8
    assert scores.mean["dice"].mean == report["results"][0]["mean"]["dice"]["mean"]
    assert scores.pooled["ece"] == report["results"][0]["pooled"]["ece"]
    assert {row.scale for row in scores.recall_by_width} == {"native", "fov"}
    assert card.scores[1].dataset == "HRF"


def test_a_card_reads_back_with_its_undefined_numbers(card: Card, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(card_json(card))
    again = read_card(path)
    assert card_json(again) == card_json(card)
    # The field of view is 55 px wide: the thinnest class of 540 px is less than a pixel.
    assert math.isnan(again.scores[0].recall_by_width[5].pooled)
    assert card_file(str(path)) == path


def test_scores_of_other_weights_are_refused(shipped: Shipped, tmp_path: Path) -> None:
    other = write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="other"))
    with pytest.raises(UsageError, match="does not score the shipped weights"):
        make_card(shipped.folder, other)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (TEXTS.replace("seeds", "seed"), "seed"),
        (TEXTS.replace("summary =", "summary"), "card.toml"),
    ],
)
def test_a_fault_in_the_texts_is_one_line(
    shipped: Shipped, copy: Path, texts: str, message: str
) -> None:
    (copy / "card.toml").write_text(texts)
    with pytest.raises(UsageError, match=message) as caught:
        make_card(copy, shipped.weights)
    assert "\n" not in str(caught.value)


def test_data_without_attribution_is_refused_until_it_is_given(
    shipped: Shipped, copy: Path, tmp_path: Path
) -> None:
    seen = SeenImages(dataset="synthetic", protocol="all", split="all", role="trained", images={})
    record = ModelRecord(name="tiny", model="tiny", seen=(seen,))
    weights = write_network(tmp_path / "tiny.onnx", record)
    about = json.loads((copy / "about.json").read_text())
    (copy / "about.json").write_text(json.dumps(about | {"reports": []}))
    with pytest.raises(UsageError, match="no attribution of synthetic"):
        make_card(copy, weights)
    ours = (
        '[data.synthetic]\ncitation = "venule"\nurl = "https://example.org"\nterms = "Apache-2.0"\n'
    )
    (copy / "card.toml").write_text(TEXTS + ours)
    assert make_card(copy, weights).data[0].terms == "Apache-2.0"


def test_a_model_without_a_card_is_said_so() -> None:
    with pytest.raises(UsageError, match="none: no such card"):
        card_file("none")


def test_a_file_that_is_no_card_or_report_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text('{"schema_version": 2}')
    with pytest.raises(UsageError, match="not a card"):
        read_card(path)
    with pytest.raises(UsageError, match="not a report"):
        read_report(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_report(tmp_path / "none.json")


def test_the_page_has_what_the_card_has(card: Card) -> None:
    page = card_page(card)
    dice = card.scores[0].mean["dice"]
    for words in (
        card.weights.sha256,
        "## Intended use\n\n- Tests of cards.",
        "| CHASE_DB1, first20 train | trained | 1 | CC BY 4.0 |",
        f"| Dice | {dice.mean:.4f} [{dice.low:.4f}, {dice.high:.4f}] |",
        "| up to 2 px | none |",
        "vessel width in pixels of a field of view 540 px wide",
        "$ venule evaluate tiny",
    ):
        assert words in page
    assert "not a test" not in page


def test_the_page_says_where_scored_images_were_seen_in_training(
    shipped: Shipped, card: Card
) -> None:
    result = read_report(shipped.folder / "hrf.json").results[0]
    hit = SeenImage(
        id="05_h", role="trained", seen_as="05_h", dataset="HRF", protocol="all", split="all"
    )
    again = hit.model_copy(update={"split": "train"})  # in two splits, one image
    scores = card_scores(result.model_copy(update={"seen": (hit, again)}))
    page = card_page(card.model_copy(update={"scores": (scores,)}))
    assert "**The weights were trained on 1 of these images: this is not a test.**" in page
