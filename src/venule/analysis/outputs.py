"""Files that can be written of an analysis: a kind of file is one value in one list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from venule.analysis.analyse import Analysis, Step
from venule.analysis.kept import keep
from venule.analysis.marks import LANDMARKS, TYPES
from venule.image.artery_vein import color_types
from venule.image.encode import encode_levels, encode_mask, encode_rgb, encode_strips
from venule.viz.overlay import overlay_strips


@dataclass(frozen=True)
class Output:
    """A kind of file: the end of its name, the steps it needs, and its bytes."""

    suffix: str
    encode: Callable[[Analysis], bytes]
    needs: tuple[Step, ...] = ()


def _prob(analysis: Analysis) -> bytes:
    return encode_levels(analysis.prediction.vessel_map.levels)


def _mask(analysis: Analysis) -> bytes:
    return encode_mask(analysis.prediction.vessels, keep(analysis))


def _overlay(analysis: Analysis) -> bytes:
    photograph = analysis.photograph
    strips = overlay_strips(photograph.pixels, analysis.prediction.vessels)
    return encode_strips(photograph.shape, strips)


def _av(analysis: Analysis) -> bytes:
    maps = analysis.prediction.maps
    return encode_rgb(color_types(maps["artery"].mask, maps["vein"].mask))


def _disc(analysis: Analysis) -> bytes:
    found = analysis.landmarks.disc if analysis.landmarks is not None else None
    shape = analysis.photograph.shape
    return encode_mask(np.zeros(shape, bool) if found is None else found.mask(shape))


OUTPUTS: Mapping[str, Output] = {
    "prob": Output("_prob.png", _prob),
    "mask": Output("_mask.png", _mask),
    "overlay": Output("_overlay.png", _overlay),
    "av": Output("_av.png", _av, (TYPES,)),
    "disc": Output("_disc.png", _disc, (LANDMARKS,)),
}
"""Every kind of file by its name, in the order in which they are written."""
