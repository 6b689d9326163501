"""Measurements of an analysed photograph."""

from collections.abc import Mapping

from venule.analysis.analyse import Analysis
from venule.analysis.corrected_masks import DISC_CORRECTED
from venule.measure.columns import all_columns
from venule.measure.photograph import Measurements, VesselMasks, measure_photograph
from venule.measure.scale import STORED, find_scale
from venule.measure.table import NOTES, Cell, written
from venule.measure.view import Disc
from venule.quality.assess import grade_notes

ORIGIN = ("laterality", "mask_source", "scale_um_per_px")
"""The columns before the measurements, which give their origin."""


def measure_analysis(analysis: Analysis) -> Measurements:
    """Measure the vessels of a photograph, in zones around its disc if that was located.

    The disc is rounded to a tenth of a pixel, as in report.csv, so that the files give the same
    results.
    """
    found, disc = analysis.prediction, None
    if analysis.landmarks is not None and analysis.landmarks.disc is not None:
        seen = analysis.landmarks.disc
        place = (round(seen.y, 1), round(seen.x, 1), round(seen.radius_px, 1))
        disc = Disc(*place, round(seen.confidence, 3))
    masks = VesselMasks(
        vessels=found.vessels,
        artery=found.maps["artery"].mask if "artery" in found.maps else None,
        vein=found.maps["vein"].mask if "vein" in found.maps else None,
        fov=found.fov.mask,
        square=analysis.photograph.square,
        reconnected={
            "vessel": found.vessel_map.reconnected,
            **{
                name: found.maps[name].reconnected
                for name in ("artery", "vein")
                if name in found.maps
            },
        },
    )
    scale = find_scale(analysis.photograph.um_per_px, source=STORED)
    return measure_photograph(masks, disc=disc, scale=scale)


def measured_cells(analysis: Analysis) -> Mapping[str, Cell]:
    """The cells of a photograph in measurements.csv, as `venule measure` would write them."""
    found = measure_analysis(analysis)
    about = origin_cells(analysis.mask_source, analysis.laterality, found)
    drawn = (DISC_CORRECTED,) if "disc" in analysis.corrected else ()
    notes = (*drawn, *_grade_notes(analysis), *analysis.laterality_warnings, *found.notes)
    cells = {**about, **found.values, NOTES: "; ".join(notes)}
    return {name: written(cell) for name, cell in cells.items()}


def _grade_notes(analysis: Analysis) -> tuple[str, ...]:
    quality = analysis.quality
    return () if quality is None else grade_notes(quality.grade, quality.reasons)


def measured_columns() -> tuple[str, ...]:
    """Every column that `measured_cells` may give, in table order."""
    return (*ORIGIN, *(column.name for column in all_columns()), NOTES)


def origin_cells(mask_source: str, laterality: str | None, found: Measurements) -> dict[str, Cell]:
    """The cells of `ORIGIN`."""
    scale = found.scale.um_per_px if found.scale is not None else None
    return dict(zip(ORIGIN, (laterality, mask_source, scale), strict=True))
