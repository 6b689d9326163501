"""A drawing with the true measurements of its geometry."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from phantoms.shapes import Curve, Mask, draw_tube, draw_tubes, length_of

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
    """One drawing and its true measurements.

    `truth` gives values by column, `scale` the micrometres per pixel and `disc` the optic disc, if
    needed. `group` joins cases that differ only in position and angle.
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
    """A tube of constant width; `truth` is extended by the values that follow from this."""
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
    """Several tubes of equal width; `truth` is extended by their length and calibre."""
    total = sum(length_of(curve) for curve in curves)
    return Known(
        family,
        group,
        lambda: Drawing(vessels=draw_tubes((side, side), curves, width)),
        {"vessel_length_px": total, "vessel_caliber_mean_px": width, **truth},
        settings={"side": side, "width": width},
    )
