"""A drawing with the measurements that its geometry requires."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from venule.synth.shapes import Curve, Mask, draw_tube, draw_tubes, length_of

ANGLES = (0.0, 1.5, 7.0, 15.0, 22.5, 30.0, 37.0, 45.0, 60.0, 90.0)
FEW_ANGLES = (0.0, 22.5, 30.0, 67.0)

Circle = tuple[float, float, float]
"""Row, column and radius of a disc in pixels."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Masks of one case, each (H, W) bool."""

    vessels: Mask | None = None
    artery: Mask | None = None
    vein: Mask | None = None
    fov: Mask | None = None


@dataclass(frozen=True, eq=False)
class Known:
    """One drawing and what must be measured on it.

    `truth` gives values by column, `scale` the micrometres per pixel and `disc` the optic disc, if
    they are needed. `group` gathers the cases that differ in place and angle alone.
    """

    family: str
    group: str
    draw: Callable[[], Drawing]
    truth: Mapping[str, float]
    disc: Circle | None = None
    um_per_px: float | None = None
    settings: Mapping[str, float] = field(default_factory=dict)


def tube(
    family: str, side: int, curve: Curve, width: float, truth: dict[str, float], angle: float
) -> Known:
    """A tube of constant width: what every such vessel settles is added to `truth`."""
    length = length_of(curve)
    always = {
        "vessel_length_px": length,
        "vessel_area_px2": length * width + math.pi * width**2 / 4,
        "vessel_density": (length * width + math.pi * width**2 / 4) / side**2,
        "vessel_junctions": 0.0,
        "vessel_endpoints": 2.0,
        "vessel_components": 1.0,
    }
    if width >= 4:
        always["vessel_caliber_mean_px"] = width
        always["vessel_caliber_median_px"] = width
    return Known(
        family,
        f"{family} {side} px, {width:g} wide",
        lambda: Drawing(vessels=draw_tube((side, side), curve, width)),
        {**always, **truth},
        settings={"side": side, "width": width, "angle": angle},
    )


def tubes(
    family: str, group: str, side: int, curves: list[Curve], width: float, truth: dict[str, float]
) -> Known:
    """Several tubes of one width; their length and calibre are added to `truth`."""
    total = sum(length_of(curve) for curve in curves)
    return Known(
        family,
        group,
        lambda: Drawing(vessels=draw_tubes((side, side), curves, width)),
        {"vessel_length_px": total, "vessel_caliber_mean_px": width, **truth},
        settings={"side": side, "width": width},
    )
