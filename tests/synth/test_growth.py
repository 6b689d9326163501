"""Grown trees keep the laws and proportions that they claim."""

import math
from collections import defaultdict

import numpy as np
import pytest

from venule.synth.anatomy import Anatomy, Vessel, place_eye
from venule.synth.growth import grow_vessels


def grown(seed: int, **proportions: float) -> tuple[Vessel, ...]:
    rng = np.random.default_rng(seed)
    return grow_vessels(rng, place_eye(rng), anatomy=Anatomy(**proportions))


def length(vessel: Vessel) -> float:
    return float(np.hypot(*np.diff(vessel.points, axis=0).T).sum())


@pytest.mark.parametrize("seed", range(10))
def test_vessels_keep_off_the_fovea_and_thin_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye, anatomy = place_eye(rng), Anatomy()
    vessels = grow_vessels(rng, eye, anatomy=anatomy)
    assert {vessel.kind for vessel in vessels} == {"artery", "vein"}
    for vessel in vessels:
        assert len(vessel.points) == len(vessel.radii) >= 2
        assert (np.diff(vessel.radii) <= 0).all()
        off_mm = np.hypot(*(vessel.points - eye.fovea).T) * eye.radius_mm
        assert off_mm.min() >= anatomy.free_zone_mm
        assert np.hypot(*vessel.points.T).max() <= 1.12 * 1.12


@pytest.mark.parametrize("seed", range(10))
def test_every_branch_starts_on_another_vessel_or_on_the_disc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye = place_eye(rng)
    vessels = grow_vessels(rng, eye)
    ends = {(v.kind, *v.points[-1]) for v in vessels}
    for vessel in vessels:
        row, column = vessel.points[0]
        on_disc = math.hypot(row - eye.disc[0], column - eye.disc[1]) <= eye.disc_radius
        assert on_disc or (vessel.kind, row, column) in ends


@pytest.mark.parametrize("seed", range(3))
def test_at_every_fork_the_cubes_of_the_radii_add_up(seed: int) -> None:
    """Murray, PNAS 12, 1926. A component thins by 3 % at most before its fork."""
    vessels = grown(seed)
    starting = defaultdict(list)
    for vessel in vessels:
        starting[vessel.kind, *vessel.points[0]].append(vessel.radii[0])
    forks = 0
    for vessel in vessels:
        branches = starting.get((vessel.kind, *vessel.points[-1]), [])
        if len(branches) > 1:
            forks += 1
            total = sum(radius**3 for radius in branches)
            assert vessel.radii[0] == pytest.approx(total ** (1 / 3), rel=1e-6)
            assert vessel.radii[-1] == pytest.approx(0.97 * vessel.radii[0])
    assert forks > 50


@pytest.mark.parametrize("seed", range(3))
def test_calibres_are_those_of_retinal_vessels(seed: int) -> None:
    """The widest veins 95 to 175 um across, arteries 75 to 140 um, the finest above 15 um."""
    rng = np.random.default_rng(seed)
    eye = place_eye(rng)
    widest, finest = {}, math.inf
    vessels = grow_vessels(rng, eye)
    for kind in ("vein", "artery"):
        radii = np.concatenate([v.radii for v in vessels if v.kind == kind])
        widest[kind] = 2000 * eye.radius_mm * radii.max()
        finest = min(finest, 2000 * eye.radius_mm * radii.min())
    assert 95 < widest["vein"] < 175
    assert 75 < widest["artery"] < 140
    assert finest > 15


def test_winding_makes_vessels_longer_than_their_chords() -> None:
    def tortuosity(tortuosity: float) -> float:
        long = [v for v in grown(1, tortuosity=tortuosity) if len(v.points) > 12]
        chords = [float(np.hypot(*(v.points[-1] - v.points[0]))) for v in long]
        return float(np.median([length(v) / chord for v, chord in zip(long, chords, strict=True)]))

    assert tortuosity(0.0) < tortuosity(0.2) < tortuosity(0.5)


def test_more_twigs_make_more_vessel() -> None:
    few, many = (sum(map(length, grown(2, twigs_per_mm2=n))) for n in (0.4, 1.6))
    assert many > 1.3 * few


def test_vessels_of_one_kind_do_not_cross() -> None:
    """Components of one kind meet at their ends alone, apart from the crowd on the disc."""
    rng = np.random.default_rng(3)
    eye = place_eye(rng)
    vessels = [v for v in grow_vessels(rng, eye) if v.kind == "vein"]
    inner = [
        v.points[4:-4][np.hypot(*(v.points[4:-4] - eye.disc).T) > 2 * eye.disc_radius]
        for v in vessels
    ]
    crowded = total = 0
    for i, own in enumerate(inner):
        others = np.concatenate([p for j, p in enumerate(inner) if j != i])
        if len(own):
            gaps = np.hypot(*(own[:, None] - others[None]).transpose(2, 0, 1)).min(axis=1)
            crowded += int((gaps * eye.radius_mm < 0.05).sum())
            total += len(own)
    assert crowded < 0.005 * total


def test_arteries_are_narrower_than_veins() -> None:
    """By a tenth of the widest, as docs/datasets.md says; they begin a quarter narrower."""
    ratios = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        vessels = grow_vessels(rng, place_eye(rng))
        artery, vein = (
            max(v.radii.max() for v in vessels if v.kind == kind) for kind in ("artery", "vein")
        )
        ratios.append(artery / vein)
    assert 0.85 < np.mean(ratios) < 0.97
