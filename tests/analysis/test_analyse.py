"""An analysis is one segmentation and each step once, after those that it needs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.segmenters import green
from venule.analysis.analyse import GRADE, Analysis, Networks, Step, analyse, in_order
from venule.analysis.columns import COLUMNS
from venule.analysis.outputs import OUTPUTS
from venule.errors import ImageError
from venule.image.fov import find_fov
from venule.image.io import read_mask, read_probability
from venule.image.photograph import Photograph, read_photograph
from venule.inference.segment import Segmenter
from venule.quality.assess import Quality, assess
from venule.synth.fundus import SyntheticFundus, synthesize_fundus
from venule.viz.overlay import overlay


@pytest.fixture(scope="module")
def synthetic() -> SyntheticFundus:
    return synthesize_fundus(3, size_px=120)


@pytest.fixture
def segmenter() -> Segmenter:
    return green(1)


def step(name: str, told: list[str], *needs: Step) -> Step:
    """A step that says when it is taken."""

    def fill(analysis: Analysis, _: Networks) -> Analysis:
        told.append(name)
        return analysis

    return Step(name, fill, needs)


def test_each_step_is_taken_once_after_those_that_it_needs(
    synthetic: SyntheticFundus, segmenter: Segmenter
) -> None:
    told: list[str] = []
    disc = step("disc", told)
    graph = step("graph", told)
    zones = step("zones", told, disc)
    widths = step("widths", told, graph, zones)
    steps = (widths, disc, zones, widths)
    assert [one.name for one in in_order(steps)] == ["graph", "disc", "zones", "widths"]
    analyse(synthetic.image, segmenter, steps=steps)
    assert told == ["graph", "disc", "zones", "widths"]


def test_steps_that_need_nothing_keep_the_order_in_which_they_are_given() -> None:
    first, second = (step(name, []) for name in ("b", "a"))
    assert in_order((first, second, first)) == (first, second)
    assert in_order(()) == ()


def test_a_step_sees_what_those_before_it_found(
    synthetic: SyntheticFundus, segmenter: Segmenter
) -> None:
    seen: list[Quality | None] = []

    def look(analysis: Analysis, networks: Networks) -> Analysis:
        seen.append(analysis.quality)
        assert networks.vessels is segmenter
        return analysis

    found = analyse(synthetic.image, segmenter, steps=(Step("look", look, (GRADE,)),))
    assert seen == [found.quality]
    assert found.quality is not None


def test_an_analysis_has_the_vessels_that_the_segmenter_finds(
    synthetic: SyntheticFundus, segmenter: Segmenter, tmp_path: Path
) -> None:
    path = tmp_path / "eye.png"
    Image.fromarray(synthetic.image).save(path)
    alone = segmenter.segment(synthetic.image)
    assert 0.01 < alone.vessels.mean() < 0.9
    for source in (path, path.read_bytes(), synthetic.image, Photograph(synthetic.image)):
        for networks in (segmenter, Networks(segmenter)):
            found = analyse(source, networks).prediction
            np.testing.assert_array_equal(found.vessel_map.levels, alone.vessel_map.levels)
            np.testing.assert_array_equal(found.vessels, alone.vessels)
            np.testing.assert_array_equal(found.fov.mask, alone.fov.mask)


def test_a_given_field_of_view_is_used(synthetic: SyntheticFundus, segmenter: Segmenter) -> None:
    given = np.zeros(synthetic.fov.shape, bool)
    given[30:90, 30:90] = True
    prediction = analyse(synthetic.image, segmenter, fov=given).prediction
    np.testing.assert_array_equal(prediction.fov.mask, given)
    assert not prediction.probability[~given].any()
    fov = find_fov(synthetic.image)
    assert analyse(synthetic.image, segmenter, fov=fov).prediction.fov is fov


def test_the_grade_is_that_of_the_vessels_found(
    synthetic: SyntheticFundus, segmenter: Segmenter
) -> None:
    found = analyse(synthetic.image, segmenter)
    one = found.prediction.vessel_map
    fov = found.prediction.fov
    assert found.quality == assess(synthetic.image, fov, one.levels, threshold=one.threshold)
    assert analyse(synthetic.image, segmenter, steps=()).quality is None


def test_a_photograph_keeps_what_reading_told(
    synthetic: SyntheticFundus, segmenter: Segmenter
) -> None:
    photograph = Photograph(synthetic.image, um_per_px=8.5, laterality="left")
    assert analyse(photograph, segmenter).photograph is photograph


def test_what_is_no_photograph_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(ImageError, match="no such file"):
        analyse("nothing.jpg", green(1))


# What is written of an analysis


def test_an_output_is_a_file_of_what_was_found(
    synthetic: SyntheticFundus, segmenter: Segmenter, tmp_path: Path
) -> None:
    found = analyse(synthetic.image, segmenter)
    written = {}
    for name in ("prob", "mask", "overlay"):
        output = OUTPUTS[name]
        assert output.needs == ()
        written[name] = tmp_path / f"eye{output.suffix}"
        written[name].write_bytes(output.encode(found))
    assert len({path.name for path in written.values()}) == 3
    vessels = found.prediction.vessels
    np.testing.assert_array_equal(read_mask(written["mask"]), vessels)
    probability = read_probability(written["prob"])
    np.testing.assert_array_equal(probability, found.prediction.probability)
    np.testing.assert_array_equal(probability >= segmenter.record.threshold, vessels)
    drawn = read_photograph(written["overlay"]).pixels
    np.testing.assert_array_equal(drawn, overlay(synthetic.image, vessels))


def test_columns_have_a_cell_for_every_name_that_they_know(
    synthetic: SyntheticFundus, segmenter: Segmenter
) -> None:
    found = analyse(synthetic.image, segmenter)
    assert tuple(COLUMNS["quality"].row(found)) == COLUMNS["quality"].names
    assert tuple(COLUMNS["file"].row(found)) == COLUMNS["file"].names
    quality = found.quality
    assert quality is not None
    cells = COLUMNS["quality"].row(found)
    assert cells["quality"] == quality.grade
    assert cells["quality_reasons"] == "; ".join(quality.reasons)
    assert cells["uncertainty"] == f"{quality.uncertainty:.4f}"
    assert COLUMNS["quality"].row(replace(found, quality=None)) == {}


def test_no_two_groups_of_columns_share_a_name(
    synthetic: SyntheticFundus, segmenter: Segmenter
) -> None:
    names = [name for columns in COLUMNS.values() for name in columns.names]
    assert len(set(names)) == len(names)
    found = analyse(Photograph(synthetic.image, laterality="left"), segmenter)
    measured = COLUMNS["measure"].row(found)
    # A table of measurements is read alone, so it says the eye once more: the same one.
    assert set(measured) & set(names) == {"laterality"}
    assert measured["laterality"] == COLUMNS["file"].row(found)["laterality"] == "left"
