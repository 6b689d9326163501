"""Lesions that must not be mistaken for vessels, sized by clinical grading.

Sizes follow the Early Treatment Diabetic Retinopathy Study's report 10 (Ophthalmology 98, 1991):
microaneurysms up to 125 um, drusen about 63 to 250 um (drawn: 42 to 260), cotton-wool spots a third
of a disc. None of these is vessel in the ground truth.
"""

from collections.abc import Callable

import numpy as np

from venule.image.arrays import FloatMap
from venule.synth.anatomy import Eye
from venule.synth.config import SyntheticFundusConfig
from venule.synth.frame import Frame, Point
from venule.synth.texture import soft_step, stream

_BLOOD = (0.45, 1.1, 0.8)
_EXUDATE = (0.98, 0.82, 0.42)
_DRUSEN = (0.95, 0.66, 0.30)
_WOOL = (0.92, 0.78, 0.55)
_SCAR = (0.85, 0.68, 0.42)


def paint_deep_lesions(
    seed: int, retina: FloatMap, eye: Eye, frame: Frame, *, config: SyntheticFundusConfig
) -> None:
    """Draw lesions below the vessels, in place: drusen, exudates, scars, blot haemorrhages."""
    _maybe(seed, "drusen", config.drusen_p, lambda rng: _drusen(rng, retina, eye, frame))
    _maybe(seed, "exudates", config.exudates_p, lambda rng: _exudates(rng, retina, eye, frame))
    _maybe(seed, "laser", config.laser_p, lambda rng: _laser(rng, retina, eye, frame))
    _maybe(seed, "aneurysms", config.microaneurysms_p, lambda rng: _dots(rng, retina, eye, frame))
    _maybe(seed, "blots", config.hemorrhages_p, lambda rng: _blots(rng, retina, eye, frame))


def paint_superficial_lesions(
    seed: int, retina: FloatMap, eye: Eye, frame: Frame, *, config: SyntheticFundusConfig
) -> None:
    """Draw lesions of the nerve fibre layer, in place: flame haemorrhages, cotton-wool spots."""
    _maybe(seed, "flames", config.hemorrhages_p, lambda rng: _flames(rng, retina, eye, frame))
    _maybe(seed, "wool", config.cotton_wool_p, lambda rng: _wool(rng, retina, eye, frame))


def _maybe(
    seed: int, name: str, chance: float, paint: Callable[[np.random.Generator], None]
) -> None:
    rng = stream(seed, name)
    if rng.random() < chance:
        paint(rng)


def _anywhere(rng: np.random.Generator, eye: Eye) -> Point:
    """A random position in the field of view outside the disc."""
    while True:
        angle, distance = rng.uniform(0, 2 * np.pi), 0.95 * rng.uniform() ** 0.5
        place = float(distance * np.sin(angle)), float(distance * np.cos(angle))
        if np.hypot(place[0] - eye.disc[0], place[1] - eye.disc[1]) > 1.2 * eye.disc_radius:
            return place


def _around(rng: np.random.Generator, point: Point, spread: float) -> Point:
    row, column = rng.normal(point, spread)
    return float(row), float(column)


def _drusen(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    mm, alpha = eye.radius_mm, rng.uniform(0.15, 0.5)
    for _ in range(rng.integers(8, 120)):
        place = _around(rng, eye.fovea, rng.uniform(0.5, 1.8) / mm)
        radius = rng.choice([0.03, 0.05, 0.10], p=[0.5, 0.35, 0.15]) * rng.uniform(0.7, 1.3) / mm
        _blend(rng, retina, frame, place, radius, color=_DRUSEN, alpha=alpha, soft=0.6)


def _exudates(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    mm = eye.radius_mm
    for _ in range(rng.integers(1, 6)):
        center = _around(rng, eye.fovea, 2.0 / mm)
        ring = rng.uniform(0.2, 0.8) / mm if rng.random() < 0.4 else 0.0
        spread, alpha = rng.uniform(0.1, 0.5) / mm, rng.uniform(0.4, 0.9)
        for _ in range(rng.integers(3, 35)):
            angle = rng.uniform(0, 2 * np.pi)
            place = (center[0] + ring * np.sin(angle), center[1] + ring * np.cos(angle))
            place = _around(rng, place, spread * (0.3 if ring else 1.0))
            radius = rng.uniform(0.015, 0.09) / mm
            _blend(rng, retina, frame, place, radius, color=_EXUDATE, alpha=alpha, soft=0.25)


def _laser(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    mm = eye.radius_mm
    radius = rng.uniform(0.10, 0.25) / mm
    for _ in range(rng.integers(15, 120)):
        place = _anywhere(rng, eye)
        if np.hypot(place[0] - eye.fovea[0], place[1] - eye.fovea[1]) < 2.6 / mm:
            continue
        size, alpha = radius * rng.uniform(0.7, 1.3), rng.uniform(0.2, 0.6)
        if rng.random() < 0.6:
            _absorb(rng, retina, frame, place, 1.25 * size, depth=rng.uniform(0.1, 0.35), soft=0.3)
        _blend(rng, retina, frame, place, size, color=_SCAR, alpha=alpha, soft=0.35)
        if rng.random() < 0.5:
            core = size * rng.uniform(0.3, 0.6)
            _absorb(rng, retina, frame, place, core, depth=rng.uniform(0.3, 0.9), soft=0.4)


def _dots(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    for _ in range(rng.integers(2, 40)):
        radius = rng.uniform(0.015, 0.06) / eye.radius_mm
        depth = rng.uniform(0.35, 0.9)
        _absorb(rng, retina, frame, _anywhere(rng, eye), radius, depth=depth, soft=0.5)


def _blots(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    for _ in range(rng.integers(1, 25)):
        radius = rng.uniform(0.04, 0.22) / eye.radius_mm
        depth = rng.uniform(0.4, 1.1)
        _absorb(rng, retina, frame, _anywhere(rng, eye), radius, depth=depth, soft=0.3)


def _flames(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    """Streaks of blood along the nerve fibres, each a bundle of thin dashes."""
    mm = eye.radius_mm
    for _ in range(rng.integers(0, 12)):
        place = _around(rng, eye.disc, 1.8 / mm)
        course = np.arctan2(place[0] - eye.disc[0], place[1] - eye.disc[1]) + rng.normal(0, 0.15)
        length, depth = rng.uniform(0.1, 0.45) / mm, rng.uniform(0.4, 1.0)
        for _ in range(rng.integers(2, 6)):
            start = _around(rng, place, 0.25 * length)
            _absorb(
                rng, retina, frame, start, length, depth=depth, soft=0.5,
                thin=rng.uniform(0.08, 0.2), angle=course,
            )  # fmt: skip


def _wool(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    for _ in range(rng.integers(1, 8)):
        place = _around(rng, eye.disc, 2.2 / eye.radius_mm)
        radius, alpha = rng.uniform(0.12, 0.4) / eye.radius_mm, rng.uniform(0.25, 0.6)
        _blend(rng, retina, frame, place, radius, color=_WOOL, alpha=alpha, soft=0.8)


def _absorb(
    rng: np.random.Generator,
    retina: FloatMap,
    frame: Frame,
    place: Point,
    radius: float,
    *,
    depth: float,
    soft: float,
    thin: float = 1.0,
    angle: float = 0.0,
) -> None:
    """A pool of blood of optical depth `depth` at `place`."""
    window, shape = _spot(rng, frame, place, radius, soft=soft, thin=thin, angle=angle)
    for channel, strength in enumerate(_BLOOD):
        retina[channel][window] *= np.exp(-np.float32(depth * strength) * shape)


def _blend(
    rng: np.random.Generator,
    retina: FloatMap,
    frame: Frame,
    place: Point,
    radius: float,
    *,
    color: tuple[float, float, float],
    alpha: float,
    soft: float,
) -> None:
    """A spot of opacity `alpha`."""
    window, shape = _spot(rng, frame, place, radius, soft=soft)
    for channel, value in enumerate(color):
        part = retina[channel][window]
        part += np.float32(alpha) * shape * (np.float32(value) - part)


def _spot(
    rng: np.random.Generator,
    frame: Frame,
    place: Point,
    radius: float,
    *,
    soft: float,
    thin: float = 1.0,
    angle: float = 0.0,
) -> tuple[tuple[slice, slice], FloatMap]:
    """An irregular spot: its window in the frame, and its strength there, 0..1."""
    tall, wide = frame.to_px(np.array(place))
    reach = 1.6 * radius * frame.radius_px + 2
    window = (
        slice(*np.clip([int(tall - reach), int(tall + reach) + 2], 0, frame.height_px)),
        slice(*np.clip([int(wide - reach), int(wide + reach) + 2], 0, frame.width_px)),
    )
    rows = (frame.rows[window[0]] - place[0]) / radius
    columns = (frame.columns[:, window[1]] - place[1]) / radius
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = (np.cos(angle) * rows - np.sin(angle) * columns) / thin
    around = np.arctan2(across, along)
    bumps = sum(
        rng.normal(0, 0.16 / k) * np.cos(k * around + rng.uniform(0, 2 * np.pi))
        for k in (1, 2, 3, 4)
    )
    # An edge of at least about a pixel, so that small spots are as sharp as the frame.
    edge = max(soft, 0.8 / (radius * min(1.0, 2 * thin) * frame.radius_px))
    return window, soft_step((1 + bumps - np.hypot(along, across)) / edge)
