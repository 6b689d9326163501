"""Images of the measurements: calibre, tortuosity, the graph, and the equivalents' vessels."""

import math
from collections.abc import Sequence

import numpy as np

from venule.analysis.mask_files import MaskFiles
from venule.image.arrays import RGB
from venule.image.photograph import read_photograph
from venule.measure.equivalents import MOST
from venule.measure.photograph import Measurements
from venule.measure.ring_vessels import vessels_in_ring
from venule.measure.table import Row
from venule.measure.tortuosity import has_shape, shape_of, tau1
from venule.measure.view import ZONE_B, ZONE_C, View, zone_mask
from venule.vessels.tree import Segment
from venule.viz.small_multiples import small_multiples
from venule.viz.vessel_lines import Color, ColorBar, Kind, Line, Mark, colors_of, draw_lines

PICTURES = ("caliber", "tortuosity", "graph", "zones")
"""Names of the images of one photograph."""

COHORT = (
    "vessel_density",
    "vessel_caliber_mean_px",
    "vessel_tortuosity_tau1_mean",
    "vessel_tortuosity_tau4_mean_per_px",
    "vessel_fractal_d0",
    "vessel_junctions",
)
"""The six measurements on a cohort's sheet."""

# Okabe and Ito's palette for the colour-blind.
_BIFURCATION, _CROSSING, _END = (230, 159, 0), (204, 121, 167), (86, 180, 233)
_COLORS: dict[str, Color] = {
    "vessel": (0, 158, 115),
    "artery": (213, 94, 0),
    "vein": (86, 180, 233),
}
_RING: Color = (255, 255, 255)


def pictures(entry: MaskFiles, found: Measurements) -> dict[str, RGB]:
    """The `PICTURES` of one photograph, by name; zones only with a disc."""
    view = next(iter(found.views.values()))
    under = _background(entry, view)
    segments = view.segments
    drawn = {
        "caliber": _colored(
            under, segments, [one.mean_caliber_px for one in segments], "calibre [px]"
        ),
        "tortuosity": _colored(
            under,
            segments,
            [tau1(shape_of(one)) if has_shape(one) else math.nan for one in segments],
            "tortuosity tau1",
        ),
        "graph": _graph(under, view),
    }
    if found.disc is not None:
        drawn["zones"] = _zones(under, found)
    return drawn


def cohort(rows: Sequence[Row]) -> RGB:
    """Six measurements of all photographs as small multiples."""
    panels = []
    for name in COHORT:
        values = [row.values.get(name) for row in rows]
        numbers = [math.nan if value is None else float(value) for value in values]
        panels.append((name.replace("_", " "), numbers))
    return small_multiples(panels)


def _background(entry: MaskFiles, view: View) -> RGB:
    """The photograph, if there is one of the masks' size, else the masks."""
    if "photograph" in entry.files:
        pixels = read_photograph(entry.files["photograph"]).pixels
        if pixels.shape[:2] == view.mask.shape:
            return pixels
    grey = np.where(view.mask, 200, np.where(view.region, 70, 0)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _colored(under: RGB, segments: Sequence[Segment], values: Sequence[float], title: str) -> RGB:
    seen = [value for value in values if math.isfinite(value)]
    low, high = np.percentile(seen, (2, 98)) if seen else (0.0, 1.0)
    colors = colors_of(values, float(low), float(high))
    lines = [
        Line(_path(segment), color, max(2.0, under.shape[1] / 450))
        for segment, color in zip(segments, colors, strict=True)
    ]
    return draw_lines(under, lines, bar=ColorBar(title, float(low), float(high)))


def _graph(under: RGB, view: View) -> RGB:
    width = max(1.5, under.shape[1] / 700)
    lines = [Line(_path(one), _COLORS["vessel"], width) for one in view.segments]
    marks = []
    for node in view.tree.nodes:
        color = _CROSSING if node.is_crossing else _BIFURCATION if node.is_junction else _END
        kind: Kind = "square" if node.is_crossing else "dot"
        size = 6.0 if node.is_crossing else 4.0 if node.is_junction else 3.0
        marks.append(Mark(node.position[0], node.position[1], size, color, kind))
    legend = (("bifurcation", _BIFURCATION), ("crossing", _CROSSING), ("free end", _END))
    return draw_lines(under, lines, marks, legend=legend)


def _zones(under: RGB, found: Measurements) -> RGB:
    """The rings around the disc, and the vessels used for the equivalents."""
    disc = found.disc
    assert disc is not None
    lines, legend = [], []
    for structure in ("artery", "vein") if "artery" in found.views else ("vessel",):
        view = found.views.get(structure)
        if view is None:
            continue
        region = zone_mask(view.tree.shape, ZONE_B, disc) & view.region
        chosen = vessels_in_ring(view.within(ZONE_B, disc, region))[:MOST]
        color = _COLORS[structure]
        lines += [Line(_path(one), color, one.mean_caliber_px) for one in chosen]
        legend.append((f"{structure}: {len(chosen)} widest in zone B", color))
    radii = (1.0, ZONE_B.inner, ZONE_B.outer, ZONE_C.outer)
    marks = [Mark(disc.row, disc.column, r * disc.radius_px, _RING, "ring") for r in radii]
    return draw_lines(under, lines, marks, legend=legend)


def _path(segment: Segment) -> np.ndarray:
    if segment.closed:
        return np.concatenate((segment.points, segment.points[:1]))
    return segment.points
