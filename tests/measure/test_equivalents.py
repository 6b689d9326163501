"""Equivalents by hand arithmetic."""

import math

import numpy as np
import pytest

from phantoms.shapes import draw_tube, line
from venule.measure.equivalents import hubbard, knudtson
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.scale import Scale
from venule.measure.view import Disc


def test_a_lone_vessel_is_its_own_knudtson_equivalent() -> None:
    assert knudtson([13.0], "artery") == 13.0


def test_two_arteries_are_paired_with_the_factor_088() -> None:
    assert knudtson([3.0, 4.0], "artery") == pytest.approx(0.88 * 5)


def test_two_veins_are_paired_with_the_factor_095() -> None:
    assert knudtson([3.0, 4.0], "vein") == pytest.approx(0.95 * 5)


def test_of_three_vessels_the_middle_one_is_carried_over() -> None:
    first = 0.88 * math.hypot(10, 6)  # 10.263 beside the 8 that is left
    assert knudtson([6.0, 8.0, 10.0], "artery") == pytest.approx(0.88 * math.hypot(first, 8))


def test_six_equal_arteries_give_the_closed_form() -> None:
    # Three pairs of k sqrt(2) w, then two of them and one carried over: k sqrt(4 k^2 + 2) k w.
    k, w = 0.88, 16.0
    pair = k * math.sqrt(2) * w
    four = k * math.sqrt(2) * pair
    assert knudtson([w] * 6, "artery") == pytest.approx(k * math.hypot(four, pair))
    assert knudtson([w] * 6, "artery") == pytest.approx(27.97487818)


def test_only_the_six_widest_count() -> None:
    six = [10.0, 9.0, 8.0, 7.0, 6.0, 5.0]
    assert knudtson([*six, 4.0, 3.0], "vein") == knudtson(six, "vein")


def test_hubbard_weighs_the_wider_branch_more() -> None:
    squared = 0.87 * 80**2 + 1.01 * 100**2 - 0.22 * 80 * 100 - 10.76
    assert hubbard([80.0, 100.0], "artery") == pytest.approx(math.sqrt(squared))
    assert hubbard([80.0, 100.0], "vein") == pytest.approx(
        math.sqrt(0.72 * 80**2 + 0.91 * 100**2 + 450.05)
    )


@pytest.mark.parametrize(("structure", "expected"), [("artery", 210.4174), ("vein", 210.1605)])
def test_six_vessels_by_hubbard_are_as_pvbm_computes_them(structure: str, expected: float) -> None:
    # PVBM 3.0.1.8, CentralRetinalAnalysis.central_equivalent.
    calibers = [140.0, 125.0, 110.0, 95.0, 80.0, 65.0]
    assert hubbard(calibers, structure) == pytest.approx(expected, abs=1e-4)


def test_hubbard_needs_two_vessels_and_knudtson_one() -> None:
    assert math.isnan(hubbard([90.0], "vein"))
    assert math.isnan(knudtson([], "vein"))


def _spokes(widths: list[float], first: float, *, side: int = 700) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    for number, width in enumerate(widths):
        heading = first + 360 / len(widths) * number
        start = line((side / 2, side / 2), heading, 60)[1]
        mask |= draw_tube((side, side), line(start, heading, 150), width)
    return mask


def test_spokes_of_known_widths_give_known_equivalents() -> None:
    arteries, veins = [6.0, 7.0, 8.0, 9.0, 10.0, 11.0], [9.0] * 6
    masks = VesselMasks(artery=_spokes(arteries, 7), vein=_spokes(veins, 37))
    found = measure_photograph(masks, disc=Disc(350, 350, 60), scale=Scale(10, "given")).values
    k = 0.88
    pairs = sorted(k * math.hypot(a, b) for a, b in ((11, 6), (10, 7), (9, 8)))
    crae = k * math.hypot(k * math.hypot(pairs[0], pairs[2]), pairs[1])
    crve = 0.95 * math.hypot(0.95 * math.sqrt(2) * 0.95 * math.sqrt(2) * 9, 0.95 * math.sqrt(2) * 9)
    assert found["artery_cre_knudtson_zone_b_px"] == pytest.approx(crae, rel=0.01)
    assert found["vein_cre_knudtson_zone_b_px"] == pytest.approx(crve, rel=0.01)
    assert found["avr_knudtson_zone_b"] == pytest.approx(crae / crve, abs=0.005)
    assert found["artery_cre_knudtson_zone_b_n"] == 6
    assert found["artery_cre_knudtson_zone_b_um"] == pytest.approx(10 * crae, rel=0.01)
    assert found["artery_cre_hubbard_zone_b_um"] == pytest.approx(
        hubbard([10 * width for width in arteries], "artery"), rel=0.01
    )


@pytest.mark.parametrize(
    ("arteries", "veins", "note"),
    [
        (6, 6, None),
        (3, 6, "equivalents of 3 arteries and 6 veins, not of six each"),
        (3, 3, "equivalents of 3 arteries and 3 veins, not of six each"),
        (4, None, "equivalents of 4 arteries, not of six"),
    ],
)
def test_equivalents_of_fewer_than_six_vessels_have_a_note(
    arteries: int, veins: int | None, note: str | None
) -> None:
    masks = VesselMasks(
        artery=_spokes([7.0] * arteries, 7),
        vein=None if veins is None else _spokes([9.0] * veins, 37),
    )
    notes = measure_photograph(masks, disc=Disc(350, 350, 60)).notes
    assert [one for one in notes if one.startswith("equivalents")] == ([note] if note else [])


def test_a_vessel_that_forks_early_in_the_ring_counts_by_its_branches() -> None:
    disc = Disc(350, 350, 60)  # the ring runs from 120 to 180 px
    mask = draw_tube((700, 700), line((350.3, 350), 0, 128), 12)
    for heading in (30, -30):
        mask |= draw_tube((700, 700), line((350, 478), heading, 120), 8)
    found = measure_photograph(VesselMasks(artery=mask, vein=mask), disc=disc).values
    assert found["artery_cre_knudtson_zone_b_n"] == 2
    assert found["artery_cre_knudtson_zone_b_px"] == pytest.approx(
        0.88 * math.hypot(8, 8), rel=0.02
    )


def test_a_vessel_that_forks_late_in_the_ring_counts_by_its_trunk() -> None:
    mask = draw_tube((700, 700), line((350.3, 350), 0, 160), 12)
    for heading in (30, -30):
        mask |= draw_tube((700, 700), line((350, 510), heading, 120), 8)
    disc = Disc(350, 350, 60)
    found = measure_photograph(VesselMasks(artery=mask, vein=mask), disc=disc).values
    assert found["artery_cre_knudtson_zone_b_n"] == 1
    assert found["artery_cre_knudtson_zone_b_px"] == pytest.approx(12, abs=0.3)


@pytest.mark.parametrize("columns", [(385,), (385, 400), (376, 402)])
def test_a_vessel_with_side_branches_counts_by_itself(columns: tuple[int, ...]) -> None:
    disc = Disc(300, 250, 60)  # the ring runs from 370 to 430 px
    mask = draw_tube((600, 600), line((300.3, 250), 0, 300), 11)
    for number, column in enumerate(columns):
        mask |= draw_tube((600, 600), line((300, column), 90 - 180 * (number % 2), 100), 4)
    found = measure_photograph(VesselMasks(artery=mask, vein=mask), disc=disc).values
    assert found["artery_cre_knudtson_zone_b_n"] == 1
    assert found["artery_cre_knudtson_zone_b_px"] == pytest.approx(11, rel=0.02)


def test_a_vessel_that_is_crossed_early_in_the_ring_counts_as_one() -> None:
    disc = Disc(300, 250, 60)
    mask = draw_tube((600, 600), line((300.3, 250), 0, 300), 9)
    mask |= draw_tube((600, 600), line((150, 380), 90, 300), 9)
    found = measure_photograph(VesselMasks(artery=mask, vein=mask), disc=disc).values
    assert found["artery_cre_knudtson_zone_b_px"] == pytest.approx(9, rel=0.02)
    assert found["artery_cre_knudtson_zone_b_n"] == 1


def test_a_vessel_measured_nowhere_in_the_ring_is_left_out_with_its_side_branches() -> None:
    disc = Disc(300, 250, 60)
    mask = draw_tube((600, 600), line((300.3, 250), 0, 300), 11)
    for number, column in enumerate((375, 390, 405, 420)):
        mask |= draw_tube((600, 600), line((300, column), 90 - 180 * (number % 2), 100), 4)
    found = measure_photograph(VesselMasks(artery=mask, vein=mask), disc=disc).values
    assert found["artery_cre_knudtson_zone_b_n"] == 0


def test_a_short_trunk_is_not_replaced_by_twigs() -> None:
    disc = Disc(300, 250, 60)
    mask = draw_tube((600, 600), line((300.3, 320), 0, 66), 8)
    for heading in (-45, 45):
        mask |= draw_tube((600, 600), line((300, 382), heading, 60), 2)
    found = measure_photograph(VesselMasks(artery=mask, vein=mask), disc=disc).values
    assert found["artery_cre_knudtson_zone_b_n"] == 1
    assert found["artery_cre_knudtson_zone_b_px"] == pytest.approx(8, rel=0.05)
