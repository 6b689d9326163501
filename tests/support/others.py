"""Pictures that are no fundus photographs: textures, writing, scenes, other modalities, discs.

Each kind is a few lines of arithmetic; several of them lie in a disc on black, as a retina does.
The same kind and seed give the same bytes.
"""

from collections.abc import Callable, Mapping

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from venule.image.arrays import RGB
from venule.synth.texture import stream

Rng = np.random.Generator
Plane = NDArray[np.float64]

_SIDE = 480


def other_picture(kind: str, seed: int) -> RGB:
    """The picture number `seed` of a kind of `KINDS`: (480, 480, 3) uint8."""
    rng = stream(seed, f"other {kind}")
    return np.ascontiguousarray(KINDS[kind](rng).clip(0, 255).astype(np.uint8))


# Building blocks


def _grid() -> tuple[Plane, Plane]:
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / (_SIDE - 1) * 2 - 1
    return rows, columns


def _clouds(rng: Rng, *, rough: float = 2.0) -> Plane:
    """Noise of a power spectrum 1 / f^rough, mean 0, standard deviation 1."""
    frequency = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(_SIDE)], indexing="ij"))
    frequency[0, 0] = 1
    noise = np.fft.fft2(rng.normal(0, 1, (_SIDE, _SIDE))) * frequency ** (-rough / 2 - 0.5)
    plane = np.fft.ifft2(noise).real
    return np.asarray((plane - plane.mean()) / plane.std())


def _colored(rng: Rng, plane: Plane, *, warm: bool | None = None) -> Plane:
    """A plane about 0..1 between two colours; warm ones are like a retina's."""
    if warm is None:
        warm = rng.random() < 0.5
    if warm:
        dark, light = np.array([90, 35, 10]), np.array([230, 130, 60])
    else:
        dark, light = rng.uniform(0, 120, 3), rng.uniform(120, 255, 3)
    return np.asarray(dark + (light - dark) * plane.clip(0, 1)[..., None])


def _in_a_disc(rng: Rng, picture: Plane, *, level: float = 0.0) -> Plane:
    rows, columns = _grid()
    inside = np.hypot(rows, columns) < rng.uniform(0.8, 0.96)
    return np.where(inside[..., None], picture, level)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _drawing(color: tuple[int, int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (_SIDE, _SIDE), color)
    return image, ImageDraw.Draw(image)


def _some_color(rng: Rng) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


# Kinds


def _white_noise(rng: Rng) -> Plane:
    return rng.uniform(0, 255, (_SIDE, _SIDE, 3))


def _cloudy(rng: Rng) -> Plane:
    return _colored(rng, 0.5 + 0.25 * _clouds(rng))


def _marble(rng: Rng) -> Plane:
    rows, columns = _grid()
    waves = np.sin(12 * (rows + rng.uniform(-1, 1) * columns) + 2.5 * _clouds(rng))
    return _colored(rng, 0.5 + 0.5 * waves)


def _wood(rng: Rng) -> Plane:
    rows, columns = _grid()
    rings = np.hypot(rows * 0.3 + 0.05 * _clouds(rng), columns + rng.uniform(0.5, 2))
    return _colored(rng, (rings * rng.uniform(8, 20)) % 1, warm=True)


def _bricks(rng: Rng) -> Plane:
    high, wide = int(rng.integers(24, 50)), int(rng.integers(60, 120))
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    shifted = columns + (rows // high % 2) * wide // 2
    mortar = (rows % high < 4) | (shifted % wide < 4)
    return _colored(rng, np.where(mortar, 1, 0.35 + 0.1 * _clouds(rng, rough=1)), warm=True)


def _checkers(rng: Rng) -> Plane:
    side = int(rng.integers(16, 70))
    rows, columns = np.mgrid[:_SIDE, :_SIDE] // side
    return _colored(rng, ((rows + columns) % 2).astype(float))


def _stripes(rng: Rng) -> Plane:
    rows, columns = _grid()
    angle = rng.uniform(0, np.pi)
    across = rows * np.sin(angle) + columns * np.cos(angle)
    return _colored(rng, 0.5 + 0.5 * np.sin(rng.uniform(10, 60) * across))


def _cells(rng: Rng) -> Plane:
    """Voronoi cells with dark walls, as tissue or cracked earth."""
    points = rng.integers(0, _SIDE, (int(rng.integers(40, 200)), 2))
    seeds = np.ones((_SIDE, _SIDE), bool)
    seeds[points[:, 0], points[:, 1]] = False
    nearest = ndi.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    label = nearest[0] * _SIDE + nearest[1]
    walls = ndi.maximum_filter(label, 3) != ndi.minimum_filter(label, 3)
    return _colored(rng, np.where(walls, 0.1, 0.6 + 0.1 * _clouds(rng)))


def _text(rng: Rng) -> Plane:
    image, draw = _drawing((255, 255, 255) if rng.random() < 0.7 else (20, 20, 20))
    ink = (0, 0, 0) if image.getpixel((0, 0)) == (255, 255, 255) else (230, 230, 230)
    size = float(rng.uniform(10, 24))
    letters = list("abcdefghijklmnopqrstuvwxyz     ")
    for line in range(int(_SIDE / (1.4 * size))):
        draw.text((10, 1.4 * size * line), "".join(rng.choice(letters, 60)), ink, _font(size))
    return np.asarray(image, float)


def _chart(rng: Rng) -> Plane:
    image, draw = _drawing((255, 255, 255))
    draw.line([(40, 20), (40, 440), (460, 440)], (0, 0, 0), 2)
    for _ in range(4):
        steps = 240 + np.cumsum(rng.normal(0, 15, 42))
        points = [(40 + 10 * n, float(value)) for n, value in enumerate(steps)]
        draw.line(points, _some_color(rng), 3)
    return np.asarray(image, float)


def _barcode(rng: Rng) -> Plane:
    bars = np.repeat(rng.integers(0, 2, 120), 4) * 255.0
    return np.broadcast_to(bars[None, :, None], (_SIDE, _SIDE, 3)).copy()


def _landscape(rng: Rng) -> Plane:
    rows, columns = _grid()
    sky = np.stack([120 + 60 * rows, 160 + 40 * rows, 230 + 0 * rows], axis=-1)
    ridge = 0.1 + 0.3 * np.sin(3 * columns + rng.uniform(0, 6)) * 0.5 + 0.05 * _clouds(rng)[:1]
    ground = _colored(rng, 0.4 + 0.2 * _clouds(rng, rough=1), warm=False) * [0.6, 1.0, 0.4]
    return np.where((rows > ridge)[..., None], ground, sky)


def _portrait(rng: Rng) -> Plane:
    """A head and shoulders in front of a wall."""
    image, draw = _drawing(_some_color(rng))
    skin = (int(rng.integers(120, 240)), int(rng.integers(80, 190)), int(rng.integers(60, 150)))
    draw.ellipse((60, 330, 420, 640), _some_color(rng))
    draw.ellipse((150, 90, 330, 340), skin)
    for left in (190, 260):
        draw.ellipse((left, 190, left + 34, 210), (250, 250, 250))
        draw.ellipse((left + 10, 192, left + 26, 208), (60, 40, 20))
    draw.arc((200, 250, 280, 300), 20, 160, (150, 40, 50), 5)
    soft = ndi.gaussian_filter(np.asarray(image, float), (3, 3, 0))
    return np.asarray(soft + 6 * _clouds(rng)[..., None])


def _iris(rng: Rng) -> Plane:
    """The front of an eye: sclera, iris with spokes, pupil."""
    rows, columns = _grid()
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    spokes = 0.5 + 0.3 * np.sin(angle * int(rng.integers(30, 80))) + 0.1 * _clouds(rng)
    iris = _colored(rng, spokes)
    picture = np.where(
        (radius < 0.5)[..., None], iris, [225, 205, 200] + 8 * _clouds(rng)[..., None]
    )
    picture = np.where((radius < 0.18)[..., None], 8, picture)
    lids = np.abs(rows) > 0.62 * (1 - 0.4 * columns**2)
    return np.where(lids[..., None], [190, 140, 115], picture)


def _bubbles(rng: Rng) -> Plane:
    image, draw = _drawing(_some_color(rng))
    for _ in range(60):
        column, row, radius = *rng.uniform(0, _SIDE, 2), rng.uniform(8, 60)
        box = (column - radius, row - radius, column + radius, row + radius)
        draw.ellipse(box, _some_color(rng), (255, 255, 255))
    return np.asarray(image, float)


def _leaf(rng: Rng) -> Plane:
    """A green leaf with pinnate veins."""
    image, draw = _drawing((70, 120, 40))
    draw.line([(240, 470), (240, 10)], (150, 190, 110), 9)
    for row in range(30, 470, int(rng.integers(28, 50))):
        for side in (-1, 1):
            draw.line([(240, row), (240 + side * 230, row - 110)], (140, 180, 100), 4)
    return np.asarray(np.asarray(image, float) + 8 * _clouds(rng)[..., None])


def _branches(rng: Rng) -> Plane:
    """A bare tree against the sky."""
    image, draw = _drawing((190, 205, 225))

    def grow(row: float, column: float, angle: float, length: float) -> None:
        if length < 7:
            return
        end = row - length * np.cos(angle), column + length * np.sin(angle)
        draw.line([(column, row), (end[1], end[0])], (60, 40, 30), max(1, int(length / 9)))
        for turn in (-1, 1):
            grow(*end, angle + turn * rng.uniform(0.25, 0.6), length * rng.uniform(0.65, 0.82))

    grow(478.0, 240.0, 0.0, 110.0)
    return np.asarray(image, float)


def _streets(rng: Rng) -> Plane:
    image, draw = _drawing((240, 236, 226))
    for _ in range(40):
        start, end = rng.uniform(-50, 530, 2), rng.uniform(-50, 530, 2)
        color, width = ((255, 255, 255), 9) if rng.random() < 0.7 else ((250, 205, 120), 13)
        draw.line([tuple(start), tuple(end)], color, width)
    return np.asarray(image, float)


def _circuit(rng: Rng) -> Plane:
    image, draw = _drawing((20, 90, 50))
    for _ in range(50):
        row, column, length = (int(value) for value in rng.integers(0, _SIDE, 3))
        draw.line([(column, row), (column + length // 2, row)], (190, 160, 70), 4)
        draw.line([(column, row), (column, row + length // 3)], (190, 160, 70), 4)
        draw.ellipse((column - 6, row - 6, column + 6, row + 6), (200, 200, 200))
    return np.asarray(image, float)


def _gradient(rng: Rng) -> Plane:
    rows, columns = _grid()
    return _colored(rng, 0.5 + 0.35 * (rows * rng.uniform(-1, 1) + columns))


def _tomogram(rng: Rng) -> Plane:
    """A slice of a head: an ellipse of grey on black with a bright rim."""
    rows, columns = _grid()
    radius = np.hypot(rows / 0.9, columns / rng.uniform(0.7, 0.85))
    brain = 110 + 18 * _clouds(rng)
    picture = np.where(radius < 0.9, brain, np.where(radius < 1, 240, 0))
    return np.repeat(picture[..., None], 3, axis=2)


def _ultrasound(rng: Rng) -> Plane:
    rows, columns = _grid()
    depth, angle = np.hypot(rows + 1.1, columns), np.arctan2(columns, rows + 1.1)
    fan = (np.abs(angle) < 0.6) & (depth > 0.3) & (depth < 2)
    speckle = rng.rayleigh(1, (_SIDE, _SIDE)) * (1 + 0.5 * _clouds(rng)).clip(0.1) * 60
    return np.repeat(np.where(fan, speckle, 0)[..., None], 3, axis=2)


def _layers(rng: Rng) -> Plane:
    """Optical coherence tomography: bright bands across a dark, speckled frame."""
    rows, columns = _grid()
    bend = 0.25 * np.exp(-((columns / 0.2) ** 2)) + 0.05 * np.sin(3 * columns + rng.uniform(0, 6))
    picture = 25 + 0 * rows
    for at, wide, level in (
        (-0.1, 0.03, 150),
        (0.05, 0.06, 90),
        (0.2, 0.02, 190),
        (0.3, 0.04, 230),
    ):
        picture = picture + level * np.exp(-(((rows - at - bend * (at < 0.1)) / wide) ** 2))
    return np.repeat((picture * rng.rayleigh(0.8, rows.shape))[..., None], 3, axis=2)


def _cloudy_disc(rng: Rng) -> Plane:
    return _in_a_disc(rng, _colored(rng, 0.5 + 0.2 * _clouds(rng), warm=True))


def _planet(rng: Rng) -> Plane:
    rows, _ = _grid()
    bands = 0.5 + 0.3 * np.sin(rng.uniform(8, 20) * rows + 0.5 * _clouds(rng))
    return _in_a_disc(rng, _colored(rng, bands))


def _moon(rng: Rng) -> Plane:
    rows, columns = _grid()
    picture = 130 + 25 * _clouds(rng)
    for _ in range(60):
        row, column, radius = *rng.uniform(-0.9, 0.9, 2), rng.uniform(0.02, 0.12)
        away = np.hypot(rows - row, columns - column) / radius
        picture = picture + 40 * np.exp(-(((away - 1) / 0.2) ** 2)) - 25 * (away < 0.9)
    return _in_a_disc(rng, np.repeat(picture[..., None], 3, axis=2))


def _target(rng: Rng) -> Plane:
    rows, columns = _grid()
    rings = (np.hypot(rows, columns) * rng.integers(5, 10)).astype(int) % 2
    return _in_a_disc(rng, _colored(rng, rings.astype(float)))


def _coin(rng: Rng) -> Plane:
    image, draw = _drawing((180, 140, 70))
    draw.text((130, 150), str(int(rng.integers(1, 99))), (235, 200, 120), _font(170))
    draw.ellipse((50, 50, 430, 430), outline=(230, 195, 110), width=8)
    relief = ndi.gaussian_filter(np.asarray(image, float), (2, 2, 0))
    return _in_a_disc(rng, np.asarray(relief + 5 * _clouds(rng)[..., None]))


def _dish(rng: Rng) -> Plane:
    """Colonies in a Petri dish."""
    image, draw = _drawing((205, 160, 110))
    for _ in range(int(rng.integers(30, 120))):
        column, row, radius = *rng.uniform(30, 450, 2), rng.uniform(2, 12)
        box = (column - radius, row - radius, column + radius, row + radius)
        draw.ellipse(box, (245, 235, 205))
    return _in_a_disc(rng, np.asarray(image, float), level=float(rng.choice([0, 255])))


def _disc_of_bricks(rng: Rng) -> Plane:
    return _in_a_disc(rng, _bricks(rng))


def _disc_of_text(rng: Rng) -> Plane:
    return _in_a_disc(rng, _text(rng))


def _disc_of_cells(rng: Rng) -> Plane:
    return _in_a_disc(rng, _cells(rng))


def _disc_of_one_color(rng: Rng) -> Plane:
    return _in_a_disc(rng, _colored(rng, np.full((_SIDE, _SIDE), 0.7), warm=True))


def _sun(rng: Rng) -> Plane:
    rows, columns = _grid()
    radius = np.hypot(rows - 0.2, columns)
    glow = 255 * np.exp(-((radius / rng.uniform(0.3, 0.6)) ** 2))
    return np.stack([80 + glow, 30 + 0.7 * glow, 20 + 0.2 * glow], axis=-1)


KINDS: Mapping[str, Callable[[Rng], Plane]] = {
    "white noise": _white_noise,
    "clouds": _cloudy,
    "marble": _marble,
    "wood": _wood,
    "bricks": _bricks,
    "checkers": _checkers,
    "stripes": _stripes,
    "cells": _cells,
    "text": _text,
    "chart": _chart,
    "barcode": _barcode,
    "landscape": _landscape,
    "portrait": _portrait,
    "iris": _iris,
    "bubbles": _bubbles,
    "leaf": _leaf,
    "branches": _branches,
    "streets": _streets,
    "circuit": _circuit,
    "gradient": _gradient,
    "tomogram": _tomogram,
    "ultrasound": _ultrasound,
    "layers": _layers,
    "disc of clouds": _cloudy_disc,
    "planet": _planet,
    "moon": _moon,
    "target": _target,
    "coin": _coin,
    "dish": _dish,
    "disc of bricks": _disc_of_bricks,
    "disc of text": _disc_of_text,
    "disc of cells": _disc_of_cells,
    "disc of one colour": _disc_of_one_color,
    "sun": _sun,
}
"""Every kind of other picture, by name."""
