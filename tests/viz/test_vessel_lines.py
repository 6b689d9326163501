"""Lines and marks over a photograph."""

import math

import numpy as np

from venule.viz.vessel_lines import ColorBar, Line, Mark, colors_of, draw_lines


def test_a_line_is_drawn_where_its_points_are() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    points = np.array(((30.0, 10.0), (30.0, 70.0)))
    drawn = draw_lines(image, [Line(points, (0, 255, 0), 3)])
    assert tuple(drawn[30, 40]) == (0, 255, 0)
    assert not drawn[10].any()


def test_the_photograph_is_darkened_and_large_ones_are_shrunk() -> None:
    image = np.full((100, 3200, 3), 200, np.uint8)
    drawn = draw_lines(image, [])
    assert drawn.shape == (50, 1600, 3)
    assert set(np.unique(drawn)) == {90}


def test_a_ring_has_the_radius_of_the_photographs_pixels() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    drawn = draw_lines(image, [], [Mark(100, 100, 50, (255, 0, 0), "ring")])
    red = np.argwhere(drawn[..., 0] > 0)
    away = np.hypot(*(red - 100).T)
    assert abs(away - 50).max() < 3


def test_colours_run_from_dark_to_bright_and_unknown_values_are_grey() -> None:
    low, middle, high, unknown = colors_of([0, 5, 10, math.nan], 0, 10)
    assert sum(low) < sum(middle) < sum(high)
    assert unknown == (128, 128, 128)


def test_a_bar_and_a_legend_leave_the_size_as_it_is() -> None:
    image = np.zeros((300, 400, 3), np.uint8)
    drawn = draw_lines(image, [], bar=ColorBar("x", 0, 1), legend=[("a", (1, 2, 3))])
    assert drawn.shape == image.shape
    assert drawn.any()
