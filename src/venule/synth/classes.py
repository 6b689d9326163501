"""Eight classes of drawn eyes that differ in their vessels alone: what `venule pretrain` learns."""

from dataclasses import replace
from itertools import product

from venule.synth.config import VARIED, DrawingConfig, Range

_DENSITY: dict[str, Range] = {"sparse": (0.3, 0.55), "dense": (1.1, 1.6)}
_WINDING: dict[str, Range] = {"straight": (0.1, 0.5), "winding": (1.8, 3.0)}
_CALIBER: dict[str, Range] = {"narrow": (0.7, 0.9), "wide": (1.3, 1.7)}


def _class_of(density: str, winding: str, caliber: str) -> DrawingConfig:
    return replace(
        VARIED,
        fov_deg=(30.0,),  # one scale, or calibre could not be told
        density=_DENSITY[density],
        winding=_WINDING[winding],
        caliber=_CALIBER[caliber],
    )


CLASSES: dict[str, DrawingConfig] = {
    "-".join(words): _class_of(*words) for words in product(_DENSITY, _WINDING, _CALIBER)
}
"""By name, such as "sparse-winding-wide"; cameras, fundus and lesions vary alike in all of them."""
