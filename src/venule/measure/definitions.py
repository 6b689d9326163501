"""The one list of measurements.

A column is `<structure>_<measure>[_<statistic>][_<region>][_<unit>]`. Each definition has a
version, which changes when its values do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from venule.measure import branching, caliber, density, fractal, sparsity, tortuosity
from venule.measure.view import ZONE_B, ZONE_C, View

Structure = Literal["vessel", "artery", "vein"]
STRUCTURES: tuple[Structure, ...] = ("vessel", "artery", "vein")

Unit = Literal["", "px", "px2", "per_px", "per_px2", "rad", "deg", "um"]

UM: dict[str, tuple[str, int]] = {
    "px": ("um", 1),
    "px2": ("um2", 2),
    "per_px": ("per_um", -1),
    "per_px2": ("per_um2", -2),
}
"""The um unit for each pixel unit, and the power of um/px that converts to it."""

HART = "Hart et al. 1999"
GRISAN = "Grisan et al. 2008"
OWN = "venule"


@dataclass(frozen=True)
class Measure:
    """One measurement of one structure.

    `canonical` is the catalogue's `biomarker/variant`, to which the structure is appended; empty if
    none fits. `of_pixels` is true if it needs no graph of the vessels.
    """

    name: str
    unit: Unit
    of: Callable[[View], float]
    formula: str
    source: str = OWN
    canonical: str = ""
    zones: bool = False
    version: int = 1
    of_pixels: bool = False

    def column(self, structure: str, region: str = "") -> str:
        """The column's name."""
        parts = (structure, self.name, region, self.unit)
        return "_".join(part for part in parts if part)


class OfSegment(NamedTuple):
    """One measure of a segment's shape; `variant` is the end of its canonical name."""

    name: str
    unit: Unit
    of: tortuosity.OfShape
    formula: str
    source: str
    variant: str


SHAPES = (
    OfSegment("tortuosity_tau1", "", tortuosity.tau1, "L / C", HART, "hart-tau1"),
    OfSegment(
        "tortuosity_tau2",
        "rad",
        tortuosity.tau2,
        "integral of |k| ds, as the sum of the turns' angles",
        HART,
        "hart-tau2",
    ),
    OfSegment(
        "tortuosity_tau3", "per_px", tortuosity.tau3, "integral of k^2 ds", HART, "hart-tau3"
    ),
    OfSegment("tortuosity_tau4", "per_px", tortuosity.tau4, "tau2 / L", HART, "hart-tau4"),
    OfSegment("tortuosity_tau5", "per_px2", tortuosity.tau5, "tau3 / L", HART, "hart-tau5"),
    OfSegment("tortuosity_tau6", "per_px", tortuosity.tau6, "tau2 / C", HART, "hart-tau6"),
    OfSegment("tortuosity_tau7", "per_px2", tortuosity.tau7, "tau3 / C", HART, "hart-tau7"),
    OfSegment(
        "tortuosity_grisan",
        "per_px",
        tortuosity.grisan,
        "(n - 1) / n * sum(L_i / C_i - 1) / L over n turns",
        GRISAN,
        "grisan-density",
    ),
    OfSegment(
        "inflections", "", tortuosity.inflections, "n - 1 of n turns", GRISAN, "inflection-count"
    ),
)
"""Every measure of a segment's shape, in the order of its columns."""


def _tortuosity() -> Iterator[Measure]:
    """The measures of segments' shapes, each as median and mean over segments."""
    ways = (
        ("median", tortuosity.median_of, "median over segments"),
        ("mean", tortuosity.mean_of, "mean over segments, weighted by L"),
    )
    for statistic, over, words in ways:
        for name, unit, of, formula, source, variant in SHAPES:
            yield Measure(
                f"{name}_{statistic}",
                unit,
                over(of),
                f"{formula}; {words}",
                source,
                f"tortuosity/{variant}",
                zones=True,
            )


MEASURES: tuple[Measure, ...] = (
    Measure(
        "density",
        "",
        density.density,
        "vessel pixels / field pixels",
        canonical="vascular-density/over-field-of-view",
        zones=True,
        of_pixels=True,
    ),
    Measure(
        "density_image",
        "",
        density.density_image,
        "vessel pixels / image pixels",
        canonical="vascular-density/over-image",
        of_pixels=True,
    ),
    Measure(
        "area",
        "px2",
        density.area,
        "vessel pixels",
        canonical="vessel-area-and-length/area",
        of_pixels=True,
    ),
    Measure(
        "length",
        "px",
        density.length,
        "sum of L",
        canonical="vessel-area-and-length/skeleton-length",
    ),
    Measure("length_density", "per_px", density.length_density, "sum of L / field pixels"),
    Measure(
        "caliber_mean",
        "px",
        caliber.mean_caliber,
        "mean edge-to-edge distance along centrelines",
        canonical="vessel-calibre/mean-width",
        zones=True,
    ),
    Measure(
        "caliber_median",
        "px",
        caliber.median_caliber,
        "median of segments' mean calibres, weighted by L",
        canonical="vessel-calibre/median-width",
        zones=True,
    ),
    *_tortuosity(),
    Measure(
        "fractal_box",
        "",
        fractal.box_dimension,
        "-slope of log N over log e, e doubled from side/128 to side/16",
        "Mandelbrot 1983",
        "fractal-dimension/box-counting",
        of_pixels=True,
    ),
    Measure(
        "fractal_d0",
        "",
        fractal.d0,
        "-slope of log N over log e, 10 sizes",
        "Hentschel and Procaccia 1983",
        "fractal-dimension/multifractal-d0",
        of_pixels=True,
    ),
    Measure(
        "fractal_d1",
        "",
        fractal.d1,
        "slope of sum p log p over log e",
        "Hentschel and Procaccia 1983",
        "fractal-dimension/multifractal-d1",
        of_pixels=True,
    ),
    Measure(
        "fractal_d2",
        "",
        fractal.d2,
        "slope of log sum p^2 over log e",
        "Hentschel and Procaccia 1983",
        "fractal-dimension/multifractal-d2",
        of_pixels=True,
    ),
    Measure(
        "lacunarity",
        "",
        fractal.lacunarity,
        "E[M^2] / E[M]^2 in gliding boxes, mean of side/64, /32, /16",
        "Plotnick et al. 1996",
        of_pixels=True,
    ),
    Measure(
        "junctions",
        "",
        branching.junctions,
        "places where three or more arms meet",
        canonical="junction-counts/junctions",
    ),
    Measure("bifurcations", "", branching.bifurcations, "junctions - crossings"),
    Measure(
        "crossings", "", branching.crossings, "junctions through which two vessels run straight on"
    ),
    Measure(
        "endpoints", "", branching.endpoints, "free ends", canonical="junction-counts/endpoints"
    ),
    Measure(
        "components",
        "",
        branching.components,
        "8-connected components",
        canonical="junction-counts/components",
    ),
    Measure(
        "branching_angle_median",
        "deg",
        branching.median_at_forks(branching.angle),
        "angle between daughters; median over bifurcations",
        canonical="bifurcation-angle/between-daughters",
    ),
    Measure(
        "branching_coefficient_median",
        "",
        branching.median_at_forks(branching.coefficient),
        "(d1^2 + d2^2) / d0^2; median over bifurcations",
        "Murray 1926",
    ),
    Measure(
        "asymmetry_median",
        "",
        branching.median_at_forks(branching.asymmetry),
        "(narrower / wider daughter)^2; median over bifurcations",
    ),
    Measure(
        "sparsity_mean",
        "px",
        sparsity.mean_distance,
        "mean distance to the nearest vessel's edge",
        "Vargas Quiros et al. 2026",
        "sparsity/mean-distance",
        of_pixels=True,
    ),
    Measure(
        "sparsity_max",
        "px",
        sparsity.largest_distance,
        "largest distance to the nearest vessel's edge",
        "Vargas Quiros et al. 2026",
        "sparsity/max-distance",
        of_pixels=True,
    ),
)
"""Every measurement of one structure, in the order of its columns."""

ZONES = (ZONE_B, ZONE_C)
