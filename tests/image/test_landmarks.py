"""Disc, fovea and eye from probability maps of known shapes."""

import math
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from venule.image.arrays import FloatMap, Mask
from venule.image.landmarks import find_landmarks, with_disc
from venule.image.optic_disc import Disc, ellipse_of

Pixel = TypeVar("Pixel", np.float32, np.bool_)

SHAPE = (200, 300)
FOV = np.ones(SHAPE, bool)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]


def blob(x: float, y: float, radius: float, peak: float = 1.0) -> FloatMap:
    """A Gaussian around (x, y)."""
    away = np.hypot(COLUMNS - x, ROWS - y)
    found: FloatMap = (peak * np.exp(-0.5 * (away / radius) ** 2)).astype(np.float32)
    return found


def ellipse(x: float, y: float, major: float, minor: float, degrees: float) -> FloatMap:
    turn = math.radians(degrees)
    along = (COLUMNS - x) * math.cos(turn) + (ROWS - y) * math.sin(turn)
    across = (ROWS - y) * math.cos(turn) - (COLUMNS - x) * math.sin(turn)
    inside: FloatMap = ((along / major) ** 2 + (across / minor) ** 2 <= 1).astype(np.float32)
    return inside


def test_a_disc_is_the_ellipse_that_was_drawn() -> None:
    drawn = ellipse(80.3, 90.6, 24, 18, 30)
    found = find_landmarks(np.float32(0.9) * drawn, blob(180, 100, 5), FOV).disc
    assert found is not None
    assert (found.x, found.y) == pytest.approx((80.3, 90.6), abs=0.1)
    assert (found.major_px, found.minor_px) == pytest.approx((24, 18), rel=0.02)
    assert math.degrees(found.angle) % 180 == pytest.approx(30, abs=1.5)
    assert found.radius_px == pytest.approx(math.sqrt(24 * 18), rel=0.02)
    assert found.confidence == pytest.approx(0.9, abs=0.01)
    mask = found.mask(SHAPE)
    assert 2 * (mask & (drawn > 0)).sum() / (mask.sum() + drawn.sum()) > 0.98


@pytest.mark.parametrize("seen", [0.9, 0.75, 0.55])
def test_a_disc_that_the_field_cuts_off_keeps_its_centre_and_radius(seen: float) -> None:
    drawn = ellipse(80, 100, 24, 24, 0)
    edge = float(np.quantile(COLUMNS[drawn > 0], 1 - seen))
    field = edge <= COLUMNS
    found = find_landmarks(np.float32(0.9) * drawn, blob(190, 104, 6), field)
    assert found.disc is not None
    assert (found.disc.x, found.disc.y) == pytest.approx((80, 100), abs=0.7)
    assert found.disc.radius_px == pytest.approx(24, abs=0.7)
    assert found.disc.confidence == pytest.approx(0.9 * seen, abs=0.04)
    assert "the field of view cuts the optic disc off" in found.reasons[0]
    assert found.fovea is not None
    assert (found.fovea.x, found.fovea.y) == pytest.approx((190, 104), abs=0.5)


def test_a_drawn_disc_that_the_frame_cuts_off_is_read_as_it_was_drawn() -> None:
    drawn = Disc(6, 100, 45, 45, 0.0, 1.0)
    found = ellipse_of(drawn.mask(SHAPE))
    assert found is not None
    assert (found.x, found.y, found.radius_px) == pytest.approx((6, 100, 45), abs=0.5)


def test_a_drawn_line_is_no_disc() -> None:
    drawn = np.zeros(SHAPE, bool)
    drawn[50, 20:220] = True
    assert ellipse_of(drawn) is None
    assert ellipse_of(np.zeros(SHAPE, bool)) is None


def test_the_fovea_is_sought_where_one_can_be() -> None:
    disc = ellipse(80, 100, 20, 20, 0)
    found = find_landmarks(disc, np.maximum(blob(180, 104, 6, 0.6), blob(95, 100, 6)), FOV)
    assert found.fovea is not None
    assert (found.fovea.x, found.fovea.y) == pytest.approx((180, 104), abs=0.2)
    assert found.fovea.confidence == pytest.approx(0.6, abs=0.01)


def test_a_fovea_that_is_not_seen_lies_where_foveas_lie_in_the_inner_half() -> None:
    disc = ellipse(80, 100, 20, 20, 0)
    found = find_landmarks(disc, np.zeros(SHAPE, np.float32), FOV)
    assert found.fovea is not None
    assert (found.fovea.x, found.fovea.y) == pytest.approx((180, 100), abs=4)  # 2.5 diameters off
    assert found.fovea.confidence == 0
    assert "no fovea seen" in found.reasons[0]
    assert found.laterality is None


def test_beside_a_disc_in_the_middle_no_fovea_is_guessed() -> None:
    found = find_landmarks(ellipse(145, 100, 14, 14, 0), np.zeros(SHAPE, np.float32), FOV)
    assert found.fovea is None


def test_a_frame_that_ends_nearer_on_one_side_is_no_reason_for_the_other() -> None:
    disc = ellipse(170, 100, 24, 24, 0)  # the frame cuts the place of a fovea to its right
    found = find_landmarks(disc, np.zeros(SHAPE, np.float32), FOV)
    assert found.fovea is None


@pytest.mark.parametrize("radius_px", [4, 60])
def test_a_spot_or_a_plain_is_no_disc(radius_px: int) -> None:
    drawn = ellipse(150, 100, radius_px, radius_px, 0)
    found = find_landmarks(drawn, np.zeros(SHAPE, np.float32), FOV)
    assert found.disc is None
    assert "too small or too large" in found.reasons[0]


def test_a_faint_fovea_tells_its_side() -> None:
    disc = ellipse(140, 100, 20, 20, 0)  # the middle of the field is right of it
    found = find_landmarks(disc, blob(42, 103, 8, 0.3), FOV)
    assert found.fovea is not None
    assert (found.fovea.x, found.fovea.y) == pytest.approx((42, 103), abs=5)
    assert found.fovea.confidence == pytest.approx(0.3, abs=0.01)


def test_where_the_fovea_would_be_outside_the_field_of_view_there_is_none() -> None:
    round_field = np.hypot(COLUMNS - 150, ROWS - 100) < 80
    found = find_landmarks(ellipse(150, 100, 20, 20, 0), np.zeros(SHAPE, np.float32), round_field)
    assert found.fovea is None
    assert found.reasons == ("no fovea found",)


def test_a_large_photograph_has_its_landmarks_where_a_small_one_has_them() -> None:
    disc, fovea = ellipse(80, 100, 20, 20, 0), blob(180, 104, 6, 0.9)

    def enlarged(plane: NDArray[Pixel]) -> NDArray[Pixel]:
        return plane.repeat(8, 0).repeat(8, 1)

    large = find_landmarks(enlarged(disc), enlarged(fovea), enlarged(FOV))
    assert large.fovea is not None
    assert (large.fovea.x, large.fovea.y) == pytest.approx((1443.5, 835.5), abs=8)


@pytest.mark.parametrize(("fovea_x", "eye"), [(40, "right"), (260, "left")])
def test_the_disc_is_on_the_nasal_side(fovea_x: int, eye: str) -> None:
    found = find_landmarks(ellipse(150, 100, 20, 20, 0), blob(fovea_x, 100, 6), FOV)
    assert found.laterality == eye
    assert found.laterality_confidence == pytest.approx(1, abs=0.01)


def test_a_fovea_above_the_disc_says_little_of_the_eye() -> None:
    found = find_landmarks(ellipse(150, 150, 20, 20, 0), blob(155, 60, 6), FOV)
    assert found.laterality_confidence < 0.1


def test_what_the_user_states_holds() -> None:
    disc, fovea = ellipse(150, 100, 20, 20, 0), blob(40, 100, 6)
    found = find_landmarks(disc, fovea, FOV, stated="left")
    assert (found.laterality, found.laterality_confidence) == ("left", 1.0)


def test_a_stated_eye_that_disc_and_fovea_contradict_is_doubted() -> None:
    disc, fovea = ellipse(150, 100, 20, 20, 0), blob(40, 100, 6)
    doubt = (
        "stated as a left eye, but disc and fovea look like a right one: mislabelled or mirrored?"
    )
    found = find_landmarks(disc, fovea, FOV, stated="left")
    assert found.reasons == (doubt,)
    assert find_landmarks(disc, fovea, FOV, stated="right").reasons == ()
    assert with_disc(found, found.disc, stated="left").reasons == (doubt,)
    assert with_disc(found, None, stated="left").reasons == ()


@pytest.mark.parametrize(
    ("fovea_x", "fovea_y", "probability"), [(155, 60, 1.0), (50, 150, 0.6)], ids=["above", "faint"]
)
def test_a_stated_eye_is_not_doubted_without_clear_evidence(
    fovea_x: int, fovea_y: int, probability: float
) -> None:
    disc, fovea = ellipse(150, 150, 20, 20, 0), blob(fovea_x, fovea_y, 6, probability)
    unstated = find_landmarks(disc, fovea, FOV)
    assert find_landmarks(disc, fovea, FOV, stated="left").reasons == unstated.reasons
    assert find_landmarks(disc, fovea, FOV, stated="right").reasons == unstated.reasons


def test_nothing_found_is_an_answer_with_its_reasons() -> None:
    nothing = np.zeros(SHAPE, np.float32)
    found = find_landmarks(nothing, nothing, FOV)
    assert (found.disc, found.fovea, found.laterality) == (None, None, None)
    assert found.reasons == ("no optic disc found", "no fovea found")


def test_a_long_bright_streak_is_no_disc() -> None:
    found = find_landmarks(ellipse(150, 100, 60, 10, 20), np.zeros(SHAPE, np.float32), FOV)
    assert found.disc is None
    assert "not round" in found.reasons[0]


@pytest.mark.parametrize(
    "scar", [ellipse(200, 100, 80, 12, 20), ellipse(215, 100, 70, 70, 0)], ids=["long", "large"]
)
def test_what_is_no_disc_does_not_hide_the_disc(scar: FloatMap) -> None:
    found = find_landmarks(np.maximum(ellipse(60, 100, 16, 16, 0), scar), 0 * scar, FOV)
    assert found.disc is not None
    assert (found.disc.x, found.disc.y) == pytest.approx((60, 100), abs=0.2)
    assert found.disc.confidence == pytest.approx(0.5)  # another place looks like it, too


def _vessel_through(x: int) -> Mask:
    """A vessel 6 px wide from top to bottom."""
    return np.asarray(np.abs(COLUMNS - x) <= 3)


def test_vessels_come_from_the_disc_and_not_from_exudates() -> None:
    disc, exudate = ellipse(60, 100, 16, 16, 0), ellipse(200, 100, 22, 22, 0)
    maps = np.maximum(disc, exudate), np.zeros(SHAPE, np.float32), FOV
    without = find_landmarks(*maps).disc
    found = find_landmarks(*maps, vessels=_vessel_through(60)).disc
    assert without is not None
    assert found is not None
    assert without.x == pytest.approx(200, abs=0.2)
    assert (found.x, found.confidence) == pytest.approx((60, 1), abs=0.2)


def test_a_disc_that_no_vessel_leads_to_is_doubted() -> None:
    drawn, nothing = ellipse(60, 100, 16, 16, 0), np.zeros(SHAPE, np.float32)
    found = find_landmarks(drawn, nothing, FOV, vessels=_vessel_through(120))
    assert found.disc is not None
    assert (found.disc.x, found.disc.confidence) == pytest.approx((60, 0.5), abs=0.1)
    assert "no vessels are seen to lead to it" in found.reasons[0]
    sure = find_landmarks(drawn, nothing, FOV, vessels=_vessel_through(70))
    assert sure.disc is not None
    assert sure.disc.confidence == pytest.approx(1, abs=0.01)
    assert not any("optic disc" in reason for reason in sure.reasons)


def test_a_fovea_that_is_seen_holds_against_a_disc_in_doubt() -> None:
    drawn, seen = ellipse(60, 100, 16, 16, 0), blob(230, 80, 6)
    doubted = find_landmarks(drawn, seen, FOV, vessels=_vessel_through(120))
    assert doubted.disc is not None
    assert doubted.fovea is not None
    assert (doubted.fovea.x, doubted.fovea.y) == pytest.approx((230, 80), abs=0.2)
    unseen = find_landmarks(drawn, 0 * seen, FOV, vessels=_vessel_through(120))
    assert unseen.fovea is not None
    assert (unseen.fovea.x, unseen.fovea.confidence) == pytest.approx((140, 0), abs=4)


@pytest.mark.parametrize(
    ("confidence", "fovea"), [(0.7, np.zeros(SHAPE, np.float32)), (1.0, blob(60, 100, 4))]
)
def test_a_bright_spot_without_vessels_is_no_disc(confidence: float, fovea: FloatMap) -> None:
    """A candidate of low confidence, or one at the fovea."""
    spot = np.float32(confidence) * ellipse(60, 100, 16, 16, 0)
    found = find_landmarks(spot, fovea, FOV, vessels=_vessel_through(120))
    assert found.disc is None
    assert "no vessels lead to it" in found.reasons[0]


def test_two_discs_halve_the_confidence() -> None:
    two = np.maximum(ellipse(80, 100, 20, 20, 0), ellipse(220, 100, 19, 19, 0))
    found = find_landmarks(two, np.zeros(SHAPE, np.float32), FOV)
    assert found.disc is not None
    assert found.disc.x == pytest.approx(80, abs=0.1)
    assert found.disc.confidence == pytest.approx(0.5, abs=0.01)


def test_what_lies_outside_the_field_of_view_is_not_seen() -> None:
    fov = FOV.copy()
    fov[:, 150:] = False
    found = find_landmarks(ellipse(220, 100, 20, 20, 0), blob(200, 60, 6), fov)
    assert found.disc is None
    assert found.fovea is None


def test_a_circle_has_its_own_area() -> None:
    disc = Disc(30, 30, 25, 25, 0.3, 1.0)
    assert disc.mask((61, 61)).sum() == pytest.approx(math.pi * 625, rel=0.01)
