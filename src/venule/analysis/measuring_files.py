"""Measurements of mask files, identical to those of the analysis that they were written from."""

from dataclasses import dataclass
from pathlib import Path

from venule.analysis.mask_files import MASKS, MaskFiles
from venule.analysis.measuring import origin_cells
from venule.analysis.read_masks import Loaded, load
from venule.errors import ImageError
from venule.image.optic_disc import outside_frame, reaches_frame
from venule.image.photograph import read_photograph
from venule.measure.photograph import Measurements, measure_photograph
from venule.measure.scale import STORED, Scale, find_scale
from venule.measure.table import Row
from venule.measure.view import Disc

_LEAST_BETWEEN = 0.3
"""Least share of pixels in a photograph that are neither dark nor bright: half or more in fundus
photographs, none in masks."""


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
    passed = {**entry.passed, **origin_cells(loaded.mask_source, loaded.laterality, found)}
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
