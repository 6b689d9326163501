"""Arteries and veins made consistent along a vessel tree, on drawn lines with known types."""

import numpy as np
import pytest

from venule.vessels.trace import trace_vessels
from venule.vessels.types import type_levels, vessel_types

SHAPE = (160, 160)


def line(start: tuple[float, float], end: tuple[float, float], half: float = 2.5) -> np.ndarray:
    """(H, W) bool, a straight vessel from (row, column) to (row, column)."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    a, b = np.array(start), np.array(end)
    share = ((rows - a[0]) * (b - a)[0] + (columns - a[1]) * (b - a)[1]) / ((b - a) @ (b - a))
    share = share.clip(0, 1)
    away = np.hypot(rows - a[0] - share * (b - a)[0], columns - a[1] - share * (b - a)[1])
    return np.asarray(away <= half)


def maps(artery: np.ndarray, vein: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of 0.9 where each is and 0.1 elsewhere."""
    return tuple(np.where(one, 0.9, 0.1).astype(np.float32) for one in (artery, vein))  # type: ignore[return-value]


def test_pixels_that_disagree_with_their_vessel_are_outvoted() -> None:
    vessel = line((80, 10), (80, 150))
    artery = vessel.copy()
    artery[:, 60:80] = False  # a fifth of it looks like a vein
    probabilities = maps(artery, vessel & ~artery)
    found = vessel_types(vessel, *probabilities, trace_vessels(vessel))
    assert np.array_equal(found.artery, vessel)
    assert not found.vein.any()


def test_a_branch_is_what_its_parent_is() -> None:
    trunk, branch = line((80, 10), (80, 150)), line((80, 80), (30, 110), half=1.5)
    vein = line((130, 10), (130, 150))
    mask = trunk | branch | vein
    probabilities = maps(trunk, (branch & ~trunk) | vein)
    artery, vein_like = (
        np.where(branch & ~trunk, 0.5 + 0.05 * sign, p).astype(np.float32)
        for sign, p in zip((-1, 1), probabilities, strict=True)
    )
    together = vessel_types(mask, artery, vein_like, trace_vessels(mask))
    assert together.artery[trunk | branch].all()
    assert together.vein[vein].all()


def test_an_artery_and_a_vein_cross_and_stay_what_they_are() -> None:
    artery, vein = line((80, 10), (80, 150)), line((20, 60), (140, 100))
    mask = artery | vein
    found = vessel_types(mask, *maps(artery, vein & ~artery), trace_vessels(mask))
    assert found.artery[80, 20]
    assert found.artery[80, 140]
    assert found.vein[25, 62]
    assert found.vein[135, 98]
    assert found.artery[80, 80]
    assert found.vein[80, 80]  # where they cross, both
    both = found.artery & found.vein
    assert both.sum() < 0.1 * mask.sum()
    assert np.array_equal(found.artery | found.vein, mask)


def test_one_half_of_a_vessel_beyond_a_crossing_follows_the_other() -> None:
    artery, vein = line((80, 10), (80, 150)), line((20, 80), (140, 80))
    mask = artery | vein
    weak = artery.copy()
    weak[:, 90:] = False
    probabilities = maps(weak, vein & ~artery)
    beyond = artery & ~weak
    for one, value in zip(probabilities, (0.48, 0.52), strict=True):
        one[beyond] = value
    found = vessel_types(mask, *probabilities, trace_vessels(mask))
    assert found.artery[80, 140]
    assert not found.vein[80, 140]


def test_an_empty_mask_has_no_types() -> None:
    nothing = np.zeros(SHAPE, bool)
    found = vessel_types(nothing, *maps(nothing, nothing), trace_vessels(nothing))
    assert not found.artery.any()
    assert not found.vein.any()


def test_a_type_is_the_likelier_one_and_its_doubt_stays() -> None:
    vessel = line((80, 10), (80, 150))
    artery, vein = maps(vessel, np.zeros_like(vessel))
    artery[:, 60:80], vein[:, 60:80] = 0.2, 0.8
    artery[:, 120:], vein[:, 120:] = 0.6, 0.4
    found = vessel_types(vessel, artery, vein, trace_vessels(vessel))
    arteries, veins = type_levels(found, artery, vein)
    half = 0.5 * 65535
    assert np.array_equal(arteries >= half, found.artery)
    assert np.array_equal(veins >= half, found.vein)
    assert arteries[80, 30] == pytest.approx(0.9 * 65535, abs=1)  # 0.9 / (0.9 + 0.1)
    assert arteries[80, 140] == pytest.approx(0.6 * 65535, abs=1)
    assert arteries[80, 70] == pytest.approx(half, abs=1)  # the vessel outvoted these pixels
    assert not arteries[~vessel].any()


def test_a_camera_that_makes_all_vessels_look_like_veins_is_evened_out() -> None:
    artery, vein = line((40, 10), (40, 150)), line((120, 10), (120, 150))
    mask = artery | vein
    darker = np.where(artery, 0.45, np.where(vein, 0.2, 0.1)).astype(np.float32)
    found = vessel_types(mask, darker, 1 - darker, trace_vessels(mask))
    assert found.artery[artery].all()
    assert found.vein[vein].all()


def test_an_artery_that_touches_a_vein_keeps_its_pixels() -> None:
    artery, vein = line((77, 10), (77, 150)), line((83, 10), (83, 150), half=3)
    mask = artery | vein
    mask[80] |= mask[78]  # no gap between them: one centreline
    tree = trace_vessels(mask)
    assert len(tree.segments) == 1
    found = vessel_types(mask, *maps(artery, vein & ~artery), tree)
    agreed = (found.artery & artery) | (found.vein & vein & ~artery)
    assert agreed.sum() >= 0.9 * mask.sum()


def test_disagreement_along_a_vessel_is_not_a_second_vessel() -> None:
    vessel = line((80, 10), (80, 150))
    artery = vessel.copy()
    artery[:, 100:] = False  # across the whole vessel, not on one side of it
    found = vessel_types(vessel, *maps(artery, vessel & ~artery), trace_vessels(vessel))
    assert np.array_equal(found.artery, vessel)


def touching(shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool, an artery and a vein without a gap between them, moved down by `shift`."""
    artery = line((77 + shift, 10), (77 + shift, 150))
    vein = line((82.5 + shift, 10), (82.5 + shift, 150), half=3)
    return artery, vein & ~artery


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_vein_across_two_vessels_that_touch_leaves_both_whole(*, elsewhere: bool) -> None:
    artery, vein = touching()
    across = line((10, 80), (150, 80), half=3)
    more = line((30, 90), (30, 150), half=5) & elsewhere  # arteries change the balance only
    mask = artery | vein | across | more
    seen = (artery & ~across) | more
    found = vessel_types(mask, *maps(seen, mask & ~seen), trace_vessels(mask))
    here = artery & across
    assert found.artery[here].mean() > 0.9
    assert found.vein[here].mean() > 0.9


def test_a_camera_that_makes_all_vessels_look_venous_hides_no_touching_artery() -> None:
    artery, vein = touching()
    alone, other = line((30, 10), (30, 150)), line((130, 10), (130, 150))
    mask = artery | vein | alone | other
    odds = np.where(artery | alone, 1.2, -2.5) - 1.5
    p = 1 / (1 + np.exp(-odds / 2))
    seen, opposite = (np.where(mask, one, 0.1).astype(np.float32) for one in (p, 1 - p))
    found = vessel_types(mask, seen, opposite, trace_vessels(mask))
    assert found.artery[alone].all()
    assert found.vein[other].all()
    assert found.artery[artery].mean() > 0.9
