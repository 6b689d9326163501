"""The scale in micrometres per pixel, and its source; it is never guessed."""

from dataclasses import dataclass

from venule.errors import UsageError
from venule.files.limits import DISC_DIAMETER_UM, UM_PER_PX
from venule.measure.view import Disc

REFERENCE_AXIAL_MM = 24.09
"""Axial length of the Bennett-Rabbetts schematic eye, for which nominal scales are taken to
hold."""

PRINCIPAL_MM = 1.82
"""Distance from cornea to second principal point, in Bennett's formula."""

STORED = "stored with the mask, nominal if from DICOM"
"""Source of a photograph's own scale, which its predicted masks hold."""

AXIAL_MM = (15.0, 40.0)
"""Range of axial lengths of human eyes."""


@dataclass(frozen=True)
class Scale:
    """Micrometres per pixel at the retina, and where the value comes from."""

    um_per_px: float
    source: str


def find_scale(
    um_per_px: float | None,
    *,
    source: str = "given",
    disc: Disc | None = None,
    disc_diameter_um: float | None = None,
    axial_length_mm: float | None = None,
) -> Scale | None:
    """The given scale, `source` saying by what, or that of a disc of assumed diameter, or None.

    With an axial length, a given scale is corrected for the eye's magnification. A scale from an
    assumed disc needs no correction: the disc is in the same photograph.

    Raises:
        UsageError: a number is not a plausible length.
    """
    _check("um_per_px", um_per_px, "micrometres per pixel", UM_PER_PX)
    _check("disc diameter", disc_diameter_um, "micrometres", DISC_DIAMETER_UM)
    if um_per_px is not None:
        if axial_length_mm is None:
            return Scale(um_per_px, source)
        factor = bennett(axial_length_mm)
        corrected = (
            f"{source}, times {factor:.4f} for an axial length of {axial_length_mm:g} mm (Bennett)"
        )
        return Scale(um_per_px * factor, corrected)
    if disc is not None and disc.radius_px > 0 and disc_diameter_um is not None:
        scale = disc_diameter_um / (2 * disc.radius_px)
        low, high = UM_PER_PX
        if not low <= scale <= high:
            raise UsageError(
                f"a disc {2 * disc.radius_px:g} px wide, taken as {disc_diameter_um:g} um, gives "
                f"{scale:.3g} um per pixel, not {low:g} to {high:g}; correct the disc"
            )
        return Scale(scale, f"assumed: a disc of {disc_diameter_um:g} um")
    return None


def bennett(axial_length_mm: float) -> float:
    """Size of a pixel at the retina relative to an eye of `REFERENCE_AXIAL_MM`.

    Retinal size is proportional to 0.01306 (axial length - 1.82): Bennett, Rudnicka and Edgar 1994,
    doi 10.1007/BF00175988. The camera's own factor cancels.

    Raises:
        UsageError: not an axial length of a human eye.
    """
    _check("axial_length_mm", axial_length_mm, "millimetres", AXIAL_MM)
    return (axial_length_mm - PRINCIPAL_MM) / (REFERENCE_AXIAL_MM - PRINCIPAL_MM)


def _check(name: str, value: float | None, unit: str, limits: tuple[float, float]) -> None:
    low, high = limits
    if value is not None and not low <= value <= high:
        raise UsageError(f"{name} {value:g}: give {unit}, {low:g} to {high:g}")
