"""Shapes with measurements known in closed form, against which the measurements are verified.

Every case is one drawing with the true values of its geometry, by column name. The list was fixed
before the measurements were tuned. Frames of 600 to 3,500 px, vessels 2 to 25 px wide, at angles
along the pixel grid, near it and away from it.
"""

from collections.abc import Iterator

from phantoms import areas, curves, networks
from phantoms.case import Known


def known_cases() -> Iterator[Known]:
    """All cases; drawn on access."""
    for family in _FAMILIES:
        yield from family()


_FAMILIES = (
    curves.lines,
    curves.arcs,
    curves.sines,
    curves.tapers,
    networks.forks,
    networks.crossings,
    networks.trees,
    networks.parallel,
    curves.koch_curves,
    areas.fractals,
    areas.bands,
    areas.rings,
    areas.spokes,
    networks.spurred,
)
