"""Maps to learn from: the mean of what several networks say, where a training looks for them."""

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.special import expit

from support import trees
from venule.data.catalog import open_dataset
from venule.data.maps import find_maps
from venule.data.protocols import select
from venule.data.sample import load_sample
from venule.image.arrays import FloatMap
from venule.image.io import read_probability
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord, Postprocessing

ROOT = Path(__file__).parents[1]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "results"))
    return importlib.import_module("soften")


def constant(logit: float, **after: float) -> Segmenter:
    """A network that sees the same logit everywhere."""

    def run(pixels: FloatMap) -> FloatMap:
        return np.full_like(pixels[:, :1], logit)

    record = ModelRecord(name="fake", model="none", postprocessing=Postprocessing(**after))
    return Segmenter(record, run)


def test_the_maps_are_the_mean_and_a_training_finds_them(
    script: ModuleType, tmp_path: Path
) -> None:
    data = open_dataset(f"drive={trees.make_drive(tmp_path)}")
    selection = select(data, "official", "val")
    teachers = [constant(1.0), constant(-2.0, scale=0.5)]
    written = list(script.soften(teachers, selection, tmp_path / "maps"))
    found = find_maps(tmp_path / "maps", selection)
    assert sorted(found.values()) == sorted(written)
    for record in selection.cases:
        probability = read_probability(found[record.id])
        inside = load_sample(record).fov
        mean = (expit(1.0) + expit(-1.0)) / 2
        np.testing.assert_allclose(probability[inside], mean, atol=1e-4)
        assert not probability[~inside].any()


def test_a_teacher_keeps_its_calibration_and_neither_joins_nor_drops(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = constant(0.0, scale=0.7, offset=-0.2, reconnection_budget=8.0, min_component=1e-3)
    asked = []

    def run(pixels: FloatMap) -> FloatMap:
        asked.append(pixels)
        return network.run(pixels)

    monkeypatch.setattr(script, "load", lambda model, which: replace(network, run=run))
    taught = script.teacher("runs/one")
    assert taught.record.postprocessing == Postprocessing(scale=0.7, offset=-0.2)
    taught.run(np.zeros((1, 3, 32, 48), np.float32))
    assert len(asked) == 8
