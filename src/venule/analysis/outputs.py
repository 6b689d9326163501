"""Files that can be written from an analysis; the one list of file types."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from venule.analysis.analyse import Analysis, Changed, Step
from venule.analysis.kept import keep
from venule.analysis.marks import LANDMARKS, TYPES
from venule.errors import OutputError
from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.artery_vein import color_types
from venule.image.encode import encode_levels, encode_mask, encode_rgb, encode_strips
from venule.viz.overlay import overlay, overlay_strips

if TYPE_CHECKING:
    from venule.dicom.segmentation import SegKind
    from venule.dicom.source import Source


@dataclass(frozen=True)
class Output:
    """A file type: the suffix of its name, the steps it needs, and its encoder.

    `answers_dicom` is true for objects that go back to the archive that the photograph came from.
    """

    suffix: str
    encode: Callable[[Analysis], bytes]
    needs: tuple[Step, ...] = ()
    answers_dicom: bool = False


def _prob(analysis: Analysis) -> bytes:
    return encode_levels(analysis.prediction.vessel_map.levels)


def _mask(analysis: Analysis) -> bytes:
    return encode_mask(analysis.prediction.vessels, keep(analysis))


def _overlay(analysis: Analysis) -> bytes:
    return encode_strips(analysis.photograph.shape, _drawn(analysis))


def _drawn(analysis: Analysis) -> Iterator[RGB]:
    """The photograph with the results drawn on it, in strips from top to bottom."""
    pixels, prediction = analysis.photograph.pixels, analysis.prediction
    typed = prediction.has_types
    if not typed and analysis.landmarks is None:
        return overlay_strips(pixels, prediction.vessels)
    from venule.viz.marks import mark_overlay  # only if there is something to mark

    artery, vein = (prediction.maps[name].mask if typed else None for name in ("artery", "vein"))
    if not typed:
        pixels = overlay(pixels, prediction.vessels)
    return iter([mark_overlay(pixels, artery, vein, analysis.landmarks)])


def _av(analysis: Analysis) -> bytes:
    maps = analysis.prediction.maps
    return encode_rgb(color_types(maps["artery"].mask, maps["vein"].mask))


def _disc(analysis: Analysis) -> bytes:
    found = analysis.landmarks.disc if analysis.landmarks is not None else None
    shape = analysis.photograph.shape
    return encode_mask(np.zeros(shape, bool) if found is None else found.mask(shape))


def _seg(kind: "SegKind", analysis: Analysis) -> bytes:
    # Imported here because pydicom is an extra, and slow to import.
    from venule.dicom.segmentation import encode_seg
    from venule.dicom.terms import SEGMENTS

    prediction = analysis.prediction
    maps = {"vessel": prediction.vessel_map} | {
        name: found for name, found in prediction.maps.items() if name in SEGMENTS
    }
    stored: dict[str, Mask | FloatMap] = {name: found.mask for name, found in maps.items()}
    stored["vessel"] = prediction.vessels
    if kind == "fractional":
        stored = {name: found.probability for name, found in maps.items()}
    if analysis.landmarks is not None and analysis.landmarks.disc is not None:
        stored["disc"] = analysis.landmarks.disc.mask(analysis.photograph.shape)
    models = dict.fromkeys(stored, analysis.model) | {"disc": ""} | dict(analysis.other_models)
    corrected = {name for name in stored if analysis.corrected & _parts_of(name, analysis)}
    return encode_seg(_source(analysis), stored, kind=kind, model=models, corrected=corrected)


def _parts_of(segment: str, analysis: Analysis) -> frozenset[Changed]:
    """The correctable parts on which a segment's pixels depend."""
    if segment == "disc":
        return frozenset({"disc"})
    untyped = segment == "vessel" and "vessel" in analysis.prediction.maps
    return frozenset({"vessels", "probability"} if untyped else {"vessels", "probability", "types"})


def _sc(analysis: Analysis) -> bytes:
    from venule.dicom.capture import encode_secondary_capture

    return encode_secondary_capture(_source(analysis), np.concatenate([*_drawn(analysis)]))


def _source(analysis: Analysis) -> "Source":
    from venule.dicom.source import Source

    origin = analysis.photograph.origin
    if not isinstance(origin, Source):
        raise OutputError("seg and sc need a DICOM photograph; choose other outputs for this one")
    return origin


OUTPUTS: Mapping[str, Output] = {
    "prob": Output("_prob.png", _prob),
    "mask": Output("_mask.png", _mask),
    "overlay": Output("_overlay.png", _overlay),
    "av": Output("_av.png", _av, (TYPES,)),
    "disc": Output("_disc.png", _disc, (LANDMARKS,)),
    "seg": Output("_seg.dcm", partial(_seg, "binary"), answers_dicom=True),
    "seg-fractional": Output("_seg.dcm", partial(_seg, "fractional"), answers_dicom=True),
    "seg-labelmap": Output("_seg.dcm", partial(_seg, "labelmap"), answers_dicom=True),
    "sc": Output("_sc.dcm", _sc, answers_dicom=True),
}
"""Every file type by its name, in the order in which they are written."""
