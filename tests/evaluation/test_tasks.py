"""Scores of types and landmarks against counts made by hand."""

import math

import numpy as np
import pytest

from venule.data.truth import GroundTruth, Landmarks
from venule.evaluation.landmarks_task import score_landmarks
from venule.evaluation.types_task import score_types
from venule.image.landmarks import Fovea
from venule.image.landmarks import Landmarks as Found
from venule.image.optic_disc import Disc

SHAPE = (60, 100)
FOV = np.ones(SHAPE, bool)


def bar(top: int, bottom: int, left: int = 0, right: int = 100) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, left:right] = True
    return mask


ARTERY, VEIN, THIN = bar(10, 20), bar(40, 50), bar(30, 31)
TRUTH = GroundTruth(("artery", "vein"), np.stack([ARTERY | THIN, VEIN]))
MASK = ARTERY | VEIN | THIN


def test_a_half_of_the_arteries_and_a_fifth_of_the_veins_wrong() -> None:
    artery = bar(10, 20, 0, 50) | THIN | bar(40, 50, 80)
    scores = score_types(artery, MASK & ~artery, MASK, TRUTH, FOV)
    assert scores["artery_right"] == pytest.approx(0.5, abs=0.01)
    assert scores["vein_right"] == pytest.approx(0.8, abs=0.01)
    assert scores["balanced_accuracy"] == pytest.approx(0.65, abs=0.01)
    assert scores["typed_share"] == scores["found_share"] == 1
    found = 500 + 100 + 200  # pixels called artery, 600 of them rightly, of 1100
    assert scores["dice_artery"] == pytest.approx(2 * 600 / (found + 1100))


def test_thin_vessels_count_on_the_centreline_only() -> None:
    artery = ARTERY  # the thin one is called a vein
    scores = score_types(artery, MASK & ~artery, MASK, TRUTH, FOV)
    assert scores["balanced_accuracy"] == 1
    assert scores["line_balanced_accuracy"] < 0.8


def test_what_the_mask_lacks_or_has_twice_is_no_type() -> None:
    mask = MASK.copy()
    mask[:, :20] = False
    both = bar(10, 20, 20, 60)  # half of the artery's pixels in the mask are of both types
    artery, vein = ARTERY & mask, (VEIN | both) & mask
    scores = score_types(artery, vein, mask, TRUTH, FOV)
    assert scores["found_share"] == pytest.approx(0.8, abs=0.01)
    assert scores["typed_share"] == pytest.approx(0.75, abs=0.01)
    assert scores["balanced_accuracy"] == 1


def test_crossings_and_doubt_in_the_truth_count_for_nothing() -> None:
    valid = FOV.copy()
    valid[:, 50:] = False
    planes = np.stack([ARTERY, VEIN | bar(10, 20, 0, 25)])
    truth = GroundTruth(("artery", "vein"), planes, valid[None])
    wrong = bar(10, 20, 0, 25) | bar(10, 20, 50)  # where the truth is both, or in doubt
    scores = score_types(ARTERY & ~wrong, VEIN | wrong, ARTERY | VEIN, truth, FOV)
    assert scores["balanced_accuracy"] == 1


def test_nothing_found_has_no_score_of_types_and_no_overlap() -> None:
    nothing = np.zeros(SHAPE, bool)
    scores = score_types(nothing, nothing, nothing, TRUTH, FOV)
    assert math.isnan(scores["balanced_accuracy"])
    assert scores["found_share"] == 0
    assert scores["dice_vein"] == 0


CODEC = Landmarks(disc=(30.0, 30.0), fovea=(80.0, 30.0), disc_radius_px=10, fovea_radius_px=4)
CENTRES = CODEC.read(__file__, SHAPE)  # type: ignore[arg-type]  # the file is not read


def test_distances_are_in_disc_diameters() -> None:
    found = Found(Disc(33, 34, 9, 9, 0, 0.9), Fovea(80, 40, 0.7))
    scores = score_landmarks(found, CENTRES, CODEC)
    assert scores["disc_error"] == pytest.approx(5 / 20)
    assert scores["fovea_error"] == pytest.approx(10 / 20)
    assert math.isnan(scores["disc_dice"])  # the disc was not drawn
    assert (scores["disc_found"], scores["fovea_found"]) == (1, 1)


def test_no_answer_is_one_disc_diameter_off() -> None:
    scores = score_landmarks(Found(None, None), CENTRES, CODEC)
    assert (scores["disc_error"], scores["fovea_error"]) == (1, 1)
    assert (scores["disc_found"], scores["fovea_found"]) == (0, 0)


def test_a_drawn_disc_gives_its_own_diameter_and_the_overlap() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    drawn = np.hypot(rows - 30, columns - 30) <= 20
    truth = GroundTruth(("disc", "fovea"), np.stack([drawn, np.zeros(SHAPE, bool)]))
    codec = Landmarks(None, None, disc_radius_px=10, fovea_radius_px=4, outlined=True)
    scores = score_landmarks(Found(Disc(40, 30, 20, 20, 0, 1), None), truth, codec)
    assert scores["disc_error"] == pytest.approx(10 / 40, rel=0.01)
    assert math.isnan(scores["fovea_error"])  # no expert marked it
    # Two circles of radius r whose centres are r / 2 apart share 0.685 of their area.
    share = (2 * math.acos(0.25) - math.sqrt(15) / 8) / math.pi
    assert scores["disc_dice"] == pytest.approx(share, abs=0.01)


def test_where_no_disc_is_drawn_none_is_scored() -> None:
    truth = GroundTruth(("disc", "fovea"), np.zeros((2, *SHAPE), bool))
    codec = Landmarks(None, (50, 30), disc_radius_px=10, fovea_radius_px=4, outlined=True)
    scores = score_landmarks(Found(Disc(40, 30, 20, 20, 0, 1), None), truth, codec)
    assert all(math.isnan(scores[name]) for name in ("disc_error", "disc_dice", "disc_found"))
    assert scores["fovea_found"] == 0
