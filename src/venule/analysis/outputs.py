"""Files that can be written of an analysis: a kind of file is one value in one list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from venule.analysis.analyse import Analysis, Step
from venule.analysis.kept import keep
from venule.image.encode import encode_levels, encode_mask, encode_strips
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


OUTPUTS: Mapping[str, Output] = {
    "prob": Output("_prob.png", _prob),
    "mask": Output("_mask.png", _mask),
    "overlay": Output("_overlay.png", _overlay),
}
"""Every kind of file by its name, in the order in which they are written."""
