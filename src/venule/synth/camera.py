"""Image formation: illumination, field stop, blur, colour, sharpening, noise, JPEG."""

import io

import numpy as np
import scipy.ndimage as ndi
from PIL import Image

from venule.image.arrays import RGB, FloatMap
from venule.synth.config import SyntheticFundusConfig
from venule.synth.frame import Frame
from venule.synth.texture import smooth_noise, soft_step, stream


def photograph(seed: int, retina: FloatMap, frame: Frame, config: SyntheticFundusConfig) -> RGB:
    """(H, W, 3) uint8: the photograph of a (3, H, W) fundus."""
    scale = frame.radius_px / 360
    _illuminate(stream(seed, "light"), retina, frame, config)
    _blur(stream(seed, "blur"), retina, scale, config)
    _tint(stream(seed, "color"), retina, config)
    _add_noise(stream(seed, "noise"), retina, config)
    rng = stream(seed, "development")
    if rng.random() < config.sharpen_p:
        _sharpen(rng, retina, scale)
    pixels = np.rint(255 * np.clip(retina, 0, 1)).astype(np.uint8)
    image: RGB = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    if rng.random() < config.jpeg_p:
        image = _compress(image, quality=int(rng.integers(55, 98)))
    return image


def _illuminate(
    rng: np.random.Generator, retina: FloatMap, frame: Frame, config: SyntheticFundusConfig
) -> None:
    """Uneven illumination, haze and glare, and the stop that bounds the field of view."""
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.float32(np.sin(angle)) * frame.rows + np.float32(np.cos(angle)) * frame.columns
    radius = frame.radius
    light = (
        np.float32(rng.uniform(*config.exposure))
        * (1 - np.float32(rng.uniform(*config.vignetting)) * radius ** np.float32(2.6))
        * (1 + np.float32(rng.uniform(*config.slope)) * slope)
        * (1 + 0.03 * smooth_noise(rng, 4, frame.shape))
    )
    haze = rng.uniform(*config.haze) * np.clip(1 + 0.5 * smooth_noise(rng, 3, frame.shape), 0, 2)
    haze_color = rng.uniform([0.8, 0.6, 0.4], [1.2, 1.1, 1.1])
    glare = _glare(rng, frame) if rng.random() < config.glare_p else None
    glare_color = rng.uniform([0.5, 0.3, 0.1], [1.0, 0.9, 0.9])
    stop = frame.stop()
    black = rng.uniform(0.0, 0.025)
    for channel in range(3):
        plane = retina[channel] * light + np.float32(haze_color[channel]) * haze
        if glare is not None:
            plane += np.float32(glare_color[channel]) * glare
        retina[channel] = np.float32(black) + stop * plane


def _glare(rng: np.random.Generator, frame: Frame) -> FloatMap:
    """(H, W) light scattered at the rim, or in one soft spot, 0 to about 0.5."""
    strength = rng.uniform(0.1, 0.5)
    if rng.random() < 0.7:
        around = np.arctan2(frame.rows, frame.columns)
        off = np.abs((around - rng.uniform(-np.pi, np.pi) + np.pi) % (2 * np.pi) - np.pi)
        sector = soft_step((rng.uniform(0.3, 2.0) - off) / np.float32(0.5))
        depth = np.float32(rng.uniform(0.03, 0.15))
        return np.asarray(np.float32(strength) * sector * np.exp((frame.radius - 1) / depth))
    spot = frame.distance((rng.uniform(-0.7, 0.7), rng.uniform(-0.7, 0.7)))
    width = np.float32(rng.uniform(0.05, 0.35))
    return np.asarray(np.float32(0.5 * strength) * np.exp(-((spot / width) ** 2)))


def _blur(
    rng: np.random.Generator, retina: FloatMap, scale: float, config: SyntheticFundusConfig
) -> None:
    """Defocus, stronger in red than in green, and sometimes motion blur."""
    low, high = config.blur_px
    # Sharp photographs are more frequent.
    sigma = scale * (low + (high - low) * rng.uniform() ** 2)
    angle, length = rng.uniform(0, np.pi), scale * rng.uniform(2, 6)
    moved = rng.random() < config.motion_p
    shares = (rng.uniform(1.0, 1.3), 1.0, rng.uniform(1.0, 1.5))
    for channel, share in enumerate(shares):
        if sigma * share > 0.25:
            ndi.gaussian_filter(retina[channel], sigma * share, output=retina[channel], truncate=3)
        if moved:
            steps = np.linspace(-0.5, 0.5, 5) * length
            shifted = [
                ndi.shift(retina[channel], (s * np.sin(angle), s * np.cos(angle)), order=1)
                for s in steps
            ]
            retina[channel] = np.mean(shifted, axis=0)


def _tint(rng: np.random.Generator, retina: FloatMap, config: SyntheticFundusConfig) -> None:
    """White balance, contrast and, occasionally, nearly no colour at all."""
    low, high = np.array([0.85, 0.6, 0.4]), np.array([1.3, 1.25, 1.8])
    gain = 1 + config.tint * (rng.uniform(low, high) - 1)
    gamma = 1 + config.tint * rng.uniform(-0.25, 0.3)
    grey = rng.uniform(0.5, 0.95) if rng.random() < config.grey_p else 0.0
    for channel in range(3):
        plane = np.maximum(retina[channel] * np.float32(gain[channel]), 0)
        retina[channel] = plane ** np.float32(gamma) if gamma != 1 else plane
    if grey:
        luminance = (0.3 * retina[0] + 0.55 * retina[1] + 0.15 * retina[2]).astype(np.float32)
        warm = (1.15, 0.95, 0.8)
        for channel in range(3):
            target = luminance * np.float32(warm[channel])
            retina[channel] += np.float32(grey) * (target - retina[channel])


def _add_noise(rng: np.random.Generator, retina: FloatMap, config: SyntheticFundusConfig) -> None:
    """Shot noise, partly common to the channels, and blurred as by demosaicking."""
    low, high = config.grain
    grain = np.float32(low + (high - low) * rng.uniform() ** 2)
    soft = rng.uniform(0.0, 0.9)
    shape = retina.shape[1:]
    common = rng.standard_normal(shape, np.float32)
    for channel in range(3):
        noise = common + rng.standard_normal(shape, np.float32)
        if soft > 0.35:
            noise = ndi.gaussian_filter(noise, soft, truncate=2.5) * np.float32(1 + 2.2 * soft)
        retina[channel] += grain * noise * np.sqrt(np.clip(retina[channel], 0.02, 1))


def _sharpen(rng: np.random.Generator, retina: FloatMap, scale: float) -> None:
    """Oversharpening as by cameras: a bright halo beside every vessel."""
    sigma, amount = max(0.6, scale * rng.uniform(0.8, 3.0)), np.float32(rng.uniform(0.2, 1.0))
    for channel in range(3):
        soft = ndi.gaussian_filter(retina[channel], sigma, truncate=3)
        retina[channel] += amount * (retina[channel] - soft)


def _compress(image: RGB, *, quality: int) -> RGB:
    """The photograph after JPEG compression, with chroma subsampling as in cameras."""
    encoded = io.BytesIO()
    Image.fromarray(image).save(encoded, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(encoded))
