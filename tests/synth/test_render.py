"""Drawn lines cover the area that geometry says."""

import numpy as np
import pytest

from venule.synth.anatomy import Vessel
from venule.synth.frame import square
from venule.synth.render import draw_layers


def straight(radius: float, *, angle: float = 0.0, offset: float = 0.0) -> Vessel:
    along = np.linspace(-0.5, 0.5, 60)[:, None] * [np.sin(angle), np.cos(angle)]
    points = along + offset * np.array([np.cos(angle), -np.sin(angle)])
    return Vessel("vein", points, np.full(60, radius))


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, np.pi / 2])
@pytest.mark.parametrize("radius", [0.01, 0.02, 0.05])
def test_a_straight_vessel_covers_its_length_times_its_width(radius: float, angle: float) -> None:
    layers = draw_layers((straight(radius, angle=angle),), square(200, share=1.0))
    # In pixels: 100 long with half a disk at either end.
    radius_px = 100 * radius
    area = 100 * 2 * radius_px + np.pi * radius_px**2
    assert layers.coverage.sum() == pytest.approx(area, abs=0.15 * 100)


def test_a_vessel_lies_centred_on_its_line() -> None:
    coverage = draw_layers((straight(0.03),), square(201, share=200 / 201)).coverage
    profile = coverage[:, 100]
    assert (np.arange(201) * profile).sum() / profile.sum() == pytest.approx(100, abs=0.1)
    assert profile.sum() == pytest.approx(6, abs=0.4)


def test_pixels_that_are_half_covered_are_vessel() -> None:
    layers = draw_layers((straight(0.02),), square(200, share=1.0))
    np.testing.assert_array_equal(layers.vessels, layers.coverage >= 0.5)
    assert layers.vessels[:, 100].sum() == 4


def test_arteries_and_veins_lie_in_their_own_layers() -> None:
    vein = straight(0.02, offset=-0.2)
    artery = Vessel("artery", straight(0.02, offset=0.2).points, vein.radii)
    layers = draw_layers((vein, artery), square(200, share=1.0))
    assert layers.depth["vein"][:100].any()
    assert not layers.depth["vein"][100:].any()
    assert layers.depth["artery"][100:].any()
    assert not layers.depth["artery"][:100].any()


def test_no_vessels_give_empty_layers() -> None:
    layers = draw_layers((), square(50, share=1.0))
    assert layers.coverage.shape == (50, 50)
    assert not layers.vessels.any()


def test_a_vessel_of_known_width_has_exactly_its_pixels() -> None:
    """6 px wide on the line between two rows of pixels: three whole rows on either side."""
    layers = draw_layers((straight(0.03),), square(200, share=1.0))
    np.testing.assert_array_equal(np.flatnonzero(layers.vessels[:, 100]), range(97, 103))


@pytest.mark.parametrize("width_px", [1.0, 1.5, 2.5, 7.3])
@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_widths_between_whole_pixels_are_covered_in_part(width_px: float, angle: float) -> None:
    frame = square(300, share=1.0)
    layers = draw_layers((straight(width_px / 2 / 150, angle=angle),), frame)
    length_px = 150.0
    assert layers.coverage.sum() / length_px == pytest.approx(width_px, abs=0.25)


def test_wide_vessels_hold_more_blood_than_thin_ones() -> None:
    layers = draw_layers(
        (straight(0.01, offset=-0.3), straight(0.05, offset=0.3)), square(200, share=1.0)
    )
    depth = layers.depth["vein"]
    assert depth[100:].max() > 1.5 * depth[:100].max()
