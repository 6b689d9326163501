"""Growth of the vessel trees of an eye.

Trunks leave the disc along the arcades and towards the nose. Then places without blood supply are
joined to the tree one by one, the most distant first, which gives long branches early and short
twigs late, as in constrained constructive optimisation (Schreiner and Buxbaum, IEEE Trans. Biomed.
Eng. 40, 1993). Calibres follow from the finished tree by Murray's law.

Lengths are millimetres on the retina, points (row, column) from the field of view's centre.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from venule.synth.anatomy import Anatomy, Eye, Kind, Points, Vessel
from venule.synth.tree import Tree, murray_angles, murray_radii

_STEP_MM = 0.08
"""Spacing of the points of a vessel's centreline."""

_CELL_MM = 0.12
"""Side of the cells by which vessels of one type keep apart."""

REACH = 1.12
"""Vessels extend to this many radii of the field of view, trunks to the square of it."""


def grow_vessels(
    rng: np.random.Generator, eye: Eye, *, anatomy: Anatomy | None = None
) -> tuple[Vessel, ...]:
    """Grow the trees of arteries and veins of one eye."""
    grower = _Grower(rng, eye, anatomy or Anatomy())
    return tuple(grower.grow())


@dataclass
class _Grower:
    rng: np.random.Generator
    eye: Eye
    anatomy: Anatomy

    def __post_init__(self) -> None:
        mm = self.eye.radius_mm
        self.disc = np.array(self.eye.disc) * mm
        self.fovea = np.array(self.eye.fovea) * mm
        self.reach_mm = REACH * mm
        self.trees: dict[Kind, Tree] = {kind: Tree(kind) for kind in ("vein", "artery")}
        self.side = math.ceil(1.6 * mm / _CELL_MM)
        cells = 2 * self.side + 1
        self.taken = {kind: np.zeros((cells, cells), bool) for kind in self.trees}

    def grow(self) -> Iterator[Vessel]:
        self._trunks()
        area = math.pi * self.reach_mm**2
        count = round(self.anatomy.twigs_per_mm2 * area)
        for number in range(count):
            for tree in self.trees.values():
                self._supply(tree, through=number < 7)
        for tree in self.trees.values():
            self._settle(tree)
            yield from tree.components(self.eye.radius_mm)

    # Trunks

    def _trunks(self) -> None:
        """An artery and a vein along each arcade and to the nose, and a few to the macula."""
        rng, anatomy = self.rng, self.anatomy
        for side in (-1.0, 1.0):
            for temporal in (True, False):
                outer = rng.permutation([0.34, 0.54])
                for shape, (kind, tree) in zip(outer, self.trees.items(), strict=True):
                    share = anatomy.artery_share if kind == "artery" else 1.0
                    calibre = anatomy.vein_um * share * rng.uniform(0.85, 1.12)
                    path = self._guide(side, shape * rng.uniform(0.9, 1.1), temporal=temporal)
                    self._plant(tree, path, calibre * (1.0 if temporal else 0.75))
        axis = math.atan2(*(self.fovea - self.disc))
        for tree in self.trees.values():
            for turn in (-1.0, 1.0, *rng.uniform(-1, 1, rng.integers(0, 2))):
                self._plant(tree, self._twig(axis, turn), rng.uniform(38, 52))
            if rng.random() < 0.6:
                away = axis + math.pi + rng.uniform(-0.5, 0.5)
                self._plant(tree, self._twig(away, rng.uniform(-1, 1)), rng.uniform(40, 70))

    def _plant(self, tree: Tree, path: Points, calibre_um: float) -> None:
        inside = np.hypot(*path.T) < REACH * self.reach_mm
        inside &= np.hypot(*(path - self.fovea).T) > self.anatomy.free_zone_mm
        if not inside[:2].all():
            return
        path = path[: len(path) if inside.all() else int(np.argmin(inside))]
        first = len(tree)
        tree.arcade[first : first + len(path)] = calibre_um > 75
        end = tree.add(path, -1)
        tree.forked[end] = True  # it continues outside the field
        tree.trunks.append((first, end, (calibre_um / 2000) ** 3))
        self._take(tree.kind, path)

    def _guide(self, side: float, shape: float, *, temporal: bool) -> Points:
        """The course of a trunk: a parabola around the macula, or a gentle arc to the nose."""
        unit = 6.48
        rise = np.linspace(0, 2.2, 400)
        along = rise**1.9 / shape if temporal else -(0.5 + 1.8 * (shape - 0.36)) * rise
        axis = self.fovea - self.disc
        axis /= np.hypot(*axis)
        across = side * np.array([1.0, 0.0])
        start = self.disc + 0.2 * self.eye.disc_radius * self.eye.radius_mm * self.rng.uniform(
            -1, 1, 2
        )
        path = start + unit * (rise[:, None] * across + along[:, None] * axis)
        return self._wind(_even(path, 22.0), fixed_end=False)

    def _twig(self, axis: float, turn: float) -> Points:
        """From the disc's rim towards the macula (or the nose), first to the side, then back."""
        heading = axis + turn * self.rng.uniform(0.3, 0.8)
        length = self.rng.uniform(2.2, 3.8)
        away = np.array([math.sin(heading), math.cos(heading)])
        on = np.array([math.sin(axis), math.cos(axis)])
        rim = self.eye.disc_radius * self.eye.radius_mm
        start = self.disc + self.rng.uniform(0.1, 0.5) * rim * away
        bow, back = 0.5 * away + 0.4 * on, 0.3 * away + 0.9 * on
        path = _bezier(
            start, start + 0.4 * length * away, start + length * bow, start + length * back
        )
        return self._wind(_even(path, length), fixed_end=False)

    # Branches

    def _supply(self, tree: Tree, *, through: bool) -> None:
        """Join one place far from all vessels to the tree."""
        target = self._rim() if through else self._needy(tree)
        count = len(tree)
        heading, course = tree.heading[:count], self._course(target)
        row, column = (target - tree.points[:count]).T
        distance = np.maximum(np.sqrt(row * row + column * column), 1e-9)
        ahead = (row * heading[:, 0] + column * heading[:, 1]) / distance
        onward = (row * course[0] + column * course[1]) / distance
        # Blood takes no detours: branches leave forwards and follow the local course.
        turn = 2.6 * (1 - ahead) if through else 0.9 * (1 - ahead) + 0.5 * (1 - onward)
        cost = distance * (1 + turn) + 99.0 * tree.forked[:count]
        if through:
            cost[~tree.arcade[:count]] = np.inf
        node = int(np.argmin(cost))
        if not 0.35 < distance[node] < 9 or ahead[node] < -0.3:
            return
        path = self._clear(tree.kind, self._branch(tree, node, target))
        if len(path) < 5:
            return
        end = tree.add(path[1:], node)
        self._take(tree.kind, path)
        calibre = self.anatomy.least_um * self.rng.uniform(0.75, 1.25)
        if through:  # it supplies more than is visible
            calibre = self.anatomy.vein_um * self.rng.uniform(0.35, 0.6)
        # A free end that grows passes on the flow that it carried.
        tree.cube[end] = max((calibre / 2000) ** 3, tree.cube.pop(node, 0.0))

    def _rim(self) -> Points:
        angle = self.rng.uniform(0, 2 * math.pi)
        return np.array([self.reach_mm * math.sin(angle), self.reach_mm * math.cos(angle)])

    def _needy(self, tree: Tree) -> Points:
        """Choose the worst-supplied of a few places; the macula's surround is weighted more."""
        rng, count = self.rng, 6
        angle = rng.uniform(0, 2 * math.pi, count)
        distance = self.reach_mm * np.sqrt(rng.uniform(0, 1, count))
        places = np.stack([distance * np.sin(angle), distance * np.cos(angle)], axis=1)
        need = np.full(count, np.inf)
        for other in self.trees.values():
            points = other.points[: len(other) : 3]
            squares = (places[:, :1] - points[:, 0]) ** 2
            squares += (places[:, 1:] - points[:, 1]) ** 2
            need = np.minimum(need, np.sqrt(squares.min(axis=1)) * (1.0 if other is tree else 1.6))
        off = np.hypot(*(places - self.fovea).T)
        need *= np.where(off < 2.8, 1.35, 1.0)
        need[off < self.anatomy.free_zone_mm] = 0
        return np.asarray(places[int(np.argmax(need))])

    def _branch(self, tree: Tree, node: int, target: Points) -> Points:
        """A curve that leaves the parent at Murray's angle and arrives along the local course."""
        start, before = tree.points[node], tree.heading[node]
        length = float(np.hypot(*(target - start)))
        to = (target - start) / length
        ratio = min(0.95, 0.3 + 0.1 * length)
        at_tip = node + 1 == len(tree) or tree.parents[node + 1] != node
        _, angle = murray_angles(1.0, *murray_radii(1.0, ratio))
        turn = math.atan2(before[1] * to[0] - before[0] * to[1], float(before @ to))
        angle = min(angle * self.rng.uniform(0.8, 1.15), 1.5)
        angle = math.copysign(min(0.3 if at_tip else angle, abs(turn) + 0.3), turn)
        cosine, sine = math.cos(angle), math.sin(angle)
        leave = np.array(
            [cosine * before[0] + sine * before[1], cosine * before[1] - sine * before[0]]
        )
        arrive = to + 0.6 * self._course(target)
        arrive /= max(float(np.hypot(*arrive)), 1e-9)
        path = _bezier(start, start + 0.38 * length * leave, target - 0.3 * length * arrive, target)
        return self._wind(_even(path, 2 * length), fixed_end=True)

    def _course(self, point: Points) -> Points:
        """The growth direction at `point`: towards the fovea near it, else away from the disc."""
        to_fovea = self.fovea - point
        near = float(np.hypot(*to_fovea))
        aim = to_fovea if near < 3.0 else point - self.disc
        return np.asarray(aim / max(float(np.hypot(*aim)), 1e-9))

    def _wind(self, path: Points, *, fixed_end: bool) -> Points:
        """The path with lateral waves of several wavelengths, without displacement at its start."""
        along = np.gradient(path, axis=0) if len(path) > 1 else np.ones_like(path)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        normal /= np.maximum(np.hypot(*normal.T), 1e-9)[:, None]
        length = _STEP_MM * np.arange(len(path))
        sway = np.zeros(len(path))
        for wave_mm in np.array([0.7, 1.3, 2.4, 4.5, 8.0]) * self.rng.uniform(0.8, 1.25, 5):
            slope = self.anatomy.tortuosity * self.rng.normal(0, 0.7)
            amplitude = slope * wave_mm / (2 * math.pi)
            sway += amplitude * np.sin(2 * math.pi * length / wave_mm + self.rng.uniform(0, 6.3))
        taper = np.minimum(length / 0.8, 1)
        if fixed_end:
            taper = np.minimum(taper, np.minimum((length[-1] - length) / 0.8, 1))
        return np.asarray(path + (sway * taper)[:, None] * normal)

    # Room

    def _clear(self, kind: Kind, path: Points) -> Points:
        """Truncate the path where it meets a vessel of its type, the avascular zone or the rim.

        Empty if it would run along a vessel of the other type.
        """
        other: Kind = "vein" if kind == "artery" else "artery"
        rows, columns = self._cells(path)
        blocked = self.taken[kind][rows, columns].copy()
        blocked[:5] = False
        blocked |= np.hypot(*(path - self.fovea).T) < self.anatomy.free_zone_mm
        blocked |= np.hypot(*path.T) > self.reach_mm
        stop = int(np.argmax(blocked)) if blocked.any() else len(path) + 2
        path = path[: max(stop - 2, 0)]
        beside = self.taken[other][rows[: len(path)], columns[: len(path)]]
        return path[:0] if beside.sum() > max(6, 0.3 * len(path)) else path

    def _take(self, kind: Kind, path: Points) -> None:
        rows, columns = self._cells(path)
        self.taken[kind][rows, columns] = True

    def _cells(self, path: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        cells = np.clip(np.floor(path / _CELL_MM).astype(np.intp) + self.side, 0, 2 * self.side)
        return cells[:, 0], cells[:, 1]

    def _settle(self, tree: Tree) -> None:
        """Assign to each trunk's end the remaining flow of its calibre at the disc."""
        owner = np.empty(len(tree), np.intp)
        starts = {first: number for number, (first, _, _) in enumerate(tree.trunks)}
        carried = np.zeros(len(tree.trunks))
        for node, parent in enumerate(tree.parents):
            owner[node] = starts[node] if parent < 0 else owner[parent]
        for node, cube in tree.cube.items():
            carried[owner[node]] += cube
        for number, (_, end, cube) in enumerate(tree.trunks):
            rest, least = cube - float(carried[number]), (self.anatomy.least_um / 2000) ** 3
            tree.cube[end] = max(rest, 0.05 * cube, least)


def _bezier(a: Points, b: Points, c: Points, d: Points) -> Points:
    t = np.linspace(0, 1, 60)[:, None]
    s = 1 - t
    return np.asarray(s**3 * a + 3 * s**2 * t * b + 3 * s * t**2 * c + t**3 * d)


def _even(path: Points, longest_mm: float) -> Points:
    """Resample the path at steps of `_STEP_MM`, truncated at `longest_mm`."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    length = np.concatenate([[0], np.cumsum(steps)])
    even = np.arange(0, min(float(length[-1]), longest_mm), _STEP_MM)
    return np.stack([np.interp(even, length, path[:, i]) for i in (0, 1)], axis=1)
