"""Drawn vessels whose measurements are known in closed form: what the measurements are proven on.

Every case is one drawing with the values that its geometry requires, by the name of the column. The
list was fixed before the measurements were tuned. Frames of 600 to 3,500 px, vessels 2 to 25 px
wide, at angles along the pixel grid, near it and away from it.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from venule.synth.shapes import (
    Curve,
    Mask,
    arc,
    disc,
    draw_tube,
    draw_tubes,
    koch,
    length_of,
    line,
    place,
    sierpinski_carpet,
    sine,
    turn,
)

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


def known_cases() -> Iterator[Known]:
    """All cases; they are drawn when asked for."""
    for family in _FAMILIES:
        yield from family()


def _one(
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


def _hart(
    length: float, chord: float, curvature: float, squared: float, turns: int, grisan: float
) -> dict[str, float]:
    return {
        "vessel_tortuosity_tau1_median": length / chord,
        "vessel_tortuosity_tau2_median_rad": curvature,
        "vessel_tortuosity_tau3_median_per_px": squared,
        "vessel_tortuosity_tau4_median_per_px": curvature / length,
        "vessel_tortuosity_tau5_median_per_px2": squared / length,
        "vessel_tortuosity_tau6_median_per_px": curvature / chord,
        "vessel_tortuosity_tau7_median_per_px2": squared / chord,
        "vessel_tortuosity_grisan_median_per_px": grisan,
        "vessel_inflections_median": turns - 1.0,
    }


def _lines() -> Iterator[Known]:
    for side, width in (
        (600, 2),
        (600, 4),
        (1000, 3),
        (1000, 6),
        (2048, 9),
        (2048, 16),
        (3500, 25),
    ):
        for number, angle in enumerate(ANGLES):
            center = (side / 2 + 0.21 + 0.37 * number % 1, side / 2 + 0.61 * number % 1)
            curve = place(line((0, 0), angle, 0.7 * side), center=center)
            truth = _hart(1, 1, 0, 0, 1, 0)
            yield _one("line", side, curve, width, truth, angle)


def _arcs() -> Iterator[Known]:
    for side, width, radius, sweep in (
        (600, 3, 0.3, 90),
        (600, 6, 0.4, 60),
        (1000, 5, 0.15, 180),
        (1000, 10, 0.3, 120),
        (2048, 16, 0.22, 90),
        (2048, 24, 0.165, 90),
        (3500, 25, 0.3, 75),
    ):
        for number, angle in enumerate(FEW_ANGLES):
            r, theta = radius * side, math.radians(sweep)
            center = (side / 2 + 0.3 * number, side / 2 - 0.7 * number)
            curve = place(arc(r, sweep), angle_deg=angle, center=center)
            chord = 2 * r * math.sin(theta / 2)
            truth = _hart(r * theta, chord, theta, theta / r, 1, 0)
            yield _one("arc", side, curve, width, truth, angle)


def sine_truth(amplitude: float, wavelength: float, cycles: float) -> dict[str, float]:
    """Hart's and Grisan's measures of a sine wave, by fine numerical integration."""
    x = np.linspace(0, wavelength * cycles, 400_001)
    k = 2 * math.pi / wavelength
    slope, second = amplitude * k * np.cos(k * x), -amplitude * k**2 * np.sin(k * x)
    element = np.sqrt(1 + slope**2)
    kappa = np.abs(second) / element**3
    length = float(np.trapezoid(element, x))
    half = float(np.trapezoid(element[x <= wavelength / 2], x[x <= wavelength / 2]))
    turns = round(2 * cycles)
    excess = turns * (half / (wavelength / 2) - 1)
    return _hart(
        length,
        wavelength * cycles,
        float(np.trapezoid(kappa * element, x)),
        float(np.trapezoid(kappa**2 * element, x)),
        turns,
        (turns - 1) / turns * excess / length,
    )


def _sines() -> Iterator[Known]:
    for side, width, amplitude, wavelength, cycles in (
        (600, 4, 0.02, 0.25, 3),
        (600, 6, 0.05, 0.3, 2),
        (1000, 5, 0.03, 0.2, 3.5),
        (1000, 8, 0.01, 0.3, 2),
        (2048, 16, 0.035, 0.16, 1.5),
        (2048, 24, 0.035, 0.16, 1.5),
        (2048, 16, 0.04, 0.25, 2),
        (3500, 20, 0.02, 0.15, 4),
    ):
        for number, angle in enumerate(FEW_ANGLES):
            a, w = amplitude * side, wavelength * side
            center = (side / 2 + 0.3 * number, side / 2 - 0.7 * number)
            curve = place(sine(a, w, cycles), angle_deg=angle, center=center)
            yield _one("sine", side, curve, width, sine_truth(a, w, cycles), angle)


def _tapers() -> Iterator[Known]:
    for side, first, last in ((600, 8, 4), (1000, 14, 5), (2048, 25, 10)):
        for number, angle in enumerate(FEW_ANGLES):
            ends = place(
                line((0, 0), angle, 0.7 * side), center=(side / 2 + 0.37 * number, side / 2)
            )
            curve = np.linspace(ends[0], ends[1], 50)
            widths = np.linspace(first, last, 50)
            yield Known(
                "taper",
                f"taper {side} px, {first} to {last}",
                lambda side=side, curve=curve, widths=widths: Drawing(  # type: ignore[misc]
                    vessels=draw_tube((side, side), curve, widths)
                ),
                {
                    "vessel_caliber_mean_px": (first + last) / 2,
                    "vessel_length_px": 0.7 * side,
                    "vessel_tortuosity_tau1_median": 1.0,
                    "vessel_junctions": 0.0,
                    "vessel_endpoints": 2.0,
                },
            )


def _drawn(
    family: str, group: str, side: int, curves: list[Curve], width: float, truth: dict[str, float]
) -> Known:
    total = sum(length_of(curve) for curve in curves)
    return Known(
        family,
        group,
        lambda: Drawing(vessels=draw_tubes((side, side), curves, width)),
        {"vessel_length_px": total, "vessel_caliber_mean_px": width, **truth},
        settings={"side": side, "width": width},
    )


def _forks() -> Iterator[Known]:
    """Y junctions: one parent and two daughters, symmetric about its direction."""
    for side, width in ((600, 4), (1000, 9), (2048, 16), (2048, 24)):
        for opening in (40.0, 60.0, 75.0, 90.0, 110.0):
            for angle in FEW_ANGLES:
                center, arm = (side / 2 + 0.4, side / 2 - 0.3), 0.2 * side
                curves = [
                    line(center, angle + heading, arm)
                    for heading in (180, opening / 2, -opening / 2)
                ]
                truth = {
                    "vessel_branching_angle_median_deg": opening,
                    "vessel_junctions": 1.0,
                    "vessel_bifurcations": 1.0,
                    "vessel_crossings": 0.0,
                    "vessel_endpoints": 3.0,
                    "vessel_components": 1.0,
                    "vessel_tortuosity_tau1_median": 1.0,
                    "vessel_asymmetry_median": 1.0,
                    "vessel_branching_coefficient_median": 2.0,
                }
                group = f"Y {side} px, {width} wide, {opening:g} degrees"
                yield _drawn("Y junction", group, side, curves, width, truth)


def _crossings() -> Iterator[Known]:
    for side, width in ((600, 4), (1000, 9), (2048, 16), (2048, 24)):
        for opening in (25.0, 40.0, 60.0, 90.0):
            for angle in FEW_ANGLES:
                center, arm = (side / 2 + 0.4, side / 2 - 0.3), 0.25 * side
                curves = [
                    place(line((0, 0), angle + heading, 2 * arm), center=center)
                    for heading in (0, opening)
                ]
                truth = {
                    "vessel_junctions": 1.0,
                    "vessel_crossings": 1.0,
                    "vessel_endpoints": 4.0,
                    "vessel_components": 1.0,
                    "vessel_tortuosity_tau1_median": 1.0,
                }
                group = f"X {side} px, {width} wide, {opening:g} degrees"
                yield _drawn("X crossing", group, side, curves, width, truth)


def tree(
    start: tuple[float, float], heading: float, arm: float, generations: int, opening: float
) -> list[Curve]:
    """A trunk that forks again and again, each time at the same angle and with the same length."""
    growing, curves = [(start, heading)], []
    for generation in range(generations + 1):
        tips = []
        for place_, towards in growing:
            curve = line(place_, towards, arm * 0.8**generation)
            curves.append(curve)
            tip = (float(curve[1][0]), float(curve[1][1]))
            tips += [(tip, towards - opening / 2), (tip, towards + opening / 2)]
        growing = tips
    return curves


def _trees() -> Iterator[Known]:
    for side, width, arm in ((600, 3, 110), (1000, 6, 180), (2048, 12, 400), (3500, 20, 680)):
        for angle in FEW_ANGLES:
            start = turn(np.array(((side / 2, 0.12 * side),)), angle, (side / 2, side / 2))[0]
            curves = tree((start[0], start[1]), angle, arm, 3, 60)
            truth = {
                "vessel_junctions": 7.0,
                "vessel_crossings": 0.0,
                "vessel_endpoints": 9.0,
                "vessel_components": 1.0,
                "vessel_branching_angle_median_deg": 60.0,
                "vessel_tortuosity_tau1_median": 1.0,
            }
            yield _drawn("tree", f"tree {side} px, {width} wide", side, curves, width, truth)


def _parallel() -> Iterator[Known]:
    for side, width, gap in ((600, 4, 3), (1000, 8, 4), (2048, 16, 6)):
        for angle in FEW_ANGLES:
            curves = [
                turn(
                    line((side / 2 + 0.3 + (n - 1.5) * (width + gap), 0.2 * side), 0, 0.6 * side),
                    angle,
                    (side / 2, side / 2),
                )
                for n in range(4)
            ]
            truth = {
                "vessel_junctions": 0.0,
                "vessel_endpoints": 8.0,
                "vessel_components": 4.0,
                "vessel_tortuosity_tau1_median": 1.0,
            }
            group = f"parallel {side} px, {width} wide, {gap} apart"
            yield _drawn("parallel", group, side, curves, width, truth)


def _koch_curves() -> Iterator[Known]:
    """Sharp corners: pieces at least five calibres long."""
    for side, width, generations, share in (
        (600, 4, 1, 0.7),
        (1000, 6, 2, 0.8),
        (2048, 8, 2, 0.34),
        (2048, 12, 2, 0.34),
        (3500, 10, 3, 0.8),
    ):
        for angle in FEW_ANGLES:
            curve = place(
                koch(share * side, generations), angle_deg=angle, center=(side / 2, side / 2 + 0.3)
            )
            truth = {
                "vessel_tortuosity_tau1_median": (4 / 3) ** generations,
                "vessel_length_px": (4 / 3) ** generations * share * side,
            }
            case = _one("Koch curve", side, curve, width, truth, angle)
            del case.truth["vessel_area_px2"], case.truth["vessel_density"]
            yield case


def _fractals() -> Iterator[Known]:
    names = ("vessel_fractal_box", "vessel_fractal_d0", "vessel_fractal_d1", "vessel_fractal_d2")
    for generations in (6, 7):
        yield Known(
            "Sierpinski carpet",
            f"carpet {3**generations} px",
            lambda n=generations: Drawing(vessels=sierpinski_carpet(n)),  # type: ignore[misc]
            dict.fromkeys(names, math.log(8) / math.log(3)),
        )
    for side in (1024, 2048):
        for angle in FEW_ANGLES:
            yield Known(
                "fractal Koch curve",
                f"Koch, 6 generations {side} px",
                lambda side=side, angle=angle: Drawing(  # type: ignore[misc]
                    vessels=draw_tube(
                        (side, side),
                        place(koch(0.75 * side, 6), angle_deg=angle, center=(side / 2, side / 2)),
                        1.5,
                    )
                ),
                dict.fromkeys(names, math.log(4) / math.log(3)),
            )
    yield Known(
        "filled frame",
        "filled frame",
        lambda: Drawing(vessels=np.ones((700, 900), bool)),
        {**dict.fromkeys(names, 2.0), "vessel_lacunarity": 1.0, "vessel_density": 1.0},
    )


def _bands() -> Iterator[Known]:
    """A straight vessel across the whole frame: mean distance to its edges in closed form."""
    for side, width in ((600, 5), (1001, 11), (2048, 24)):

        def draw(side: int = side, width: int = width) -> Drawing:
            mask = np.zeros((side, side), bool)
            first = (side - width) // 2
            mask[:, first : first + width] = True
            return Drawing(vessels=mask)

        left = (side - width) // 2
        right = side - width - left
        yield Known(
            "band",
            f"band {side} px",
            draw,
            {
                "vessel_density": width / side,
                "vessel_sparsity_mean_px": (left**2 + right**2) / 2 / side,
                "vessel_length_px": float(side),
                "vessel_caliber_mean_px": float(width),
            },
        )


def _rings() -> Iterator[Known]:
    for side, radius, width in ((600, 200.3, 8), (1000, 150.7, 14), (2048, 700.1, 20)):
        center = (side / 2 + 0.2, side / 2 - 0.4)
        yield Known(
            "annulus",
            f"annulus {side} px",
            lambda side=side, radius=radius, width=width, center=center: Drawing(  # type: ignore[misc]
                vessels=disc((side, side), center, radius + width / 2)
                & ~disc((side, side), center, radius - width / 2)
            ),
            {
                "vessel_length_px": 2 * math.pi * radius,
                "vessel_caliber_mean_px": float(width),
                "vessel_area_px2": 2 * math.pi * radius * width,
                "vessel_junctions": 0.0,
                "vessel_endpoints": 0.0,
                "vessel_components": 1.0,
            },
        )


def _equivalent(calibers: list[float], factor: float) -> float:
    """Knudtson's rule written out for six vessels, w1 widest: by hand, not by a loop."""
    w1, w2, w3, w4, w5, w6 = sorted(calibers, reverse=True)
    a, b, c = (factor * math.hypot(x, y) for x, y in ((w1, w6), (w2, w5), (w3, w4)))
    low, middle, high = sorted((a, b, c))
    return float(factor * math.hypot(*sorted((factor * math.hypot(low, high), middle))))


def _spokes() -> Iterator[Known]:
    """Six arteries and six veins through zone B, alternating, about discs of several sizes."""
    for side, radius, arteries, veins, um in (
        (2048, 180.0, [16.0] * 6, [24.0] * 6, 5.0),
        (1500, 120.0, [6.0, 7.0, 8.0, 9.0, 10.0, 11.0], [8.0, 9.5, 11.0, 12.5, 14.0, 15.5], 7.5),
        (
            3000,
            250.0,
            [12.0, 14.0, 16.0, 18.0, 20.0, 22.0],
            [15.0, 17.0, 19.0, 21.0, 23.0, 25.0],
            4.0,
        ),
    ):
        for angle in FEW_ANGLES:
            center = (side / 2 + 0.3, 0.5 * side - 0.45)

            def draw(
                side: int = side,
                radius: float = radius,
                arteries: list[float] = arteries,
                veins: list[float] = veins,
                angle: float = angle,
                center: tuple[float, float] = center,
            ) -> Drawing:
                masks = {}
                for name, widths, first in (("artery", arteries, 0), ("vein", veins, 30)):
                    mask = np.zeros((side, side), bool)
                    for number, width in enumerate(widths):
                        heading = angle + first + 60 * number
                        start = line(center, heading, radius)[1]
                        mask |= draw_tube((side, side), line(start, heading, 2.4 * radius), width)
                    masks[name] = mask
                return Drawing(artery=masks["artery"], vein=masks["vein"])

            crae, crve = _equivalent(arteries, 0.88), _equivalent(veins, 0.95)
            yield Known(
                "spokes",
                f"spokes {side} px",
                draw,
                {
                    "artery_cre_knudtson_zone_b_px": crae,
                    "vein_cre_knudtson_zone_b_px": crve,
                    "artery_cre_knudtson_zone_b_um": crae * um,
                    "vein_cre_knudtson_zone_b_um": crve * um,
                    "avr_knudtson_zone_b": crae / crve,
                    "artery_cre_knudtson_zone_b_n": 6.0,
                    "artery_caliber_mean_px": sum(arteries) / 6,
                    "vein_caliber_mean_px": sum(veins) / 6,
                    "caliber_ratio": sum(arteries) / sum(veins),
                    "artery_length_px": 6 * 2.4 * radius,
                    "artery_components": 6.0,
                    "vessel_components": 12.0,
                    "vessel_junctions": 0.0,
                    "vessel_endpoints": 24.0,
                },
                disc=(center[0], center[1], radius),
                um_per_px=um,
            )


def _spurred() -> Iterator[Known]:
    """A tree with a short stub at right angles at each fork: junctions of four arms."""
    for width in (16.0, 24.0):
        for angle in (0.0, 30.0, 60.0, 90.0):
            side, arm, opening = 2048, 0.07 * 2048, 50.0
            growing = [(np.array((1024.0, 1100.0)), 190.0 + angle)]
            curves = [line(growing[0][0], growing[0][1], arm)]
            growing = [(curves[0][1], growing[0][1])]
            for generation in range(3):
                tips, reach = [], arm * 0.8**generation  # shorter, or daughters' tips would meet
                for tip, heading in growing:
                    pair = [line(tip, heading + turn_, reach) for turn_ in (-25, 25)]
                    curves += [*pair, line(tip, heading + 90, 0.35 * arm)]
                    if generation < 2:
                        tips += [(pair[0][1], heading - 25), (pair[1][1], heading + 25)]
                growing = tips
            truth = {
                "vessel_junctions": 7.0,
                "vessel_endpoints": 16.0,
                "vessel_components": 1.0,
                "vessel_branching_angle_median_deg": opening,
                "vessel_tortuosity_tau1_median": 1.0,
            }
            group = f"tree with stubs, {width:g} wide"
            yield _drawn("tree with stubs", group, side, curves, width, truth)


_FAMILIES = (
    _lines,
    _arcs,
    _sines,
    _tapers,
    _forks,
    _crossings,
    _trees,
    _parallel,
    _koch_curves,
    _fractals,
    _bands,
    _rings,
    _spokes,
    _spurred,
)
