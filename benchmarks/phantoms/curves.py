"""Single vessels whose length, calibre and tortuosity are known in closed form."""

import math
from collections.abc import Iterator

import numpy as np

from phantoms.case import ANGLES, FEW_ANGLES, Drawing, Known, tube
from phantoms.shapes import arc, draw_tube, koch, line, place, sine


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


def lines() -> Iterator[Known]:
    """Straight vessels."""
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
            yield tube("line", side, curve, width, truth, angle)


def arcs() -> Iterator[Known]:
    """Arcs of circles."""
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
            yield tube("arc", side, curve, width, truth, angle)


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


def sines() -> Iterator[Known]:
    """Sine waves."""
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
            yield tube("sine", side, curve, width, sine_truth(a, w, cycles), angle)


def tapers() -> Iterator[Known]:
    """Straight vessels that taper."""
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


def koch_curves() -> Iterator[Known]:
    """Sharp corners: segments at least five calibres long."""
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
            case = tube("Koch curve", side, curve, width, truth, angle)
            del case.truth["vessel_area_px2"], case.truth["vessel_density"]
            yield case
