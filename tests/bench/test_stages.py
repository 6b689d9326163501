import time
from pathlib import Path

import pytest

from venule.bench.photograph import write_photograph
from venule.bench.stages import OTHERS, STAGES, file_to_mask
from venule.image.arrays import FloatMap
from venule.image.io import read_mask
from venule.image.photograph import read_photograph
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord

NAP_S = 0.1


def slow(pixels: FloatMap) -> FloatMap:
    time.sleep(NAP_S)
    return -5 * pixels[:, 1:2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_photograph(tmp_path / "a.jpg", (80, 96))
    return tmp_path / "a.jpg"


def test_the_stages_fill_the_total_and_the_network_has_its_own_time(source: Path) -> None:
    segmenter = Segmenter(ModelRecord(name="slow", model="none"), slow)
    stages = file_to_mask(source, source.with_suffix(".png"), segmenter)
    assert set(stages) == {*STAGES, "total"}
    assert sum(stages[stage] for stage in STAGES) == pytest.approx(stages["total"], abs=1e-6)
    assert stages["network"] >= NAP_S
    assert all(seconds >= 0 for seconds in stages.values())


def test_what_is_written_is_the_mask_that_segment_finds(source: Path) -> None:
    segmenter = Segmenter(ModelRecord(name="slow", model="none"), slow)
    target = source.with_suffix(".png")
    file_to_mask(source, target, segmenter)
    expected = segmenter.segment(read_photograph(source).pixels).vessels
    assert expected.any()
    assert (read_mask(target) == expected).all()


def test_other_results_are_timed_beside_the_total(source: Path) -> None:
    segmenter = Segmenter(ModelRecord(name="slow", model="none"), slow)
    stages = file_to_mask(source, source.with_suffix(".png"), segmenter, others=True)
    assert set(stages) == {*STAGES, *OTHERS, "total"}
    assert sum(stages[stage] for stage in STAGES) == pytest.approx(stages["total"], abs=1e-6)
