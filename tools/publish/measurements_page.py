"""The page of measurements: every definition with its verification.

Definitions are taken from the code; the figures come from `benchmarks/measure.py`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from venule.evaluation.report import markdown
from venule.measure.columns import UNITS, all_columns
from venule.measure.definitions import MEASURES
from venule.measure.scale import REFERENCE_AXIAL_MM

PAGE = "measurements.md"

FOLDER = "measure"

Json = Mapping[str, Any]

INTRODUCTION = """\
# Measurements

Written by `make results`; do not edit. [`venule measure`](commands.md#measure) and
[`venule predict --measure`](commands.md#predict) measure vessel masks, predicted or manual:

```python
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.view import Disc

found = measure_photograph(VesselMasks(vessels=mask, fov=fov), disc=Disc(row, column, radius_px))
found.values["vessel_caliber_mean_px"]  # columns in order; None where there is no value
found.notes  # why
```

A column is `<structure>_<measure>[_<statistic>][_<region>][_<unit>]`: structure `vessel`, `artery`
or `vein`; the whole field of view unless a region is named. A value that cannot be measured is left
empty, with the reason in `notes`; nothing is guessed. See also [which of them are
repeatable](repeatability.md). The other columns are in the dictionary too: `mask_source` is
predicted, corrected or manual, or unknown if it is not stated, and `scale_um_per_px` is the scale
that was used.

## Conventions

- **Pixels.** Pixel centres lie at integers; the first row and column are 0. Lengths are in px, and
  also in um if there is a scale: given, or by a stated assumption (`--disc-diameter-um`). Pixels
  are taken as square; `notes` says so if DICOM's PixelSpacing or a stretched field contradicts it.
- **Field.** Only vessels inside the field of view count, and densities are shares of it. Without
  one, the whole frame counts, and the notes say so. A mask of more than 40 % of it is not a vessel
  map: it has area and fractal dimensions, but no graph, and all measures of the graph are empty.
- **Zones.** R is the radius of the disc, a circle (an ellipse becomes the circle of equal area).
  Zone B is the ring from 2 R to 3 R from the disc's *centre*, zone C from 2 R to 5 R: 0.5 to 1, and
  0.5 to 2, disc diameters from its margin. Other tools use these names for other rings.
- **Reconnected pixels**, which only close gaps between components, count for the graph (length,
  junctions, tortuosity), never for calibre or area.
- **Vessel graph.** The mask, with holes of at most 8 px or half a mean width squared filled, is
  thinned (Lee, Kashyap and Chu 1994). Forks whose inscribed circles overlap are merged. A path with
  a free end is a spur unless it reaches beyond its vessel's edge by more than three quarters of
  that vessel's width, and by more than half of it plus 2 px. Two forks are one crossing if straight
  vessels run from one to the other. A junction is a crossing if four of its arms form two straight
  vessels (150 degrees or more, calibres within a factor of 0.6), else a fork. `junctions` counts
  both.
- **Centreline.** Midway between the two edges; in sharp bends, half a calibre from the outer edge.
  It is smoothed by the stiffest quintic spline that misses these points by no more than the noise
  of the pixel grid, which depends on direction, so larger bends are kept. The residuals are
  smoothed and added back twice, where edges are as smooth as a grid allows. Curvature is at most
  that of a tube of the same calibre: 1 over half the calibre.
- **Ends.** A vessel's round cap of half a calibre does not count as length. At a fork a segment
  begins where the centrelines of its arms meet. At the edge of the field of view a vessel is cut
  and measured up to there.
- **Calibre.** The distance between the vessel's edges along the normal of its centreline, each edge
  midway between the last pixel centre inside and the first outside, profiles averaged along the
  vessel. It is not measured near forks, in sharp bends, or where another edge is nearer.
- **Segments** shorter than 10 px or two calibres have no tortuosity. L is a segment's length, C its
  chord (none for a ring, or a loop whose ends touch), k its curvature, n its number of turns:
  stretches that bend one way by 0.75 px or more. Tortuosity and inflections depend on resolution:
  compare them only within one camera and image size ([altered
  masks](repeatability.md#altered-masks)).
- **Equivalents** use the six widest vessels in zone B; `*_n` gives the number used. They grow
  with that number, so compare only those of the same number; `notes` says if there were fewer. A
  vessel counts from the ring's inner edge to its first junction. If that is less than a third of
  the ring's depth, it is followed past crossings and side branches (less than two thirds as wide
  as what goes straight on); at a bifurcation its branches count instead, unless the widest has
  less than 0.6 of its calibre. Knudtson's factors need no scale; Hubbard's constants are in um,
  so those columns need one, and at least two vessels.
- **Fractal dimensions** are slopes over boxes of side/128 to side/16; side^2 is the field's area.
  D0 to D2 are those of Hentschel and Procaccia (1983, doi 10.1016/0167-2789(83)90235-X). Boxes that
  only touch an edge or an end of a vessel count fully in D0, but hardly in D1 and D2, so over this
  range the theory's order D0 >= D1 >= D2 need not hold: on DRIVE's vessels it is reversed.
- **Bifurcations.** The parent is the arm 1.1 times as wide as the next one; if there is none, the
  daughters are the two arms with the smallest angle between them. Directions are measured over two
  calibres beyond the fork, calibres over four.
"""

PROOF = """\
The shapes were fixed before the measurements were tuned. Three were wrong and have been corrected:
edges that ran exactly through pixel centres were moved by a fraction of a pixel, and a tree whose
branches met at their tips was given shorter ones.

Known limits: the total curvature of a gentle wave comes out up to 4 % too large on drawings
outside this table, because the spline keeps its bend up to the ends of a segment, where a wave is
straight. A straight vessel 1 to 3 degrees, or about 7 degrees, off the grid is a staircase in a
mask, and a short one may seem to bend (`tau3` up to 0.13 at 7 degrees, as much as a tight curve).
Two vessels that cross at less than 17 degrees count as two bifurcations. A branch that leaves
backwards, at more than 90 degrees from a trunk that hardly narrows, has the supplement of its
angle. A diagonal line of single pixels has a calibre of half a pixel, a horizontal one of one
pixel. Corners of 60 degrees are cut, which costs the Koch curve 1 % of its length, and 4 % where
its pieces are 25 px long. For a vessel along the grid the area, and up to half a pixel of the
calibre, depend on its position. One vessel in the photograph that is two in the mask counts as
two; segments end at crossings.
"""

SCALE = f"""\
## Magnification

With `axial_length_mm` a given scale is multiplied by (axial length - 1.82) /
({REFERENCE_AXIAL_MM:g} - 1.82): retinal size is proportional to 0.01306 (axial length - 1.82)
(Bennett, Rudnicka and Edgar 1994), and a nominal scale is taken to hold for an eye of
{REFERENCE_AXIAL_MM:g} mm, Bennett and Rabbetts' schematic eye. The camera's own factor cancels. The
notes record it.
"""


def measurements_page(folder: Path) -> str:
    """Write the text of docs/measurements.md."""
    lines = [INTRODUCTION, SCALE, "## Definitions", ""]
    lines.append(
        "For one structure; `vessel`, `artery` and `vein` have the same. The canonical name is the "
        "`biomarker/variant` of the public catalogue of retinal biomarkers, followed by the "
        "structure. `venule measure --dictionary FILE` writes all columns."
    )
    lines += ["", *markdown(_definitions(), words=(0, 1, 2, 4, 5)), ""]
    lines += [*markdown(_others(), words=(0, 1, 2, 3)), "", "## Proof", ""]
    path = folder / FOLDER / "proof.json"
    if path.exists():
        lines += _proof(json.loads(path.read_text(encoding="utf-8")))
    else:
        lines.append("Not measured yet: `python benchmarks/measure.py proof`.")
    return "\n".join(lines).rstrip() + "\n"


def _definitions() -> list[list[str]]:
    table = [["measure", "unit", "formula", "version", "source", "canonical name"]]
    for measure in MEASURES:
        table.append(
            [
                f"`{measure.name}`",
                UNITS[measure.unit],
                measure.formula.replace("|", "\\|"),
                str(measure.version),
                measure.source,
                f"`{measure.canonical}`" if measure.canonical else "",
            ]
        )
    return table


def _others() -> list[list[str]]:
    """The columns that involve two structures, and the equivalents."""
    table = [["column", "formula", "source", "canonical name"]]
    for column in all_columns():
        if ("_cre_" in column.name or column.name.startswith(("avr", "caliber"))) and not (
            column.name.endswith("_um") and "hubbard" not in column.name
        ):
            canonical = f"`{column.canonical}`" if column.canonical else ""
            table.append([f"`{column.name}`", column.definition, column.source, canonical])
    return table


def _proof(report: Json) -> Iterator[str]:
    every = report["every"]
    which = "" if every == 1 else f", one of every {every} cases"
    yield (
        f"{report['values']:,} values of {report['cases']} drawings of known geometry "
        "(`benchmarks/phantoms`: frames of 600 to 3,500 px, vessels 2 to 25 px wide, along, "
        "near and across the pixel grid), by `python benchmarks/measure.py proof`"
        f"{which}. **Median of the measures' median errors: "
        f"{100 * report['median_of_medians']:.2f} %.** Errors are "
        "relative; for counts, and where the true value is 0, absolute. For calibre, the last "
        "column is the worst mean over the angles and positions of one shape."
    )
    yield ""
    yield PROOF
    yield ""
    table = [["shape", "measure", "values", "median", "worst", "where", "calibre [px]"]]
    for row in report["by_family"]:
        scale, unit = (100, " %") if row["kind"] == "relative" else (1, "")
        mean = row.get("worst_mean_of_a_group")
        table.append(
            [
                row["family"],
                f"`{row['column']}`",
                str(row["values"] - row["missing"]),
                f"{scale * row['median']:.2g}{unit}",
                f"{scale * row['worst']:.2g}{unit}",
                row["worst_at"],
                "" if mean is None else f"{mean:.3f}",
            ]
        )
    yield from markdown(table, words=(0, 1, 5))
