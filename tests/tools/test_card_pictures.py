import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from card_pictures import CELL_PX, Worst, draw_failures
from publish.card_page import card_page
from support.cards import Shipped, make_shipped
from venule.errors import UsageError
from venule.evaluation.card import make_card, read_report, worst_images
from venule.evaluation.card_terms import ATTRIBUTIONS
from venule.evaluation.predictor import Predictor, segmenter_predictor
from venule.inference.onnx_runner import load_onnx


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return make_shipped(tmp_path_factory.mktemp("card"))


@pytest.fixture
def folder(shipped: Shipped, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped.folder, tmp_path / "results" / "tiny"))


@pytest.fixture
def source(shipped: Shipped) -> Predictor:
    digest = read_report(shipped.folder / "hrf.json").results[0].weights_sha256
    return segmenter_predictor(load_onnx(shipped.weights, device="cpu"), weights_sha256=digest)


def test_the_worst_images_are_those_of_lowest_dice(folder: Path) -> None:
    result = read_report(folder / "chase_db1.json").results[0]
    worst = worst_images(result)
    dice = sorted(image.scores["dice"] for image in result.images)
    assert [image.dice for image in worst] == dice[:3]


def test_pictures_of_the_worst_images_come_onto_the_card(
    shipped: Shipped, folder: Path, source: Predictor, tmp_path: Path
) -> None:
    log = tmp_path / "access.jsonl"
    worst = [Worst("chase_db1.json", source)]
    written = draw_failures(folder, worst, tmp_path / "docs", shipped.data, access_log=log)
    assert written[0] == tmp_path / "docs" / "cards" / "images" / "tiny-chase_db1-test.jpg"
    with Image.open(written[0]) as picture:
        assert picture.width > 4 * CELL_PX  # photograph, truth, probability, errors
        assert np.asarray(picture).std() > 10
    (access,) = map(json.loads, log.read_text().splitlines())
    assert (access["purpose"], access["dataset"], access["images"]) == ("sheet", "CHASE_DB1", 3)
    card = make_card(folder, shipped.weights)
    page = card_page(card)
    assert "](../cards/images/tiny-chase_db1-test.jpg)" in page
    assert f"{card.failures[0].images[0].id} (Dice" in page
    assert "CC BY 4.0, <https://researchdata.kingston.ac.uk/96/>" in page
    assert "made in the same way" not in page


def test_pictures_by_other_weights_are_said_to_be(
    shipped: Shipped, folder: Path, source: Predictor, tmp_path: Path
) -> None:
    draw_failures(folder, [Worst("hrf.json", source)], tmp_path / "docs", shipped.data)
    card = make_card(folder, shipped.weights)
    retrained = card.weights.model_copy(update={"sha256": "another"})
    page = card_page(card.model_copy(update={"weights": retrained}))
    assert "made in the same way, but without these images." in page
    worst = Worst("hrf.json", source, made="trained on other eyes")
    draw_failures(folder, [worst], tmp_path / "docs", shipped.data)
    card = make_card(folder, shipped.weights)
    page = card_page(card.model_copy(update={"weights": retrained}))
    assert "trained on other eyes." in page
    assert "made in the same way" not in page


def test_photographs_of_drive_are_never_drawn(
    folder: Path, source: Predictor, tmp_path: Path
) -> None:
    shown = {name for name, terms in ATTRIBUTIONS.items() if terms.pictures}
    assert {"CHASE_DB1", "HRF"} <= shown
    assert not {"DRIVE", "RITE"} & shown
    report = json.loads((folder / "hrf.json").read_text())
    report["results"][0]["dataset"] = "DRIVE"
    (folder / "drive.json").write_text(json.dumps(report))
    with pytest.raises(UsageError, match="photographs of DRIVE must not be shown"):
        draw_failures(folder, [Worst("drive.json", source)], tmp_path)
    assert not (folder / "failures.json").exists()


def test_a_picture_of_an_older_report_is_refused(
    shipped: Shipped, folder: Path, source: Predictor, tmp_path: Path
) -> None:
    draw_failures(folder, [Worst("hrf.json", source)], tmp_path / "docs", shipped.data)
    failures = json.loads((folder / "failures.json").read_text())
    failures[0]["images"][0]["dice"] += 0.01
    (folder / "failures.json").write_text(json.dumps(failures))
    with pytest.raises(UsageError, match=r"not from hrf\.json"):
        make_card(folder, shipped.weights)
