"""The geometry of a drawn eye: where disc and fovea lie, and its vessels as lines with a width.

Nothing here knows pixels. The unit is the radius of the field of view, its centre is (0, 0), and
points are (row, column), so one seed gives the same eye at every size.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["artery", "vein"]

STEP = 0.012
"""Distance between the points of a vessel's centre line."""

_CELL = 0.018
"""Side of the cells in which vessels of one kind keep clear of each other."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """The proportions that a vessel tree follows, in radii of the field of view.

    `vein_radius` is that of a trunk at the disc, `artery_share` an artery's share of it;
    `least_radius` ends a branch. `free_zone` is the radius around the fovea without vessels.
    `spacing` is the length between two bifurcations: so many radii plus a constant.
    """

    vein_radius: float = 0.0165
    artery_share: float = 0.75
    least_radius: float = 0.0034
    free_zone: float = 0.11
    spacing: tuple[float, float] = (6.0, 0.09)
    winding: float = 0.035


@dataclass(frozen=True)
class Eye:
    """Where the optic disc and the fovea lie, and the disc's radius."""

    disc: tuple[float, float]
    disc_radius: float
    fovea: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Vessel:
    """One piece of a tree between bifurcations: points (K, 2) and the radius at each, (K,)."""

    kind: Kind
    points: NDArray[np.float64]
    radii: NDArray[np.float64]


def place_eye(rng: np.random.Generator) -> Eye:
    """A left or right eye seen at 45 degrees: the disc lies 2.5 of its diameters off the fovea."""
    nasal = rng.choice([-1.0, 1.0])
    disc_radius = rng.uniform(0.135, 0.165)
    distance = 5 * disc_radius * rng.uniform(0.95, 1.05)
    fovea = (rng.uniform(-0.04, 0.1), -nasal * rng.uniform(0.05, 0.22))
    disc = (fovea[0] - rng.uniform(0.0, 0.14), fovea[1] + nasal * distance)
    return Eye(disc, disc_radius, fovea)


def murray_radii(radius: float, ratio: float) -> tuple[float, float]:
    """The radii of two branches, the second `ratio` times the first: r0^3 = r1^3 + r2^3.

    Murray, PNAS 12, 1926.
    """
    first = radius / (1 + ratio**3) ** (1 / 3)
    return first, ratio * first


def murray_angles(radius: float, first: float, second: float) -> tuple[float, float]:
    """The angles (radians) by which two branches leave the direction of their parent.

    cos a1 = (r0^4 + r1^4 - r2^4) / (2 r0^2 r1^2), and the same for a2 (Murray, J. Gen. Physiol.
    9, 1926).
    """

    def angle(own: float, other: float) -> float:
        cosine = (radius**4 + own**4 - other**4) / (2 * radius**2 * own**2)
        return math.acos(min(1.0, max(-1.0, cosine)))

    return angle(first, second), angle(second, first)


def grow_vessels(
    rng: np.random.Generator, eye: Eye, *, anatomy: Anatomy | None = None
) -> tuple[Vessel, ...]:
    """The trees of arteries and veins of one eye, trunks first."""
    return tuple(_Grower(rng, eye, anatomy or Anatomy()).grow())


@dataclass
class _Tip:
    """The growing end of a vessel."""

    kind: Kind
    row: float
    column: float
    heading: float  # radians, 0 along the columns
    radius: float
    parent: int
    guide: NDArray[np.float64] | None = None  # a trunk follows these points


@dataclass
class _Grower:
    rng: np.random.Generator
    eye: Eye
    anatomy: Anatomy
    cells: dict[tuple[Kind, int, int], int] = field(default_factory=dict)
    count: int = 0

    def grow(self) -> Iterator[Vessel]:
        tips = deque(self._trunks())
        while tips:
            tip = tips.popleft()
            vessel, end = self._extend(tip)
            if len(vessel.points) > 1:
                yield vessel
            if end is not None:
                tips.extend(self._branch(end))

    def _trunks(self) -> Iterator[_Tip]:
        """An artery and a vein along each arcade, and a few twigs from the disc to the macula."""
        rng, eye, anatomy = self.rng, self.eye, self.anatomy
        for side in (-1.0, 1.0):
            widths = rng.uniform(0.85, 1.1, 2)
            outer = rng.permutation([0.36, 0.52])
            for temporal in (True, False):
                for i, kind in enumerate[Kind](("vein", "artery")):
                    scale = (anatomy.artery_share if kind == "artery" else 1.0) * widths[i]
                    radius = anatomy.vein_radius * scale * (1.0 if temporal else 0.75)
                    shape = outer[i] * rng.uniform(0.93, 1.07)
                    guide = self._guide(side, shape, temporal=temporal)
                    heading = math.atan2(*(guide[3] - guide[0]))
                    row, column = guide[0].tolist()
                    yield _Tip(kind, row, column, heading, radius, -1, guide)
        axis = math.atan2(eye.fovea[0] - eye.disc[0], eye.fovea[1] - eye.disc[1])
        for _ in range(rng.integers(3, 6)):
            heading = axis + rng.normal(0, 0.9)
            start = 0.6 * eye.disc_radius
            row = eye.disc[0] + start * math.sin(heading)
            column = eye.disc[1] + start * math.cos(heading)
            kind = rng.choice(["artery", "vein"])
            yield _Tip(kind, row, column, heading, rng.uniform(0.0045, 0.0065), -1)

    def _guide(self, side: float, shape: float, *, temporal: bool) -> NDArray[np.float64]:
        """The course of a trunk: a parabola around the macula, or a gentle bow to the nose."""
        eye = self.eye
        rise = np.linspace(0, 2.2, 400)
        along = rise**1.9 / shape if temporal else -(0.5 + 1.5 * (shape - 0.36)) * rise
        axis = np.array(eye.fovea) - eye.disc
        axis /= np.hypot(*axis)
        across = side * np.array([1.0, 0.0])
        start = np.array(eye.disc) + 0.25 * eye.disc_radius * self.rng.uniform(-1, 1, 2)
        path = start + rise[:, None] * across + along[:, None] * axis
        length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        for wave in (3.5, 8.0, 17.0):
            amplitude, phase = self.rng.normal(0, 0.11 / wave, 2), self.rng.uniform(0, 7, 2)
            sway = amplitude * np.sin(wave * length[:, None] + phase)
            path += sway * np.minimum(length / 0.3, 1)[:, None]
        # Equal steps along the course, as every other vessel takes.
        length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        even = np.arange(0, min(length[-1], 3.5), STEP)
        return np.stack([np.interp(even, length, path[:, i]) for i in (0, 1)], axis=1)

    def _extend(self, tip: _Tip) -> tuple[Vessel, _Tip | None]:
        """Grow to the next bifurcation; no new tip if the vessel leaves, ends or meets another."""
        rng, anatomy = self.rng, self.anatomy
        self.count += 1
        own, length = self.count, anatomy.spacing[0] * tip.radius + anatomy.spacing[1]
        steps = max(4, round(length * rng.uniform(0.6, 1.4) / STEP))
        points, bend, beside = [(tip.row, tip.column)], 0.0, 0
        row, column, heading = tip.row, tip.column, tip.heading
        alive = True
        for i, noise in enumerate(rng.normal(0, anatomy.winding, steps).tolist()):
            if tip.guide is not None:
                if i + 1 >= len(tip.guide):
                    alive = False
                    break
                new_row, new_column = tip.guide[i + 1].tolist()
                heading = math.atan2(new_row - row, new_column - column)
                row, column = new_row, new_column
            else:
                bend = 0.8 * bend + noise
                heading += bend + self._pull(row, column, heading)
                row, column = row + STEP * math.sin(heading), column + STEP * math.cos(heading)
            met = self._occupy(tip, (row, column), own)
            beside = beside + 1 if met == "other" else 0
            blocked = tip.guide is None and i > 3 and (met == "same" or beside > 6)
            if blocked or math.hypot(row, column) > 1.04 or self._in_free_zone(row, column):
                alive = False
                break
            points.append((row, column))
        # Murray's law keeps the radius between bifurcations; a loose end thins out.
        radii = np.linspace(tip.radius, tip.radius * (0.96 if alive else 0.85), len(points))
        vessel = Vessel(tip.kind, np.array(points), radii)
        rest = None if tip.guide is None else tip.guide[len(points) - 1 :]
        end = _Tip(tip.kind, row, column, heading, float(radii[-1]), own, rest)
        return vessel, end if alive else None

    def _branch(self, tip: _Tip) -> Iterator[_Tip]:
        """Two branches by Murray's law: a trunk goes on and sends off a side branch."""
        rng = self.rng
        ratio = rng.uniform(0.45, 0.9) if tip.guide is not None else rng.uniform(0.55, 1.0)
        radii = murray_radii(tip.radius, ratio)
        angles = murray_angles(tip.radius, *radii)
        turn = rng.choice([-1.0, 1.0])
        for radius, angle, sign, guide in (
            (radii[0], angles[0], turn, tip.guide),
            (radii[1], angles[1], -turn, None),
        ):
            if radius < self.anatomy.least_radius:
                continue
            heading = tip.heading + sign * angle * rng.uniform(0.8, 1.1)
            yield _Tip(tip.kind, tip.row, tip.column, heading, radius, tip.parent, guide)

    def _pull(self, row: float, column: float, heading: float) -> float:
        """A weak turn of each step: to the fovea between the arcades, elsewhere off the disc."""
        eye = self.eye
        to_fovea = (eye.fovea[0] - row, eye.fovea[1] - column)
        if math.hypot(*to_fovea) < 0.5:
            aim = math.atan2(*to_fovea)
        else:
            aim = math.atan2(row - eye.disc[0], column - eye.disc[1])
        return 0.05 * math.sin(aim - heading)

    def _in_free_zone(self, row: float, column: float) -> bool:
        distance = math.hypot(row - self.eye.fovea[0], column - self.eye.fovea[1])
        return distance < self.anatomy.free_zone

    def _occupy(
        self, tip: _Tip, point: tuple[float, float], own: int
    ) -> Literal["free", "same", "other"]:
        """Claim the cell at `point`; say whether a vessel of this or the other kind held it."""
        cell = math.floor(point[0] / _CELL), math.floor(point[1] / _CELL)
        holder = self.cells.setdefault((tip.kind, *cell), own)
        if holder not in (own, tip.parent):
            return "same"
        other: Kind = "vein" if tip.kind == "artery" else "artery"
        return "other" if (other, *cell) in self.cells else "free"
