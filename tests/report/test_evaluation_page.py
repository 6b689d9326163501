import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import trees
from support.commands import Run
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.evaluation.evaluate import ScoredImage, evaluate
from venule.evaluation.predictor import expert_predictor, segmenter_predictor
from venule.evaluation.result import compare
from venule.image.arrays import FloatMap
from venule.inference.segment import Segmenter
from venule.metrics.metric import Scored
from venule.models.record import ClassRecord, ModelRecord
from venule.report.evaluation_page import evaluation_page
from venule.report.gallery import Gallery


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_drive(tmp_path_factory.mktemp("data"))


@pytest.fixture
def val(drive: Path) -> Selection:
    return select(open_dataset(f"drive={drive}"), "official", "val")


def dark(name: str, offset: float) -> Segmenter:
    """Dark in green is vessel."""

    def run(pixels: FloatMap) -> FloatMap:
        return np.asarray(-3 * pixels[:, 1:2] + offset, np.float32)

    return Segmenter(ModelRecord(name=name, model="none", classes=(ClassRecord(),)), run)


def scored(id: str, right: int) -> ScoredImage:
    """An image of 10 x 10 vessel pixels, of which `right` are found."""
    truth = np.ones((10, 10), bool)
    probability = np.zeros((10, 10), np.float32)
    probability.flat[:right] = 1
    one = Scored(probability, truth, np.ones((10, 10), bool), threshold=0.5)
    found = 2 * right / (100 + right)
    return ScoredImage(id, np.full((10, 10, 3), 90, np.uint8), one, {"dice": found})


def test_a_gallery_holds_the_best_and_the_worst_and_no_more() -> None:
    gallery = Gallery(extremes=2)
    gallery.begin("a")
    for id, right in {"m": 50, "low": 10, "high": 95, "top": 100, "n": 60, "least": 1}.items():
        gallery.add(scored(id, right))
    assert list(gallery.worst) == ["least", "low"]
    assert list(gallery.best) == ["top", "high"]
    assert set(gallery.photographs) == {"least", "low", "top", "high"}
    assert set(gallery.columns[0].maps) == set(gallery.photographs)
    gallery.begin("b")
    for id in ("m", "low", "high", "top", "n", "least"):
        gallery.add(scored(id, 30))
    assert set(gallery.columns[1].maps) == set(gallery.photographs)
    assert gallery.columns[1].counts.tp == 6 * 30
    assert gallery.columns[1].histogram.positives.sum() == 600


def test_of_few_images_each_is_shown_once() -> None:
    gallery = Gallery(extremes=3)
    gallery.begin("a")
    for id, right in {"x": 50, "y": 10, "z": 95, "w": 70}.items():
        gallery.add(scored(id, right))
    assert [*gallery.worst, *gallery.best] == ["y", "x", "w", "z"]


def test_an_image_whose_dice_is_undefined_is_not_ranked() -> None:
    gallery = Gallery()
    gallery.begin("a")
    gallery.add(
        ScoredImage("x", scored("x", 1).photograph, scored("x", 1).scored, {"dice": np.nan})
    )
    assert not gallery.photographs


def test_the_page_shows_curves_differences_and_errors(val: Selection) -> None:
    sources = [
        segmenter_predictor(dark("dark", -2.0)),
        segmenter_predictor(dark("<paler>", -1.0)),
        expert_predictor("second"),
    ]
    gallery, results = Gallery(extremes=1), []
    for source in sources[:2]:
        gallery.begin(source.name)
        results.append(evaluate(source, val, watch=gallery.add))
    report = compare(tuple(results))
    text = evaluation_page(report, gallery)
    for heading in ("ROC", "Precision and recall", "Calibration", "Recall by width", "Worst"):
        assert heading in text
    assert "&lt;paler&gt; - dark" in text
    assert "<paler>" not in text
    assert text.count('class="example"') == 2
    assert text.count("data:image/jpeg;base64,") == 2 * 3
    assert "terms of DRIVE do not allow" in text
    kept = re.search(r'data:application/json;base64,([^"]+)"', text)
    assert kept is not None
    assert json.loads(base64.b64decode(kept[1]))["results"][0]["model"] == "dark"
    for address in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert address.startswith("data:")


def test_an_error_map_is_grey_where_a_vessel_was_found() -> None:
    gallery = Gallery()
    gallery.begin("a")
    gallery.add(scored("x", 100))
    drawn = np.asarray(Image.open(io.BytesIO(gallery.columns[0].maps["x"])))
    assert np.abs(drawn.astype(int) - 200).max() <= 2


def test_the_command_writes_the_page_and_records_what_it_shows(
    venule: Run, tiny_onnx: Path, drive: Path, tmp_path: Path
) -> None:
    page, log = tmp_path / "scores.html", tmp_path / "log.jsonl"
    data = ("--data", f"drive={drive}", "--split", "test")
    ran = venule("evaluate", tiny_onnx, *data, "--report", page, "--access-log", log)
    assert ran.code == 0, ran.err
    assert "Image by image" in page.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["purpose"] for line in lines] == ["evaluation", "sheet"]
    tested = len(select(open_dataset(f"drive={drive}"), "official", "test").cases)
    assert [line["images"] for line in lines] == [tested, min(6, tested)]


def test_files_of_one_name_are_refused_before_anything_is_scored(
    venule: Run, tiny_onnx: Path, drive: Path, tmp_path: Path
) -> None:
    data = ("--data", f"drive={drive}", "--split", "val")
    same = tmp_path / "x.html"
    ran = venule("evaluate", tiny_onnx, *data, "--report", same, "--json", same)
    assert ran.code == 2
    assert "two outputs would be written there" in ran.err
