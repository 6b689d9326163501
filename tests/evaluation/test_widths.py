import numpy as np
import pytest

from venule.evaluation.widths import WidthScorer, fov_scale
from venule.image.arrays import Mask
from venule.metrics.width import THIN_PX, recall_up_to
from venule.vessels.width import vessel_widths


def disc(diameter_px: float, side_px: int) -> Mask:
    rows, columns = np.mgrid[:side_px, :side_px] - (side_px - 1) / 2
    return np.asarray(np.hypot(rows, columns) < diameter_px / 2)


def test_the_scale_is_that_of_the_field_of_view_to_540_px() -> None:
    assert fov_scale(disc(1080, 1100)) == pytest.approx(2, abs=0.005)
    assert fov_scale(disc(270, 300)) == pytest.approx(0.5, abs=0.005)


def test_a_field_of_view_of_nearly_540_px_is_taken_as_540() -> None:
    assert fov_scale(disc(536, 560)) == 1.0


def test_a_vessel_of_a_large_photograph_is_thin_at_the_common_scale() -> None:
    fov = disc(1080, 1100)
    truth = np.zeros_like(fov)
    truth[550:553] = True  # 3 px: width 4, which is 2 of a field of view of 540 px
    truth &= fov
    scorer = WidthScorer()
    scorer.add(truth, vessel_widths(truth), fov)
    pixels = {(row.scale, row.up_to_px): row.pixels for row in scorer.result()}
    total = int(truth.sum())
    assert pixels["native", 4.5] == pytest.approx(total, abs=10)
    assert pixels["fov", 2.0] + pixels["fov", 3.0] == pytest.approx(total, abs=10)


def test_means_are_over_images_and_pooled_recall_over_pixels() -> None:
    fov = np.ones((60, 100), bool)
    short, long = np.zeros_like(fov), np.zeros_like(fov)
    short[30, :20] = True
    long[30, :80] = True
    scorer = WidthScorer()
    scorer.add(short, vessel_widths(short), fov)
    scorer.add(~long, vessel_widths(long), fov)
    first = scorer.result()[0]
    assert (first.scale, first.above_px, first.up_to_px) == ("native", 0.0, 2.0)
    assert (first.mean.mean, first.mean.images) == (0.5, 2)
    assert first.pooled == pytest.approx(20 / 100)
    assert scorer.result()[4].up_to_px is None
    assert scorer.result()[4].mean.images == 0


def test_the_classes_up_to_the_thin_limit_make_thin_recall() -> None:
    rng = np.random.default_rng(1)
    fov = np.ones((90, 90), bool)
    truth = np.eye(90, dtype=bool)
    truth[60:65, 10:80] = True
    predicted = rng.random(truth.shape) < 0.6
    scorer = WidthScorer()
    scorer.add(predicted, vessel_widths(truth), fov)
    rows = [row for row in scorer.result() if row.scale == "native" and row.up_to_px is not None]
    thin = [row for row in rows if row.up_to_px is not None and row.up_to_px <= THIN_PX]
    found = sum(row.pooled * row.pixels for row in thin if row.pixels)
    share = found / sum(row.pixels for row in thin)
    assert share == pytest.approx(recall_up_to(predicted, vessel_widths(truth), THIN_PX))


def test_without_an_image_there_is_nothing() -> None:
    assert WidthScorer().result() == ()
