from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data.protocols import Selection
from venule.data.sample import load_sample
from venule.errors import DatasetError, UsageError, WeightsError
from venule.evaluation.predictor import (
    Options,
    expert_predictor,
    maps_predictor,
    open_predictor,
    open_predictors,
    segmenter_predictor,
)
from venule.image.arrays import FloatMap
from venule.inference.segment import Segmenter
from venule.models.record import ClassRecord, ModelRecord, SeenImages


def test_a_segmenter_brings_the_threshold_of_its_record(segmenter: Segmenter) -> None:
    source = segmenter_predictor(segmenter)
    assert (source.name, source.threshold) == ("dark", 0.4)
    assert source.threshold_source == "chosen on val"


@pytest.mark.parametrize("names", [("artery", "vein"), ("vein", "vessel")])
def test_several_classes_are_scored_by_the_vessel_mask_that_users_get(
    val: Selection, names: tuple[str, str]
) -> None:
    def run(pixels: FloatMap) -> FloatMap:
        dark = -3 * pixels[:, 1:2] - 2
        return np.concatenate([dark, dark > 0], axis=1, dtype=np.float32)

    first = ClassRecord(name=names[0], threshold=0.3, threshold_source="of the first")
    second = ClassRecord(name=names[1], threshold=0.6, threshold_source="of the second")
    record = ModelRecord(name="two", model="none", classes=(first, second))
    segmenter = Segmenter(record, run)
    source = segmenter_predictor(segmenter)
    assert (source.threshold, source.threshold_source) == (0.6, "of the second")
    sample = load_sample(val.cases[0])
    prediction = segmenter.segment(sample.image)
    assert source.threshold == prediction.vessel_map.threshold
    scored = source.predict(val.cases[0], sample) >= source.threshold
    np.testing.assert_array_equal(scored, prediction.vessels)
    assert scored.sum() > 0
    # The second class has its background at 0.5: at the first's threshold, all would be vessel.
    assert (source.predict(val.cases[0], sample) >= 0.3).sum() > scored.sum()


def test_seen_images_are_found_by_content_in_every_role(segmenter: Segmenter) -> None:
    where = {"dataset": "DRIVE", "protocol": "official"}
    record = segmenter.record.model_copy(
        update={
            "seen": (
                SeenImages(**where, split="train", role="trained", images={"21": "ab"}),
                SeenImages(**where, split="val", role="selected", images={"24": "ab"}),
            )
        }
    )
    seen = segmenter_predictor(Segmenter(record, segmenter.run)).seen
    assert [(hit.role, hit.seen_as) for hit in seen["ab"]] == [
        ("trained", "21"),
        ("selected", "24"),
    ]


def test_the_second_observer_is_a_source(official_test: Selection) -> None:
    source = open_predictor("expert:second", official_test)
    case = official_test.cases[0]
    probability = source.predict(case, load_sample(case))
    assert source.binary
    assert (probability > 0).tolist() == trees.draw(1).second.tolist()


def test_an_observer_that_the_data_set_lacks_is_a_clear_error(val: Selection) -> None:
    case = val.cases[0]
    with pytest.raises(DatasetError, match="no annotation of the second expert"):
        expert_predictor("second").predict(case, load_sample(case))


def test_a_folder_without_weights_is_a_folder_of_maps(val: Selection, masks: Path) -> None:
    source = open_predictor(str(masks), val)
    assert source.kind == "maps"
    assert source.binary


def test_a_map_of_another_size_is_refused(val: Selection, tmp_path: Path) -> None:
    for case in val.cases:
        trees.save(tmp_path / f"{case.id}.png", np.zeros((10, 20), bool))
    case = val.cases[0]
    with pytest.raises(DatasetError, match="20 x 10 px, but its photograph has 64 x 60"):
        maps_predictor(tmp_path, val).predict(case, load_sample(case))


def test_a_run_without_its_weights_and_a_missing_file_are_clear_errors(
    val: Selection, tmp_path: Path
) -> None:
    (tmp_path / "weights").mkdir()
    for model in (str(tmp_path), str(tmp_path / "none.onnx")):
        with pytest.raises(WeightsError):
            open_predictor(model, val)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0])
def test_a_threshold_outside_zero_and_one_is_refused(val: Selection, threshold: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        open_predictor("expert:second", val, Options(threshold=threshold))


def test_equal_names_are_told_apart(
    val: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = ModelRecord(name="dark", model="none")
    monkeypatch.setattr(
        "venule.evaluation.predictor.load", lambda *_, **__: Segmenter(record, lambda p: p[:, :1])
    )
    paths = [str(tmp_path / folder / "dark.onnx") for folder in "ab"]
    for path in map(Path, paths):
        path.parent.mkdir()
        path.write_bytes(b"")
    assert [one.name for one in open_predictors(paths, val)] == [f"dark ({path})" for path in paths]
    assert [one.name for one in open_predictors(paths[:1], val)] == ["dark"]


@pytest.mark.parametrize(("asked", "given"), [("auto", "onnx"), ("openvino", "openvino")])
def test_onnx_files_are_scored_in_onnx_runtime_unless_told(
    val: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, given: str
) -> None:
    record = ModelRecord(name="dark", model="none")
    asked_for: list[str] = []

    def load(model: str, **options: str) -> Segmenter:
        asked_for.append(options["runtime"])
        return Segmenter(record, lambda pixels: pixels[:, :1], runtime="described")

    monkeypatch.setattr("venule.evaluation.predictor.load", load)
    path = tmp_path / "dark.onnx"
    path.write_bytes(b"")
    assert open_predictor(str(path), val, Options(runtime=asked)).runtime == "described"
    assert asked_for == [given]
