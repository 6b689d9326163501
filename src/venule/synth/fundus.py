"""A drawn fundus photograph whose vessels are known exactly.

Three steps, each with its own module: the eye's geometry (`tree`), its vessels as layers
(`render`), and here the photograph: background, disc, macula, blood, light and camera.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from venule.image.arrays import RGB, FloatMap, Mask
from venule.synth.render import Layers, draw_layers
from venule.synth.tree import Eye, Kind, grow_vessels, place_eye

_FOV_SHARE = 0.94
"""Diameter of the field of view as a share of the frame's side."""

_ABSORPTION: dict[Kind, tuple[float, float, float]] = {
    "vein": (0.36, 0.88, 0.60),
    "artery": (0.20, 0.66, 0.46),
}
"""Optical depth of the widest vessel in red, green and blue; arterial blood lets red through."""

Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DrawnFundus:
    """A drawn photograph (H, W, 3) uint8, its field of view and its vessels (H, W) bool."""

    image: RGB
    fov: Mask
    vessels: Mask


@dataclass(frozen=True, eq=False)
class _Grid:
    """Where each pixel lies, (H, W), in radii of the field of view around its centre."""

    row: Plane
    column: Plane
    radius_px: float

    def distance(self, point: tuple[float, float], *, stretch: float = 1.0) -> Plane:
        """Distance of every pixel from `point`; above 1, `stretch` makes circles tall."""
        tall, wide = (self.row - point[0]) / np.float32(stretch), self.column - point[1]
        return np.asarray(np.hypot(tall, wide), np.float32)


def draw_fundus(seed: int, *, size_px: int = 256) -> DrawnFundus:
    """A square photograph of `size_px`; the same seed and size give the same bytes."""
    rng = np.random.default_rng(seed)
    eye = place_eye(rng)
    vessels = grow_vessels(rng, eye)
    radius_px = _FOV_SHARE * size_px / 2
    layers = draw_layers(vessels, size_px, fov_radius_px=radius_px)
    grid = _grid(size_px, radius_px)
    fov = grid.distance((0.0, 0.0)) <= 1
    retina = _paint_retina(rng, eye, grid)
    _paint_blood(rng, retina, layers, radius_px)
    image = _photograph(rng, retina, grid)
    return DrawnFundus(image, fov, layers.vessels & fov)


def _grid(size_px: int, radius_px: float) -> _Grid:
    position = (np.arange(size_px, dtype=np.float32) - (size_px - 1) / 2) / np.float32(radius_px)
    row, column = np.meshgrid(position, position, indexing="ij")
    return _Grid(row, column, radius_px)


def _paint_retina(rng: np.random.Generator, eye: Eye, grid: _Grid) -> FloatMap:
    """(3, H, W) reflectance in 0..1: the mottled fundus with macula and disc, without vessels."""
    base = np.array([0.80, 0.40, 0.17]) * rng.uniform([0.92, 0.8, 0.7], [1.08, 1.2, 1.3])
    size_px = grid.row.shape[0]
    mottle = (
        0.07 * _smooth_noise(rng, 5, size_px)
        + 0.035 * _smooth_noise(rng, 14, size_px)
        + 0.025 * _smooth_noise(rng, 44, size_px)
    )
    retina = np.empty((3, size_px, size_px), np.float32)
    # The choroid shows in red, the pigment before it in green and blue.
    for channel, (color, share) in enumerate(zip(base, (0.5, 1.0, 1.1), strict=True)):
        retina[channel] = color * (1 + share * mottle)
    _paint_macula(rng, retina, eye, grid)
    _paint_disc(rng, retina, eye, grid)
    return retina


def _paint_macula(rng: np.random.Generator, retina: FloatMap, eye: Eye, grid: _Grid) -> None:
    distance = grid.distance(eye.fovea)
    pigment = np.exp(-((distance / np.float32(rng.uniform(0.17, 0.24))) ** 2))
    pit = np.exp(-((distance / np.float32(0.06)) ** 2))
    darker = rng.uniform(0.20, 0.32)
    for channel, share in enumerate((0.5, 1.0, 1.1)):
        retina[channel] *= 1 - np.float32(share) * (np.float32(darker) * pigment + 0.08 * pit)


def _paint_disc(rng: np.random.Generator, retina: FloatMap, eye: Eye, grid: _Grid) -> None:
    """The pale optic disc, slightly taller than wide, with a paler cup and a soft, darker edge."""
    distance = grid.distance(eye.disc, stretch=1.1) / np.float32(eye.disc_radius)
    edge = distance + 0.05 * _smooth_noise(rng, 12, grid.row.shape[0])
    inside = _soft_step((1 - edge) / np.float32(0.10))
    cup_radius = np.float32(rng.uniform(0.35, 0.5))
    cup = _soft_step((cup_radius - distance) / np.float32(0.12))
    ring = np.exp(-(((edge - 1.12) / np.float32(0.10)) ** 2)) * np.float32(rng.uniform(0.02, 0.1))
    glow = np.exp(-((distance / np.float32(1.7)) ** 2)) * np.float32(0.10)
    rim_color = (rng.uniform(0.93, 1.0), rng.uniform(0.66, 0.76), rng.uniform(0.34, 0.46))
    cup_color = (1.02, 0.90, 0.70)
    for channel in range(3):
        pale = rim_color[channel] + (cup_color[channel] - rim_color[channel]) * cup
        around = retina[channel] * (1 + glow - ring)
        retina[channel] = around + inside * (pale - around)


def _paint_blood(
    rng: np.random.Generator, retina: FloatMap, layers: Layers, radius_px: float
) -> None:
    """Absorb light in the vessels, in place: green most, arteries less, a reflex on the middle."""
    blur_px = max(0.35, 0.0035 * radius_px)
    contrast = rng.uniform(0.85, 1.15)
    for kind, absorption in _ABSORPTION.items():
        depth = ndi.gaussian_filter(layers.depth[kind], blur_px)
        for channel, strength in enumerate(absorption):
            retina[channel] *= np.exp(-np.float32(contrast * strength) * depth)
    reflex = ndi.gaussian_filter(layers.reflex, blur_px)
    for channel, strength in enumerate((0.16, 0.20, 0.10)):
        retina[channel] *= 1 + np.float32(strength) * reflex


def _photograph(rng: np.random.Generator, retina: FloatMap, grid: _Grid) -> RGB:
    """What the camera makes of it: uneven light, vignetting, the round stop, blur and noise."""
    size_px = grid.row.shape[0]
    radius = grid.distance((0.0, 0.0))
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.float32(np.cos(angle)) * grid.row + np.float32(np.sin(angle)) * grid.column
    light = (
        np.float32(rng.uniform(0.82, 1.02))
        * (1 - np.float32(rng.uniform(0.18, 0.38)) * radius ** np.float32(2.6))
        * (1 + np.float32(rng.uniform(0.0, 0.10)) * slope)
        * (1 + 0.03 * _smooth_noise(rng, 4, size_px))
    )
    # The stop's edge is as sharp as one pixel, half covered where the field of view ends.
    light *= np.clip((1 - radius) * np.float32(grid.radius_px) + 0.5, 0, 1)
    black = rng.uniform(0.0, 0.025)
    noise = rng.normal(0, 1, (3, size_px, size_px)).astype(np.float32)
    noise += rng.normal(0, 1, (1, size_px, size_px)).astype(np.float32)
    grain = np.float32(rng.uniform(0.004, 0.010))
    blur_px = 0.0022 * grid.radius_px
    image = np.empty((size_px, size_px, 3), np.uint8)
    for channel in range(3):
        plane = ndi.gaussian_filter(retina[channel] * light, blur_px)
        plane += grain * noise[channel] * np.sqrt(np.maximum(plane, 0.02))
        plane = np.float32(black) + (1 - np.float32(black)) * plane
        image[..., channel] = np.rint(255 * np.clip(plane, 0, 1))
    return image


def _smooth_noise(rng: np.random.Generator, cells: int, size_px: int) -> Plane:
    """(H, W) noise of standard deviation about 1 whose blobs are a `cells`-th of the frame."""
    coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size_px, size_px), Image.Resampling.BICUBIC))


def _soft_step(x: NDArray[np.floating]) -> Plane:
    """0 below -1, 1 above 1, smooth between."""
    t = np.clip((x + 1) / 2, 0, 1).astype(np.float32)
    return np.asarray(t * t * (3 - 2 * t))
