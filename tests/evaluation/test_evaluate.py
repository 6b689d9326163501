from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.data.sample import load_sample
from venule.errors import DatasetError, UsageError
from venule.evaluation.evaluate import evaluate
from venule.evaluation.predictor import expert_predictor, maps_predictor, segmenter_predictor
from venule.image.io import pixel_hash, write_png
from venule.image.photograph import read_photograph
from venule.inference.segment import Segmenter
from venule.models.record import SeenImages


def test_a_result_scores_what_the_user_gets(val: Selection, segmenter: Segmenter) -> None:
    result = evaluate(segmenter_predictor(segmenter), val)
    for case, image in zip(val.cases, result.images, strict=True):
        sample = load_sample(case)
        assert sample.vessels is not None
        prediction = segmenter.segment(sample.image, fov=sample.fov)
        truth = sample.vessels[sample.fov]
        auc = roc_auc_score(truth, prediction.probability[sample.fov])
        assert image.scores["roc_auc"] == pytest.approx(auc, abs=1e-4)
        dice = f1_score(truth, prediction.vessels[sample.fov])
        assert image.scores["dice"] == pytest.approx(dice)
    assert result.mean["dice"].mean == pytest.approx(np.mean(result.values("dice")))


def test_a_result_names_its_protocol(val: Selection, segmenter: Segmenter) -> None:
    result = evaluate(segmenter_predictor(segmenter), val)
    assert (result.dataset, result.protocol, result.split) == ("DRIVE", "official", "val")
    assert result.expert == "first"
    assert result.fov_rule == "mask files of the data set"
    assert (result.threshold, result.threshold_source) == (0.4, "chosen on val")
    assert [image.id for image in result.images] == [case.id for case in val.cases]
    assert result.seen == ()


def test_a_field_of_view_that_was_found_is_said_so(val: Selection, segmenter: Segmenter) -> None:
    bare = tuple(replace(case, fov=None) for case in val.cases)
    result = evaluate(segmenter_predictor(segmenter), replace(val, cases=bare))
    assert result.fov_rule == "found from each photograph"
    mixed = replace(val, cases=(*bare[:1], *val.cases[1:]))
    result = evaluate(segmenter_predictor(segmenter), mixed)
    assert result.fov_rule.endswith("from the photograph for 1")


def test_images_that_were_trained_on_are_recognised_by_their_pixels(
    val: Selection, segmenter: Segmenter
) -> None:
    seen = SeenImages(
        dataset="elsewhere",
        protocol="all",
        split="train",
        role="trained",
        images={"x": pixel_hash(read_photograph(val.cases[1].image).pixels)},
    )
    record = segmenter.record.model_copy(update={"seen": (seen,)})
    (hit,) = evaluate(segmenter_predictor(Segmenter(record, segmenter.run)), val).seen
    assert (hit.id, hit.seen_as, hit.role) == (val.cases[1].id, "x", "trained")


def test_exact_masks_score_one(val: Selection, masks: Path) -> None:
    result = evaluate(maps_predictor(masks, val), val)
    assert result.mean["dice"].mean == result.mean["mcc"].mean == 1.0
    assert "roc_auc" not in result.mean
    assert result.threshold_source == "the maps are masks"


def test_sixteen_bit_maps_score_as_the_segmenter_that_made_them(
    val: Selection, segmenter: Segmenter, tmp_path: Path
) -> None:
    for case in val.cases:
        sample = load_sample(case)
        probability = segmenter.segment(sample.image, fov=sample.fov).probability
        levels = np.rint(probability * 65535).astype(np.uint16)
        write_png(tmp_path / f"{case.image.stem}_prob.png", levels)
    maps = evaluate(maps_predictor(tmp_path, val, threshold=0.4), val)
    direct = evaluate(segmenter_predictor(segmenter), val)
    assert maps.threshold_source == "given by the user"
    for score in ("roc_auc", "average_precision", "dice", "cldice"):
        assert maps.mean[score].mean == pytest.approx(direct.mean[score].mean, abs=1e-4)


def test_progress_is_told_each_image(val: Selection, segmenter: Segmenter) -> None:
    told: list[str] = []
    evaluate(segmenter_predictor(segmenter), val, progress=told.append)
    assert told == [case.id for case in val.cases]


def test_images_without_truth_are_a_clear_error(drive: Dataset, segmenter: Segmenter) -> None:
    unlabelled = select(drive, "deeplab", "test")
    with pytest.raises(DatasetError, match="20 of 20 images have no annotation of the first"):
        evaluate(segmenter_predictor(segmenter), unlabelled)
    with pytest.raises(DatasetError, match="no annotation of the second expert"):
        evaluate(segmenter_predictor(segmenter), select(drive, "official", "val"), expert="second")


def test_an_empty_selection_is_a_clear_error(val: Selection, segmenter: Segmenter) -> None:
    with pytest.raises(DatasetError, match="holds no image"):
        evaluate(segmenter_predictor(segmenter), replace(val, cases=()))


def test_an_observer_is_not_scored_against_itself(official_test: Selection) -> None:
    with pytest.raises(UsageError, match="against itself"):
        evaluate(expert_predictor("second"), official_test, expert="second")


def test_the_second_observer_of_drive_has_the_published_agreement(real_data: Path) -> None:
    drive = open_dataset(f"drive={real_data / 'DRIVE'}")
    result = evaluate(expert_predictor("second"), select(drive, "official", "test"))
    mean = {score: interval.mean for score, interval in result.mean.items()}
    # An independent evaluator's figures, rounded; Dice 0.788 is that of the literature.
    assert mean["dice"] == pytest.approx(0.7881, abs=5e-5)
    assert mean["accuracy"] == pytest.approx(0.9473, abs=5e-5)
    assert mean["sensitivity"] == pytest.approx(0.7760, abs=5e-5)
    assert mean["specificity"] == pytest.approx(0.9725, abs=5e-5)
    assert mean["mcc"] == pytest.approx(0.7601, abs=5e-5)
    assert mean["iou"] == pytest.approx(0.6508, abs=5e-5)
    assert mean["cldice"] == pytest.approx(0.7634, abs=5e-5)
    assert mean["thin_recall"] == pytest.approx(0.601, abs=5e-4)
    assert mean["components"] == 2.75
    assert mean["largest_component_share"] == pytest.approx(0.755, abs=5e-4)
    assert result.pooled["dice"] == pytest.approx(0.7891, abs=5e-5)
    assert np.std(result.values("dice")) == pytest.approx(0.020, abs=1e-3)
