"""The proportions of a synthetic eye: positions of disc and fovea, and its vessels.

Nothing here depends on pixels. The unit is the radius of the field of view, its centre is (0, 0),
and points are (row, column), so one seed gives the same eye at every size.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["artery", "vein"]
View = Literal["macula", "between", "disc"]
Points = NDArray[np.float64]

MM_PER_DEGREE = 0.288
"""On the retina of an eye of average length (Bennett et al., Graefe's Archive 232, 1994)."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """The proportions of a vessel tree.

    `vein_um` is the calibre of an arcade vein at the disc, `artery_share` that of an artery
    relative to it, `least_um` the calibre of the finest vessels. `twigs_per_mm2` counts the ends of
    each type of vessel; `free_zone_mm` is the radius of the avascular zone around the fovea;
    `tortuosity` the mean slope of a vessel relative to its course.
    """

    vein_um: float = 130.0
    artery_share: float = 0.76
    least_um: float = 28.0
    twigs_per_mm2: float = 1.1
    free_zone_mm: float = 0.55
    tortuosity: float = 0.16


@dataclass(frozen=True)
class Eye:
    """Positions of disc and fovea, the disc's radius, and the millimetres per radius."""

    disc: tuple[float, float]
    disc_radius: float
    fovea: tuple[float, float]
    radius_mm: float


@dataclass(frozen=True, eq=False)
class Vessel:
    """A segment of a tree between bifurcations: points (K, 2) and the radius at each, (K,)."""

    kind: Kind
    points: Points
    radii: NDArray[np.float64]


def place_eye(rng: np.random.Generator, *, fov_deg: float = 45.0, view: View = "between") -> Eye:
    """A left or right eye, centred on the macula, on the disc or between them.

    The disc is 1.55 to 1.95 mm across (Quigley et al., Arch. Ophthalmol. 108, 1990) and lies 2.5
    disc diameters from the fovea and slightly higher (Rohrschneider, IOVS 45, 2004).
    """
    radius_mm = fov_deg * MM_PER_DEGREE / 2
    nasal = rng.choice([-1.0, 1.0])
    disc_radius = rng.uniform(1.55, 1.95) / 2 / radius_mm
    distance = 5 * disc_radius * rng.uniform(0.95, 1.05)
    rise = distance * rng.uniform(0.0, 0.19)
    row, column = rng.uniform(-0.04, 0.1), rng.uniform(0.05, 0.22)
    if view == "macula":
        column -= 0.12
    if view == "disc":
        row, column = rise + row - 0.03, distance + column - 0.13
    fovea = (row, -nasal * column)
    return Eye((row - rise, fovea[1] + nasal * distance), disc_radius, fovea, radius_mm)
