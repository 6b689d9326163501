"""Responses of the REST interface that describe analyses."""

import csv
import math
from collections.abc import Mapping, Sequence
from io import StringIO

from venule.analysis.analyse import Analysis
from venule.analysis.columns import COLUMNS, Cell
from venule.analysis.definitions import describe
from venule.analysis.measuring import ORIGIN
from venule.dicom.source import Source
from venule.errors import VenuleError
from venule.files.cells import Lines, inert, reasons_in, text
from venule.image.ellipse import Ellipse as Outline
from venule.image.levels import threshold_level
from venule.measure.repeatability import repeats
from venule.measure.table import NOTES
from venule.serve.cohort import Cohort
from venule.serve.corrections import prediction_key
from venule.serve.items import Item
from venule.serve.schemas import Ellipse, Found, Measurement, Measurements, Point, Result, entry


def result(item: Item, licences: Mapping[str, str]) -> Result:
    """A photograph with its state and findings."""
    analysis = item.analysis
    return Result(
        **entry(item).model_dump(),
        complete=item.complete,
        found=None if analysis is None else found(analysis, licences),
    )


def found(analysis: Analysis, licences: Mapping[str, str]) -> Found:
    """The findings in a photograph, as a response."""
    prediction, quality, marks = analysis.prediction, analysis.quality, analysis.landmarks
    outline, vessels = prediction.fov.outline, prediction.vessel_map
    disc = marks.disc if marks is not None else None
    fovea = marks.fovea if marks is not None else None
    photograph = analysis.photograph
    height, width = photograph.shape
    return Found(
        prediction=prediction_key(analysis),
        width=width,
        height=height,
        model=analysis.model,
        licence=licences.get(analysis.model, ""),
        threshold=vessels.threshold,
        threshold_level=threshold_level(vessels.threshold),
        grade=quality.grade if quality is not None else "",
        reasons=list(quality.reasons) if quality is not None else [],
        uncertainty=quality.uncertainty if quality is not None else None,
        notes=[*photograph.notes, *analysis.laterality_warnings],
        laterality=analysis.laterality,
        um_per_px=photograph.um_per_px,
        field=_field(outline),
        disc=None
        if disc is None
        else Ellipse(
            x=disc.x,
            y=disc.y,
            major_px=disc.major_px,
            minor_px=disc.minor_px,
            angle=disc.angle,
            confidence=disc.confidence,
        ),
        fovea=None if fovea is None else Point(x=fovea.x, y=fovea.y, confidence=fovea.confidence),
        has_types=prediction.has_types,
        from_dicom=isinstance(photograph.origin, Source),
    )


def _field(outline: Outline) -> Ellipse:
    turned = outline.height_px > outline.width_px
    wide, tall = outline.width_px / 2, outline.height_px / 2
    return Ellipse(
        x=outline.column,
        y=outline.row,
        major_px=max(wide, tall),
        minor_px=min(wide, tall),
        angle=math.pi / 2 if turned else 0.0,
    )


def measurements(item: Item, cohort: Cohort, *, mask_source: str) -> Measurements:
    """The measurements of a photograph, with units, definitions, and ranks in the cohort."""
    values = []
    notes = [*reasons_in(item.cells.get(NOTES))]
    for name, cell in item.cells.items():
        if name in (*ORIGIN, NOTES) or cell in (None, ""):
            continue
        what, place, repeated = describe(name), cohort.place(name, cell), repeats(name)
        values.append(
            Measurement(
                name=name,
                label=what.label,
                unit=what.unit,
                definition=what.definition,
                plain=what.plain,
                value=_value(cell),
                below=None if place is None else round(place.below, 4),
                cohort=0 if place is None else place.size,
                change=None if repeated is None else repeated.change,
            )
        )
    return Measurements(complete=item.complete, mask_source=mask_source, notes=notes, values=values)


def table(items: Sequence[Item]) -> str:
    """The measurements of photographs as CSV, with the columns of measurements.csv, one row each.

    A photograph that is not measured has its name, the `id`, and its grade if it has one.
    """
    rows = [_measured(item) for item in items]
    found = {name for row in rows for name, cell in row.items() if cell is not None}
    names = [name for name in COLUMNS["measure"].more() if name in found]
    written = StringIO()
    writer = csv.writer(Lines(written))
    writer.writerow(["id", "quality", *names])
    for item, row in zip(items, rows, strict=True):
        cells = (text(item.name), item.grade, *(row.get(name) for name in names))
        writer.writerow(map(inert, cells))
    return written.getvalue()


def _measured(item: Item) -> Mapping[str, Cell]:
    """The measurements of a photograph; empty if it cannot be read again."""
    try:
        return item.measured()
    except VenuleError:
        return {}


def _value(cell: Cell) -> Cell:
    """A finite number, also if stored as text; None for a number that is not finite."""
    if not isinstance(cell, str | float):
        return cell
    try:
        number = float(cell)
    except ValueError:
        return cell
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
