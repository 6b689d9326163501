"""The fundus without vessels: pigment, choroid, macula, disc and nerve fibres."""

import numpy as np
import scipy.ndimage as ndi

from venule.image.arrays import FloatMap
from venule.synth.anatomy import Eye, Kind
from venule.synth.config import SyntheticFundusConfig
from venule.synth.frame import Frame
from venule.synth.render import Layers
from venule.synth.texture import smooth_noise, soft_step, stream

_ABSORPTION: dict[Kind, tuple[float, float, float]] = {
    "vein": (0.36, 0.80, 0.55),
    "artery": (0.18, 0.62, 0.44),
}
"""Optical depth of the widest vessel in red, green and blue; arterial blood transmits red."""


def paint_retina(seed: int, eye: Eye, frame: Frame, config: SyntheticFundusConfig) -> FloatMap:
    """(3, H, W) reflectance in 0..1: the mottled fundus with macula and disc, without vessels."""
    rng = stream(seed, "pigment")
    base = np.array([0.80, 0.38, 0.15]) * rng.uniform([0.88, 0.7, 0.5], [1.1, 1.25, 1.5])
    mottle = np.zeros(frame.shape, np.float32)
    for cells, strength in ((5, 0.07), (14, 0.035), (44, 0.025), (150, 0.02)):
        mottle += np.float32(strength * rng.uniform(*config.mottle)) * smooth_noise(
            rng, cells, frame.shape
        )
    choroid = _choroid(seed, eye, frame) * np.float32(rng.uniform(*config.choroid))
    fibers = _fibers(seed, eye, frame) * np.float32(rng.uniform(*config.nerve_fibers))
    retina = np.empty((3, *frame.shape), np.float32)
    # The choroid shows in red, the pigment before it in green and blue, fibres mostly in blue.
    shares = ((0.5, 0.13, 0.02), (1.0, 0.22, 0.09), (1.1, 0.12, 0.12))
    for channel, (color, (pigment, deep, near)) in enumerate(zip(base, shares, strict=True)):
        retina[channel] = color * (
            1
            + np.float32(pigment) * mottle
            + np.float32(deep) * choroid
            + np.float32(near) * fibers
        )
    _paint_macula(stream(seed, "macula"), retina, eye, frame)
    _paint_disc(stream(seed, "disc"), retina, eye, frame, config)
    if stream(seed, "sheen?").random() < config.sheen_p:
        _paint_sheen(stream(seed, "sheen"), retina, eye, frame)
    if stream(seed, "myelin?").random() < config.myelin_p:
        _paint_myelin(stream(seed, "myelin"), retina, eye, frame)
    return retina


def paint_blood(seed: int, retina: FloatMap, layers: Layers, config: SyntheticFundusConfig) -> None:
    """Absorb light in the vessels, in place: mostly green, less in arteries; add the reflex."""
    rng = stream(seed, "blood")
    contrast = rng.uniform(*config.contrast)
    arterial = rng.uniform(*config.artery_absorption)
    red = stream(seed, "artery red").uniform(*config.artery_red)
    scale = max(retina.shape[1:]) / 768
    for kind, absorption in _ABSORPTION.items():
        depth = ndi.gaussian_filter(layers.depth[kind], 0.6 * scale) if scale > 0.5 else None
        depth = layers.depth[kind] if depth is None else depth
        share = contrast * (arterial if kind == "artery" else 1.0)
        for channel, strength in enumerate(absorption):
            own = red if kind == "artery" and channel == 0 else 1.0
            retina[channel] *= np.exp(-np.float32(share * strength * own) * depth)
    reflex = ndi.gaussian_filter(layers.reflex, max(0.35, 0.9 * scale))
    reflex *= np.float32(rng.uniform(*config.reflex))
    for channel, strength in enumerate((0.20, 0.26, 0.12)):
        retina[channel] *= 1 + np.float32(strength) * reflex


def _choroid(seed: int, eye: Eye, frame: Frame) -> FloatMap:
    """(H, W) bright, tortuous bands of choroidal vessels, about -0.5 to 1; none at the fovea."""
    rng = stream(seed, "choroid")
    bands = np.zeros(frame.shape, np.float32)
    for _ in range(2):
        angle, count = rng.uniform(0, np.pi), rng.uniform(2.0, 4.5)
        course = np.float32(np.sin(angle)) * frame.rows + np.float32(np.cos(angle)) * frame.columns
        phase = np.float32(count) * course + 0.55 * smooth_noise(rng, 7, frame.shape)
        phase += 0.18 * smooth_noise(rng, 22, frame.shape)
        wave = np.cos(np.float32(2 * np.pi) * phase)
        bands = np.maximum(bands, soft_step((wave - 0.35) / np.float32(0.5)))
    bands *= np.clip(0.6 + 0.5 * smooth_noise(rng, 6, frame.shape), 0, 1.2)
    away = 1 - np.exp(-((frame.distance(eye.fovea) * np.float32(eye.radius_mm / 2.2)) ** 2))
    return np.asarray((bands - 0.3) * away, np.float32)


def _fibers(seed: int, eye: Eye, frame: Frame) -> FloatMap:
    """(H, W) fine streaks of the nerve-fibre layer that fan out from the disc, about -1 to 1."""
    rng = stream(seed, "fibers")
    mm = np.float32(eye.radius_mm)
    tall, wide = frame.rows - np.float32(eye.disc[0]), frame.columns - np.float32(eye.disc[1])
    distance = frame.distance(eye.disc) * mm
    to_fovea = np.float32(np.sign(eye.fovea[1] - eye.disc[1]))
    angle = np.arctan2(tall, wide * to_fovea)  # 0 towards the fovea
    # Fibres arch around the macula, as the arcades do.
    bent = angle + np.float32(0.10) * distance * np.sign(angle) * (np.cos(angle) + 0.3)
    table = ndi.gaussian_filter1d(rng.normal(0, 1, 720), 0.8, mode="wrap").astype(np.float32)
    place = ((bent / np.float32(2 * np.pi)) * 720).astype(np.intp) % 720
    strong = np.exp(-(((np.abs(angle) - np.float32(1.15)) / np.float32(0.6)) ** 2))
    fade = np.exp(-((distance / np.float32(3.0)) ** 2)) * soft_step(distance - 1.2)
    return np.asarray(ndi.gaussian_filter(table[place], 0.7) * (0.25 + strong) * fade, np.float32)


def _paint_macula(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    distance = frame.distance(eye.fovea) * np.float32(eye.radius_mm)
    pigment = np.exp(-((distance / np.float32(rng.uniform(1.0, 1.6))) ** 2))
    pit = np.exp(-((distance / np.float32(0.38)) ** 2))
    darker, deeper = rng.uniform(0.10, 0.32), rng.uniform(0.0, 0.14)
    for channel, share in enumerate((0.5, 1.0, 1.1)):
        dark = np.float32(darker) * pigment + np.float32(deeper) * pit
        retina[channel] *= 1 - np.float32(share) * dark


def _paint_disc(
    rng: np.random.Generator,
    retina: FloatMap,
    eye: Eye,
    frame: Frame,
    config: SyntheticFundusConfig,
) -> None:
    """The pale optic disc, slightly taller than wide, with a paler cup and a soft edge.

    Around it a darker ring and, in some eyes, a pale or dark crescent on the side of the fovea.
    """
    distance = frame.distance(eye.disc, stretch=rng.uniform(1.02, 1.16))
    distance /= np.float32(eye.disc_radius)
    edge = distance + 0.05 * smooth_noise(rng, 12, frame.shape)
    if rng.random() < config.crescent_p:
        _paint_crescent(rng, retina, eye, frame)
    inside = soft_step((1 - edge) / np.float32(rng.uniform(0.07, 0.2)))
    aside = np.sign(eye.fovea[1] - eye.disc[1]) * rng.uniform(0.0, 0.2) * eye.disc_radius
    cup_distance = frame.distance((eye.disc[0], eye.disc[1] + aside)) / np.float32(eye.disc_radius)
    cup_radius = np.float32(rng.uniform(0.2, 0.6))
    cup = soft_step((cup_radius - cup_distance) / np.float32(rng.uniform(0.1, 0.3)))
    ring = np.exp(-(((edge - 1.12) / np.float32(0.10)) ** 2)) * np.float32(rng.uniform(0.0, 0.1))
    glow = np.exp(-((distance / np.float32(1.7)) ** 2)) * np.float32(rng.uniform(0.0, 0.14))
    around = retina.mean(axis=(1, 2))
    rim_color = around * rng.uniform([1.08, 1.45, 1.35], [1.25, 1.95, 2.0])
    cup_color = rim_color * rng.uniform([1.0, 1.15, 1.1], [1.1, 1.5, 1.7])
    for channel in range(3):
        pale = rim_color[channel] + (cup_color[channel] - rim_color[channel]) * cup
        ground = retina[channel] * (1 + glow - ring)
        retina[channel] = ground + inside * (pale - ground)


def _paint_crescent(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    """Atrophy or pigment beside the disc: the uncovered part of a larger, shifted disc."""
    aside = np.sign(eye.fovea[1] - eye.disc[1]) * rng.uniform(0.1, 0.45)
    place = (
        eye.disc[0] + rng.uniform(-0.15, 0.2) * eye.disc_radius,
        eye.disc[1] + aside * eye.disc_radius,
    )
    distance = frame.distance(place, stretch=1.08) / np.float32(eye.disc_radius)
    distance += 0.04 * smooth_noise(rng, 20, frame.shape)
    amount = soft_step((1.08 - distance) / np.float32(rng.uniform(0.04, 0.15)))
    change = rng.uniform(0.15, 0.45) if rng.random() < 0.7 else -rng.uniform(0.15, 0.35)
    for channel, share in enumerate((0.4, 1.0, 1.1)):
        retina[channel] *= 1 + np.float32(share * change) * amount


def _paint_sheen(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    """Patches of the retinal sheen of young eyes, around the disc and along the arcades."""
    distance = frame.distance(eye.disc) * np.float32(eye.radius_mm)
    near = soft_step((4.5 - distance) / np.float32(1.5)) * soft_step((distance - 1.3) * 2)
    patches = soft_step(smooth_noise(rng, int(rng.integers(7, 16)), frame.shape) - 1.1)
    ragged = np.clip(0.6 + 0.35 * smooth_noise(rng, 60, frame.shape), 0, 1.3)
    alpha = np.float32(rng.uniform(0.1, 0.4)) * near * patches * ragged
    for channel, white in enumerate((0.75, 0.60, 0.42)):
        retina[channel] += alpha * (np.float32(white) - retina[channel])


def _paint_myelin(rng: np.random.Generator, retina: FloatMap, eye: Eye, frame: Frame) -> None:
    """Myelinated nerve fibres: white and feathered, leaving the disc in one direction."""
    tall, wide = frame.rows - np.float32(eye.disc[0]), frame.columns - np.float32(eye.disc[1])
    angle = np.arctan2(tall, wide)
    aim = rng.uniform(-np.pi, np.pi)
    off = np.abs((angle - np.float32(aim) + np.pi) % (2 * np.pi) - np.pi)
    table = np.abs(ndi.gaussian_filter1d(rng.normal(0, 1.6, 360), 1.0, mode="wrap"))
    place = ((angle / np.float32(2 * np.pi)) * 360).astype(np.intp) % 360
    reach = np.float32(rng.uniform(0.5, 1.4)) * (0.5 + table[place].astype(np.float32))
    distance = frame.distance(eye.disc) * np.float32(eye.radius_mm)
    alpha = soft_step((0.8 + reach - distance) / np.float32(0.25)) * soft_step(
        (rng.uniform(0.3, 0.7) - off) / np.float32(0.25)
    )
    alpha *= np.float32(rng.uniform(0.4, 0.7))
    for channel, white in enumerate((0.95, 0.8, 0.6)):
        retina[channel] += alpha * (np.float32(white) - retina[channel])
