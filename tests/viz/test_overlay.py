import numpy as np
import pytest

from venule.errors import ImageError, UsageError
from venule.viz.overlay import (
    FALSE,
    FOUND,
    MISSED,
    errors,
    overlay,
    overlay_strips,
    probability_image,
)

IMAGE = np.full((9, 9, 3), (180, 90, 40), np.uint8)


def test_only_vessel_pixels_are_coloured() -> None:
    vessels = np.zeros((9, 9), bool)
    vessels[2:7, 2:7] = True
    drawn = overlay(IMAGE, vessels)
    changed = (drawn != IMAGE).any(axis=2)
    assert changed.tolist() == vessels.tolist()
    assert (IMAGE == (180, 90, 40)).all()


def test_the_outline_is_stronger_than_the_inside() -> None:
    vessels = np.zeros((9, 9), bool)
    vessels[2:7, 2:7] = True
    drawn = overlay(IMAGE, vessels, color=(0, 255, 255)).astype(int)
    assert drawn[2, 4, 0] < drawn[4, 4, 0] < 180


@pytest.mark.parametrize("at_once", [1, 18, 30, 10_000])
def test_strips_of_an_overlay_have_no_seam(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    vessels = np.zeros((9, 9), bool)
    vessels[0:8, 2:7] = True
    monkeypatch.setattr("venule.viz.overlay.AT_ONCE", at_once)
    strips = list(overlay_strips(IMAGE, vessels))
    assert len(strips) == -(-9 // max(1, at_once // 9))
    np.testing.assert_array_equal(np.concatenate(strips), overlay(IMAGE, vessels))


def test_errors_have_one_colour_for_each_outcome() -> None:
    predicted = np.array([[True, True, False, False, True]])
    truth = np.array([[True, False, True, False, True]])
    fov = np.array([[True, True, True, True, False]])
    drawn = errors(predicted, truth, fov)
    assert drawn.tolist() == [[list(FOUND), list(FALSE), list(MISSED), [0, 0, 0], [0, 0, 0]]]


def test_errors_can_lie_on_the_darkened_photograph() -> None:
    nothing, fov = np.zeros((9, 9), bool), np.ones((9, 9), bool)
    assert (errors(nothing, nothing, fov, image=IMAGE) == 30).all()


def test_the_colours_differ_in_lightness_for_the_colour_blind() -> None:
    luma = [np.dot(color, (0.299, 0.587, 0.114)) for color in (FOUND, FALSE, MISSED)]
    assert min(abs(a - b) for i, a in enumerate(luma) for b in luma[:i]) > 30


def test_probabilities_are_grey_levels() -> None:
    drawn = probability_image(np.array([[0.0, 0.5, 1.0]]))
    assert drawn[0, :, 0].tolist() == [0, 128, 255]
    assert drawn.shape == (1, 3, 3)


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(ImageError, match="vessels"):
        overlay(IMAGE, np.zeros((4, 4), bool))
    with pytest.raises(ImageError, match="vessels"):
        next(overlay_strips(IMAGE, np.zeros((4, 4), bool)))
    with pytest.raises(ImageError, match="truth"):
        errors(np.zeros((9, 9), bool), np.zeros((4, 4), bool), np.ones((9, 9), bool))


def test_outline_and_inside_have_their_opacities() -> None:
    image = np.full((7, 7, 3), (180, 90, 40), np.uint8)
    vessels = np.zeros((7, 7), bool)
    vessels[1:6, 1:6] = True
    drawn = overlay(image, vessels, color=(0, 255, 0), opacity=0.5)
    assert drawn[1, 3].tolist() == [36, 222, 8]  # 0.2 of the photograph, 0.8 of the colour
    assert drawn[3, 3].tolist() == [90, 172, 20]
    assert drawn[0, 0].tolist() == [180, 90, 40]


@pytest.mark.parametrize("opacity", [-0.1, 2.0, float("nan")])
def test_an_opacity_outside_0_and_1_is_refused(opacity: float) -> None:
    with pytest.raises(UsageError, match="opacity"):
        overlay(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool), opacity=opacity)


def test_strips_of_what_is_no_photograph_are_refused_at_once() -> None:
    with pytest.raises(ImageError):
        overlay_strips(np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool))
    with pytest.raises(ImageError, match="field of view"):
        errors(*[np.zeros(4, bool)] * 3)
