"""Vessel density: share of the field of view, area and length of its vessels."""

import math

from venule.measure.view import View


def density(view: View) -> float:
    """Vessel pixels over the region's pixels; nan for an empty region."""
    return view.vessel_px / view.area_px if view.area_px else math.nan


def density_image(view: View) -> float:
    """Vessel pixels over all pixels of the image, dark corners included."""
    return view.vessel_px / view.region.size


def area(view: View) -> float:
    """Area of the vessel pixels, in px2."""
    return float(view.vessel_px)


def length(view: View) -> float:
    """Length of all centrelines in px, from end to end, without round caps."""
    return sum((segment.length_px for segment in view.segments), 0.0)


def length_density(view: View) -> float:
    """Length of centreline over the region's pixels, in 1/px; nan for an empty region."""
    return length(view) / view.area_px if view.area_px else math.nan
