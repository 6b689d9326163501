"""Shapes with measurements known in closed form, against which the measurements are verified.

Every case is one drawing with the true values of its geometry, by column name. The list was fixed
before the measurements were tuned. Frames of 600 to 3,500 px, vessels 2 to 25 px wide, at angles
along the pixel grid, near it and away from it.
"""

from collections.abc import Iterator

from venule.synth import known_areas, known_curves, known_networks
from venule.synth.known_case import Known


def known_cases() -> Iterator[Known]:
    """All cases; drawn on access."""
    for family in _FAMILIES:
        yield from family()


_FAMILIES = (
    known_curves.lines,
    known_curves.arcs,
    known_curves.sines,
    known_curves.tapers,
    known_networks.forks,
    known_networks.crossings,
    known_networks.trees,
    known_networks.parallel,
    known_curves.koch_curves,
    known_areas.fractals,
    known_areas.bands,
    known_areas.rings,
    known_areas.spokes,
    known_networks.spurred,
)
