"""Synthetic fundus images with exactly known vessels.

The stages, each in its own module: the eye's geometry (`anatomy`, `growth`, `tree`), its vessels as
layers (`render`), the fundus (`retina`), its lesions (`lesions`), the photograph (`camera`).
"""

from dataclasses import dataclass

import numpy as np

from venule.image.arrays import RGB, FloatMap, Mask
from venule.synth.anatomy import Anatomy, Eye, place_eye
from venule.synth.camera import photograph
from venule.synth.config import PLAIN, SyntheticFundusConfig
from venule.synth.frame import Frame, draw_frame
from venule.synth.growth import grow_vessels
from venule.synth.lesions import paint_deep_lesions, paint_superficial_lesions
from venule.synth.render import draw_layers
from venule.synth.retina import paint_blood, paint_retina
from venule.synth.texture import stream


@dataclass(frozen=True, eq=False)
class SyntheticFundus:
    """A synthetic photograph (H, W, 3) uint8, its field of view and its vessels (H, W) bool.

    `coverage` (H, W) float32 is the fraction of each pixel covered by vessels, 0 outside the field
    of view; `vessels` is where it is at least a half. `artery` and `vein` (H, W) bool are the types
    of `vessels`, both at crossings. Disc and fovea are (x, y) pixels, possibly outside the frame.
    """

    image: RGB
    fov: Mask
    vessels: Mask
    coverage: FloatMap
    artery: Mask
    vein: Mask
    disc: tuple[float, float]
    disc_radius_px: float
    fovea: tuple[float, float]


def synthesize_fundus(
    seed: int, *, size_px: int = 256, config: SyntheticFundusConfig = PLAIN
) -> SyntheticFundus:
    """Generate a photograph whose longer side is `size_px`, with its ground truth.

    Equal seed, size and config give equal bytes; equal seed and config give the same eye at every
    size.
    """
    frame = draw_frame(*_choice(seed, "frame", config.frames), size_px)
    eye = _draw_eye(seed, config)
    anatomy = _draw_anatomy(stream(seed, "anatomy"), config)
    layers = draw_layers(grow_vessels(stream(seed, "tree"), eye, anatomy=anatomy), frame)
    retina = paint_retina(seed, eye, frame, config)
    paint_deep_lesions(seed, retina, eye, frame, config=config)
    paint_blood(seed, retina, layers, config)
    paint_superficial_lesions(seed, retina, eye, frame, config=config)
    image = photograph(seed, retina, frame, config)
    fov = frame.fov()
    coverage = layers.coverage * fov
    return SyntheticFundus(
        image,
        fov,
        coverage >= 0.5,
        coverage,
        artery=layers.vessels_of("artery") & fov,
        vein=layers.vessels_of("vein") & fov,
        disc=_place(eye.disc, frame),
        disc_radius_px=eye.disc_radius * frame.radius_px,
        fovea=_place(eye.fovea, frame),
    )


def _place(point: tuple[float, float], frame: Frame) -> tuple[float, float]:
    """(x, y) in pixels of a point (row, column) in radii."""
    row, column = frame.to_px(np.array([point]))[0].tolist()
    return column, row


def _choice(seed: int, name: str, kinds: tuple[str, ...]) -> tuple[np.random.Generator, str]:
    rng = stream(seed, name)
    return rng, kinds[rng.integers(len(kinds))]


def _draw_eye(seed: int, config: SyntheticFundusConfig) -> Eye:
    rng = stream(seed, "eye")
    fov_deg = config.fov_deg[rng.integers(len(config.fov_deg))]
    view = config.views[rng.integers(len(config.views))]
    return place_eye(rng, fov_deg=fov_deg, view=view)


def _draw_anatomy(rng: np.random.Generator, config: SyntheticFundusConfig) -> Anatomy:
    """The average eye's vessel parameters, each multiplied by this eye's factor."""
    average = Anatomy()
    caliber = rng.uniform(*config.caliber)
    return Anatomy(
        vein_um=average.vein_um * caliber,
        artery_share=average.artery_share * rng.uniform(0.9, 1.1),
        least_um=average.least_um * caliber,
        twigs_per_mm2=average.twigs_per_mm2 * rng.uniform(*config.density),
        tortuosity=average.tortuosity * rng.uniform(*config.tortuosity),
    )
