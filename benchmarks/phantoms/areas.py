"""Masks with known fractal dimension, density or central equivalents."""

import math
from collections.abc import Iterator

import numpy as np

from phantoms.case import FEW_ANGLES, Drawing, Known
from phantoms.shapes import disc, draw_tube, koch, line, place, sierpinski_carpet


def fractals() -> Iterator[Known]:
    """Sets of known fractal dimension."""
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


def bands() -> Iterator[Known]:
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


def rings() -> Iterator[Known]:
    """A circular vessel."""
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


def equivalent(calibers: list[float], factor: float) -> float:
    """Knudtson's rule written out for six vessels, w1 the widest: explicitly, not as a loop."""
    w1, w2, w3, w4, w5, w6 = sorted(calibers, reverse=True)
    a, b, c = (factor * math.hypot(x, y) for x, y in ((w1, w6), (w2, w5), (w3, w4)))
    low, middle, high = sorted((a, b, c))
    return float(factor * math.hypot(*sorted((factor * math.hypot(low, high), middle))))


def spokes() -> Iterator[Known]:
    """Six arteries and six veins through zone B, alternating, around discs of several sizes."""
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

            crae, crve = equivalent(arteries, 0.88), equivalent(veins, 0.95)
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
