"""Measurements of an analysed photograph, or of mask files, with identical results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from venule.analysis.analyse import Analysis
from venule.analysis.corrected_masks import DISC_CORRECTED
from venule.analysis.mask_files import MASKS, MaskFiles
from venule.analysis.read_masks import Loaded, load
from venule.errors import ImageError
from venule.image.optic_disc import outside_frame, reaches_frame
from venule.image.photograph import read_photograph
from venule.measure.columns import all_columns
from venule.measure.photograph import Measurements, VesselMasks, measure_photograph
from venule.measure.scale import STORED, Scale, find_scale
from venule.measure.table import NOTES, Cell, Row, written
from venule.measure.view import Disc
from venule.quality.assess import grade_notes

_LEAST_BETWEEN = 0.3
"""Least share of pixels in a photograph that are neither dark nor bright: half or more in fundus
photographs, none in masks."""

_ABOUT = ("laterality", "mask_source", "scale_um_per_px")


@dataclass(frozen=True)
class Assumptions:
    """The user's values for every photograph: recorded, and used where the input has none."""

    um_per_px: float | None = None
    disc_diameter_um: float | None = None

    def __post_init__(self) -> None:
        find_scale(self.um_per_px, disc_diameter_um=self.disc_diameter_um)  # raises UsageError


def measure_files(entry: MaskFiles, assumed: Assumptions | None = None) -> tuple[Row, Measurements]:
    """Read and measure one photograph's masks.

    Raises:
        ImageError: a file is not a mask (a photograph, say), or masks differ in size.
        UsageError: an invalid scale, disc or axial length.
    """
    try:
        loaded = load(entry)
    except ImageError:
        for path in (entry.files[name] for name in MASKS if name in entry.files):
            if _looks_like_photograph(path):
                raise ImageError(
                    f"{path}: not a mask, it looks like a photograph; run `venule predict` first"
                ) from None
        raise
    return _measure(entry, loaded, assumed or Assumptions())


def _looks_like_photograph(path: Path) -> bool:
    """Tell whether many pixels are between dark and bright; few are in masks, even blurred ones."""
    try:
        pixels = read_photograph(path).pixels
    except ImageError:
        return False
    return bool(((pixels >= 24) & (pixels < 232)).any(axis=2).mean() > _LEAST_BETWEEN)


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
    about = _about(analysis.mask_source, analysis.laterality, found)
    drawn = (DISC_CORRECTED,) if "disc" in analysis.corrected else ()
    notes = (*drawn, *_grade_notes(analysis), *found.notes)
    cells = {**about, **found.values, NOTES: "; ".join(notes)}
    return {name: written(cell) for name, cell in cells.items()}


def _grade_notes(analysis: Analysis) -> tuple[str, ...]:
    quality = analysis.quality
    return () if quality is None else grade_notes(quality.grade, quality.reasons)


def measured_columns() -> tuple[str, ...]:
    """Every column that `measured_cells` may give, in table order."""
    return (*_ABOUT, *(column.name for column in all_columns()), NOTES)


def _measure(entry: MaskFiles, loaded: Loaded, assumed: Assumptions) -> tuple[Row, Measurements]:
    if entry.disc is not None:
        _check_disc(entry.disc, loaded.masks.shape)
    given = loaded.um_per_px if loaded.um_per_px is not None else assumed.um_per_px
    scale = find_scale(
        given,
        source=STORED if loaded.stored_scale else "given",
        disc=entry.disc,
        disc_diameter_um=assumed.disc_diameter_um,
        axial_length_mm=entry.numbers.get("axial_length_mm"),
    )
    found = measure_photograph(loaded.masks, disc=entry.disc, scale=scale)
    passed = {**entry.passed, **_about(loaded.mask_source, loaded.laterality, found)}
    notes = (*loaded.notes, *_unused_axial_length(entry, given, scale), *found.notes)
    return Row(entry.id, passed, found.values, notes), found


def _unused_axial_length(
    entry: MaskFiles, given: float | None, scale: Scale | None
) -> tuple[str, ...]:
    """A note if an axial length corrects no scale."""
    if "axial_length_mm" not in entry.numbers or given is not None:
        return ()
    why = "no scale" if scale is None else "the scale is that of the assumed disc"
    return (f"axial_length_mm not used: {why}",)


def _check_disc(disc: Disc, shape: tuple[int, int]) -> None:
    """Raise ImageError for a disc outside of the masks (H, W)."""
    x, y, radius_px = disc.column, disc.row, disc.radius_px
    if radius_px > 0 and not reaches_frame(x, y, radius_px, shape):
        raise ImageError(outside_frame(x, y, shape))


def _about(mask_source: str, laterality: str | None, found: Measurements) -> dict[str, Cell]:
    """The columns before the measurements, which give their origin."""
    scale = found.scale.um_per_px if found.scale is not None else None
    return dict(zip(_ABOUT, (laterality, mask_source, scale), strict=True))
