"""Soft pseudo-labels: the mean of several networks' probabilities, where a training finds them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

import soft_labels
from support import trees
from venule.data.catalog import open_dataset
from venule.data.maps import find_maps
from venule.data.protocols import select
from venule.data.sample import load_sample
from venule.image.arrays import FloatMap
from venule.image.io import read_probability, write_png
from venule.inference.segment import Segmenter
from venule.models.record import Calibration, ClassRecord, ComponentRules, ModelRecord

AS_IT_COMES = ClassRecord()


def constant(logit: float, one: ClassRecord = AS_IT_COMES) -> Segmenter:
    """A network that sees the same logit everywhere."""

    def run(pixels: FloatMap) -> FloatMap:
        return np.full_like(pixels[:, :1], logit)

    return Segmenter(ModelRecord(name="fake", model="none", classes=(one,)), run)


def test_the_maps_are_the_mean_and_a_training_finds_them(tmp_path: Path) -> None:
    data = open_dataset(f"drive={trees.make_drive(tmp_path)}")
    selection = select(data, "official", "val")
    teachers = [constant(1.0), constant(-2.0, ClassRecord(calibration=Calibration(scale=0.5)))]
    written = list(soft_labels.write_maps(teachers, selection, tmp_path / "maps"))
    found = find_maps(tmp_path / "maps", selection)
    assert sorted(found.values()) == sorted(written)
    for case in selection.cases:
        probability = read_probability(found[case.id])
        inside = load_sample(case).fov
        mean = (expit(1.0) + expit(-1.0)) / 2
        np.testing.assert_allclose(probability[inside], mean, atol=1e-4)
        assert not probability[~inside].any()


def test_a_teacher_keeps_its_calibration_and_neither_reconnects_nor_drops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calibration = Calibration(scale=0.7, offset=-0.2)
    components = ComponentRules(reconnection_budget=8.0, min_component=1e-3)
    network = constant(0.0, ClassRecord(calibration=calibration, components=components))
    asked = []

    def run(pixels: FloatMap) -> FloatMap:
        asked.append(pixels)
        return network.run(pixels)

    monkeypatch.setattr(soft_labels, "load", lambda model, checkpoint: replace(network, run=run))
    taught = soft_labels.teacher("runs/one")
    assert taught.record.classes == (ClassRecord(calibration=calibration),)
    taught.run(np.zeros((1, 3, 32, 48), np.float32))
    assert len(asked) == 8


def test_lesions_are_no_vessels_and_photographs_without_masks_keep_their_maps(
    tmp_path: Path,
) -> None:
    data = open_dataset(f"drive={trees.make_drive(tmp_path)}")
    selection = select(data, "official", "val")
    first, second, *_ = selection.cases
    lesion = np.zeros(load_sample(first).fov.shape, bool)
    lesion[20:24, 20:30] = True
    for folder in ("HE", "EX"):
        (tmp_path / folder).mkdir()
    write_png(tmp_path / "HE" / f"{first.image.stem}.png", np.uint8(255) * lesion)
    folders = [tmp_path / "HE", tmp_path / "EX"]
    list(soft_labels.write_maps([constant(1.0)], selection, tmp_path / "maps", folders))
    cleared = read_probability(tmp_path / "maps" / f"{first.id}_prob.png")
    inside = load_sample(first).fov
    assert not cleared[lesion].any()
    assert (cleared[inside & ~lesion] > 0.7).all()
    whole = read_probability(tmp_path / "maps" / f"{second.id}_prob.png")
    assert (whole[load_sample(second).fov] > 0.7).all()
