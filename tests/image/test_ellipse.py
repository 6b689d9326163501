"""The outline of a field of view against circles and ellipses that were drawn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from venule.image.ellipse import Ellipse, around, edge_points, fit_ellipse
from venule.image.fov import fit_outline

Mask = NDArray[np.bool_]


def disk(shape: tuple[int, int], row: float, column: float, radius: float) -> Mask:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def oval(shape: tuple[int, int], row: float, column: float, *, tall: float, wide: float) -> Mask:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(((rows - row) / tall) ** 2 + ((columns - column) / wide) ** 2 <= 1)


# The circle


@settings(max_examples=60, deadline=None)
@given(
    row=st.floats(140, 160),
    column=st.floats(190, 210),
    radius=st.floats(40, 130),
)
def test_a_whole_circle_is_measured_to_a_fraction_of_a_pixel(
    row: float, column: float, radius: float
) -> None:
    circle = fit_outline(disk((300, 400), row, column, radius))
    assert circle.fitted
    assert circle.row == pytest.approx(row, abs=0.15)
    assert circle.column == pytest.approx(column, abs=0.15)
    assert circle.diameter_px == pytest.approx(2 * radius, abs=0.3)


@settings(max_examples=60, deadline=None)
@given(
    row=st.floats(120, 180),
    column=st.floats(300, 340),
    radius=st.floats(200, 280),
)
def test_a_circle_clipped_top_and_bottom_is_measured_by_its_sides(
    row: float, column: float, radius: float
) -> None:
    circle = fit_outline(disk((300, 640), row, column, radius))
    assert circle.fitted
    assert circle.row == pytest.approx(row, abs=0.7)
    assert circle.column == pytest.approx(column, abs=0.5)
    assert circle.diameter_px == pytest.approx(2 * radius, abs=1)


def test_a_circle_cut_by_black_bars_is_measured_by_its_arc() -> None:
    mask = disk((500, 500), 250, 250, 220)
    mask[:90] = mask[-90:] = False
    circle = fit_outline(mask)
    assert circle.fitted
    assert circle.diameter_px == pytest.approx(440, abs=1)


def test_a_notch_does_not_move_the_circle() -> None:
    mask = disk((500, 500), 250, 250, 220)
    mask[225:260, 460:490] = True
    circle = fit_outline(mask)
    assert circle.diameter_px == pytest.approx(440, abs=0.5)
    assert circle.column == pytest.approx(250, abs=0.3)


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((300, 400), bool),
        np.zeros((300, 400), bool),
        np.pad(np.ones((200, 300), bool), 50),
        np.pad(np.ones((240, 400), bool), ((30, 30), (0, 0))),
    ],
    ids=["whole frame", "nothing", "rectangle", "bars"],
)
def test_without_an_arc_the_diagonal_is_given_and_flagged(mask: Mask) -> None:
    circle = fit_outline(mask)
    assert not circle.fitted
    assert circle.diameter_px == pytest.approx(math.hypot(300, 400))
    assert (circle.row, circle.column) == (149.5, 199.5)


# Ellipses


@settings(max_examples=40, deadline=None)
@given(
    row=st.floats(145, 155),
    column=st.floats(195, 205),
    tall=st.floats(80, 130),
    ratio=st.sampled_from([0.75, 0.9, 1.1, 4 / 3]),
)
def test_an_ellipse_is_measured_to_a_fraction_of_a_pixel(
    row: float, column: float, tall: float, ratio: float
) -> None:
    outline = fit_outline(oval((300, 400), row, column, tall=tall, wide=tall * ratio))
    assert outline.fitted
    assert outline.height_px == pytest.approx(2 * tall, abs=0.5)
    assert outline.width_px == pytest.approx(2 * tall * ratio, abs=0.5)
    assert outline.diameter_px == pytest.approx(tall + tall * ratio, abs=0.5)
    assert (outline.row, outline.column) == pytest.approx((row, column), abs=0.3)


@pytest.mark.parametrize("radius", [30, 61.5, 118])
def test_a_circle_stays_a_circle(radius: float) -> None:
    assert fit_outline(disk((300, 400), 150.3, 201.1, radius)).stretch == 1


def test_a_third_of_outliers_does_not_move_the_circle() -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = 150 + 100 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    points[60:126] += np.random.default_rng(0).uniform(-60, 60, (66, 2))
    found = fit_ellipse(points)
    assert found is not None
    assert found.diameter_px == pytest.approx(200, abs=0.5)
    assert (found.row, found.column) == pytest.approx((150, 150), abs=0.3)


def test_points_of_no_ellipse_have_none() -> None:
    rng = np.random.default_rng(0)
    assert fit_ellipse(rng.uniform(0, 100, (300, 2))) is None
    assert fit_ellipse(np.zeros((3, 2))) is None


def test_a_filled_ellipse_holds_the_pixels_whose_centres_are_inside() -> None:
    ellipse = Ellipse(40.2, 55.7, 60.0, 84.0)
    np.testing.assert_array_equal(
        ellipse.fill((90, 100)), oval((90, 100), 40.2, 55.7, tall=30, wide=42)
    )
    assert not Ellipse(-50, -50, 20, 20).fill((30, 30)).any()


def test_an_ellipse_scales_with_the_photograph() -> None:
    """Pixel centres lie at integers, so twice the size moves the first pixel's centre to 0.5."""
    large = Ellipse(9.5, 19.5, 12, 16).scaled(2)
    assert large == Ellipse(19.5, 39.5, 24, 32)
    assert large.stretch == pytest.approx(4 / 3)
    assert large.grown(0.5).diameter_px == 14


def test_points_outside_have_positive_residuals() -> None:
    residuals = Ellipse(0, 0, 20, 20).residuals(np.array([[0.0, 13.0], [6.0, 0.0], [0.0, 10.0]]))
    np.testing.assert_allclose(residuals, [3, -4, 0], atol=1e-9)


def test_straight_cuts_and_the_frame_are_no_edge_points() -> None:
    assert not len(edge_points(np.pad(np.ones((100, 140), bool), 20)))
    assert not len(edge_points(np.ones((50, 50), bool)))
    assert around((30, 40)).diameter_px == 50
