import math

import numpy as np
import pytest
from numpy.typing import NDArray

from venule.metrics.width import (
    EDGES_PX,
    THIN_PX,
    count_by_width,
    recall_up_to,
)
from venule.vessels.width import vessel_widths

Mask = NDArray[np.bool_]


def bars(*widths_px: int) -> Mask:
    """Horizontal bars from one side of the frame to the other, 20 px of background between."""
    mask = np.zeros((20 + sum(width + 20 for width in widths_px), 200), bool)
    top = 20
    for width in widths_px:
        mask[top : top + width] = True
        top += width + 20
    return mask


# The distance from a pixel's centre to the nearest background centre: 1 at a bar's edge.
@pytest.mark.parametrize(
    ("bar_px", "width_px"), [(1, 2.0), (2, 2.0), (3, 4.0), (4, 4.0), (5, 6.0), (9, 10.0)]
)
def test_every_pixel_of_a_bar_has_the_bars_width(bar_px: int, width_px: float) -> None:
    mask = bars(bar_px)
    widths = vessel_widths(mask)
    middle = widths[:, 50:150]  # the skeleton of a wide bar forks at its ends
    assert (middle[mask[:, 50:150]] == width_px).all()
    assert (widths[~mask] == 0).all()


def test_a_diagonal_line_has_the_width_of_its_diagonal_neighbours() -> None:
    line = np.eye(60, dtype=bool) | np.eye(60, k=1, dtype=bool) | np.eye(60, k=-1, dtype=bool)
    middle = vessel_widths(line)[20:40, 20:40]
    # From (i, i) the nearest background centre is (i - 1, i + 1).
    assert middle[middle > 0] == pytest.approx(2 * math.sqrt(2))


def test_recall_counts_each_class_of_width_by_itself() -> None:
    truth = bars(1, 3, 5, 11)  # widths 2, 4, 6 and 12: classes 1, 3, 4 and 5
    predicted = truth.copy()
    predicted[:22, 100:] = False  # half of the bar of one pixel
    predicted[40:50, 50:] = False  # three quarters of the bar of three
    counts = count_by_width(predicted, vessel_widths(truth))
    # Where a skeleton reaches a bar's corner a few pixels count as thinner than the bar.
    assert counts.recall[0] == pytest.approx(0.5, abs=0.02)
    assert math.isnan(counts.recall[1])
    assert counts.recall[2] == pytest.approx(0.25, abs=0.02)
    assert counts.recall[3:] == (1.0, 1.0)
    assert sum(counts.total) == truth.sum()


def test_counts_of_two_images_add_up() -> None:
    truth = bars(1)
    widths = vessel_widths(truth)
    both = count_by_width(truth, widths) + count_by_width(np.zeros_like(truth), widths)
    assert both.recall[0] == 0.5
    assert both.total[0] == 400


def test_a_width_on_the_edge_of_a_class_belongs_to_the_lower_one() -> None:
    widths = vessel_widths(bars(1))
    assert count_by_width(widths > 0, widths, (2.0,)).total == (200, 0)
    assert count_by_width(widths > 0, widths, (1.99,)).total == (0, 200)


def test_thin_recall_is_the_recall_of_the_first_two_classes() -> None:
    rng = np.random.default_rng(0)
    truth = bars(1, 2, 3, 5) | np.eye(111, 200, dtype=bool)
    predicted = truth & (rng.random(truth.shape) < 0.7)
    counts = count_by_width(predicted, vessel_widths(truth))
    assert EDGES_PX[1] == THIN_PX == 3.0
    thin = recall_up_to(predicted, vessel_widths(truth), THIN_PX)
    assert thin == sum(counts.found[:2]) / sum(counts.total[:2])


def test_only_thin_vessels_count_for_thin_recall() -> None:
    truth = np.zeros((40, 80), bool)
    truth[5, 10:70] = True  # 1 px wide: radius 1
    truth[20:31, 10:70] = True  # 11 px wide
    predicted = np.zeros_like(truth)
    predicted[5, 10:40] = True  # half of the thin one, nothing of the wide one
    widths = vessel_widths(truth)
    # The corners of the wide vessel may hold thin ends of its skeleton: a few pixels of 60.
    assert recall_up_to(predicted, widths, THIN_PX) == pytest.approx(0.5, abs=0.06)
    predicted[20:31, 10:70] = True
    assert recall_up_to(predicted, widths, THIN_PX) == pytest.approx(0.5, abs=0.06)


def test_a_three_pixel_vessel_is_thin_only_if_that_is_allowed() -> None:
    truth = np.zeros((40, 80), bool)
    truth[10:13] = True
    without_middle = truth.copy()
    without_middle[:, 20:60] = False
    widths = vessel_widths(truth)
    assert recall_up_to(without_middle, widths, THIN_PX) == 1.0  # not thin: not missed
    assert recall_up_to(without_middle, widths, 4.0) == pytest.approx(0.5)


def test_the_edge_of_a_wide_vessel_takes_the_width_of_a_thin_neighbour_that_is_nearer() -> None:
    truth = np.zeros((60, 120), bool)
    truth[20:31, 20:100] = True  # 11 px wide: its centre line is row 25
    truth[18, 20:100] = True  # 1 px wide, 2 px above its edge
    column = vessel_widths(truth)[:, 60]
    assert list(column[[18, 20, 21]]) == [2, 2, 2]  # nearer to row 18 than to row 25
    assert (column[22:31] > 10).all()


def test_without_a_vessel_every_recall_is_nan() -> None:
    empty = np.zeros((30, 40), bool)
    counts = count_by_width(~empty, vessel_widths(empty))
    assert counts.total == (0, 0, 0, 0, 0)
    assert all(math.isnan(share) for share in counts.recall)
