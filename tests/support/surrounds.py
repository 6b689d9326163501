"""Synthetic photographs with every kind of surround, and their exact fields of view.

A synthetic fundus image is cut out of its own frame and laid into another one: another colour
around it, a frame, a page, a banner, writing; cut off by the frame or by bars, with a notch, with a
rim that fades. The same kind, seed and eye give the same bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from venule.image.arrays import RGB, Mask
from venule.synth.config import VARIED
from venule.synth.fundus import synthesize_fundus
from venule.synth.texture import smooth_noise, stream

EYES = 200
"""Different eyes; further seeds show one of them again, in another size and surround."""

_EYE_PX = 560
_INNER = 0.97
"""Share of the drawn field of view that is used: its edge has real retina on either side."""

Rng = np.random.Generator
Floats = NDArray[np.float32]
Color = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Surrounded:
    """A photograph (H, W, 3) uint8, the mask (H, W) of its `fields` fields of view; its kind.

    `place`: the last field of view's ellipse, in pixels of the frame that it was laid on.
    """

    image: RGB
    fov: Mask
    fields: int
    kind: str
    place: "Place"


@dataclass(frozen=True)
class Place:
    """Centre and half axes of a field of view, in pixels."""

    row: float
    column: float
    tall: float
    wide: float


@dataclass
class Scene:
    """A photograph in the making: its surround, and the retina that lies on it.

    `pixels` (H, W, 3) float32 0..255; `fov` (H, W) bool; `place` is the last field of view's.
    """

    pixels: Floats
    fov: Mask
    place: Place = Place(0, 0, 0, 0)
    fields: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        return self.fov.shape[0], self.fov.shape[1]


def surrounded(kind: str, seed: int) -> Surrounded:
    """The photograph number `seed` of a kind of `KINDS`."""
    rng = stream(seed, f"surround {kind}")
    eye = _varied_eye(rng, _eye(seed % EYES))
    scene = KINDS[kind](rng, eye)
    return Surrounded(_developed(rng, scene), scene.fov, scene.fields, kind, scene.place)


# Building blocks


@lru_cache(maxsize=EYES)
def _eye(seed: int) -> Floats:
    """(n, n, 3) float32 0..255: the square around a drawn field of view's inner part."""
    drawn = synthesize_fundus(seed, size_px=_EYE_PX, config=replace(VARIED, frames=("square",)))
    return np.asarray(drawn.image, np.float32)


def _varied_eye(rng: Rng, eye: Floats) -> Floats:
    """The eye mirrored, turned and exposed by chance, so that no two photographs are equal."""
    eye = np.rot90(eye, int(rng.integers(4)))
    eye = eye[:, ::-1] if rng.random() < 0.5 else eye
    return np.asarray(eye * np.float32(rng.uniform(0.75, 1.1)), np.float32)


def _canvas(rng: Rng, *, aspect: float | None = None) -> tuple[int, int]:
    """(H, W) of a frame whose longer side is 260 to 1000 px."""
    long = int(np.exp(rng.uniform(np.log(260), np.log(1000))))
    if aspect is None:
        aspect = float(rng.choice([1.0, 1.0, 0.94, 0.86, 0.75, 0.67]))
    return max(8, round(long * aspect)), long


def _flat(shape: tuple[int, int], color: Color) -> Scene:
    pixels = np.empty((*shape, 3), np.float32)
    pixels[:] = color
    return Scene(pixels, np.zeros(shape, bool))


def _black(rng: Rng, top: float = 10) -> Color:
    level = rng.uniform(0, top)
    red, green, blue = level + rng.uniform(0, 3, 3)
    return float(red), float(green), float(blue)


def _middle(rng: Rng, shape: tuple[int, int], *, share: float | None = None) -> Place:
    """A centred circle of `share` of the shorter side, give or take a few pixels."""
    share = float(rng.uniform(0.82, 0.975)) if share is None else share
    radius = share * min(shape) / 2
    free = max(0.0, min(shape) / 2 - radius) * 0.6
    row, column = np.array(shape) / 2 - 0.5 + rng.uniform(-free, free, 2)
    return Place(float(row), float(column), radius, radius)


def _lay(
    scene: Scene,
    eye: Floats,
    place: Place,
    *,
    cut: Mask | None = None,
    soft_px: float = 1.0,
) -> Scene:
    """Lay an eye on the scene: an ellipse with these half axes, of which `cut` hides a part."""
    height, width = scene.shape
    row, column, tall, wide = place.row, place.column, place.tall, place.wide
    grow = 1 / (_INNER * 0.94)
    box_rows, box_columns = 2 * tall * grow, 2 * wide * grow
    top, left = row + 0.5 - box_rows / 2, column + 0.5 - box_columns / 2
    size = len(eye)
    matrix = (
        size / box_columns, 0.0, -left * size / box_columns,
        0.0, size / box_rows, -top * size / box_rows,
    )  # fmt: skip
    source = Image.fromarray(np.clip(eye, 0, 255).astype(np.uint8))
    if box_rows < size:  # Pillow's transform does not antialias
        source = source.resize((max(1, round(box_columns)), max(1, round(box_rows))))
        matrix = (1.0, 0.0, -left, 0.0, 1.0, -top)
    laid = source.transform(
        (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    rows = (np.arange(height)[:, None] - row) / tall
    columns = (np.arange(width)[None] - column) / wide
    radius = np.hypot(rows, columns)
    fov = radius <= 1
    alpha = np.clip((1 - radius) * min(tall, wide) / soft_px + 0.5, 0, 1)
    if cut is not None:
        fov &= ~cut
        alpha = alpha * ndi.uniform_filter((~cut).astype(np.float32), 2)
    alpha = alpha[..., None].astype(np.float32)
    scene.pixels = scene.pixels * (1 - alpha) + np.asarray(laid, np.float32) * alpha
    scene.fov |= fov
    scene.place = place
    scene.fields += 1
    return scene


def _simple(rng: Rng, eye: Floats, color: Color, **more: Any) -> Scene:
    shape = _canvas(rng)
    return _lay(_flat(shape, color), eye, _middle(rng, shape), **more)


def _write(rng: Rng, scene: Scene, at: tuple[float, float], color: Color, size: float) -> None:
    """A line or two of writing whose upper left corner is `at` (row, column)."""
    words = ["OD", "OS", "12.03.2014", "Patient", "ID 00417", "45°", "Topcon", "R", "L", "09:41"]
    text = " ".join(rng.choice(words, rng.integers(1, 4)))
    if rng.random() < 0.4:
        text += "\n" + " ".join(rng.choice(words, rng.integers(1, 3)))
    layer = Image.new("L", scene.shape[::-1])
    font = ImageFont.load_default(max(7.0, size))
    ImageDraw.Draw(layer).text((at[1], at[0]), text, fill=255, font=font)
    alpha: Floats = np.asarray(layer, np.float32)[..., None] / np.float32(255)
    scene.pixels = scene.pixels * (1 - alpha) + np.asarray(color, np.float32) * alpha


def _ink(rng: Rng) -> Color:
    choices = [(255, 255, 255), (255, 255, 0), (0, 255, 0), (200, 200, 200), (120, 200, 255)]
    red, green, blue = choices[rng.integers(len(choices))]
    return float(red), float(green), float(blue)


def _paper(rng: Rng) -> Color:
    level = float(rng.choice([255, 255, 250, 240, 225, 200, 160, 128]))
    return level, level, level


def _turned(scene: Scene, angle_deg: float, color: Color) -> Scene:
    """The scene turned about its middle, on a larger page of `color`."""
    layers = Image.fromarray(np.clip(scene.pixels, 0, 255).astype(np.uint8))
    fill = tuple(round(value) for value in color)
    turned = layers.rotate(angle_deg, Image.Resampling.BILINEAR, expand=True, fillcolor=fill)
    mask = Image.fromarray(scene.fov.astype(np.uint8) * 255)
    fov = np.asarray(mask.rotate(angle_deg, Image.Resampling.BILINEAR, expand=True)) >= 128
    return Scene(np.asarray(turned, np.float32), fov, fields=scene.fields)


def _on_page(scene: Scene, page: Scene, top: int, left: int) -> Scene:
    height, width = scene.shape
    page.pixels[top : top + height, left : left + width] = scene.pixels
    page.fov[top : top + height, left : left + width] = scene.fov
    page.fields = scene.fields
    return page


def _with_margins(rng: Rng, scene: Scene, color: Color, low: float, high: float) -> Scene:
    """The scene on a page that is larger on every side by a share of the scene's longer side."""
    long = max(scene.shape)
    top, bottom, left, right = (max(1, round(long * m)) for m in rng.uniform(low, high, 4))
    page = _flat((scene.shape[0] + top + bottom, scene.shape[1] + left + right), color)
    return _on_page(scene, page, top, left)


def _developed(rng: Rng, scene: Scene) -> RGB:
    """The photograph: a little blur and noise, and by chance a JPEG file's blocks."""
    pixels = scene.pixels
    if rng.random() < 0.5:
        sigma = rng.uniform(0.3, 0.9)
        blurred: Floats = ndi.gaussian_filter(pixels, (sigma, sigma, 0))
        pixels = blurred
    pixels = pixels + rng.normal(0, rng.uniform(0, 2.5), pixels.shape).astype(np.float32)
    image = np.rint(pixels.clip(0, 255)).astype(np.uint8)
    if rng.random() < 0.6:
        encoded = BytesIO()
        Image.fromarray(image).save(encoded, "JPEG", quality=int(rng.integers(60, 97)))
        with Image.open(encoded) as opened:
            image = np.asarray(opened.convert("RGB"))
    return np.ascontiguousarray(image)


# Kinds: one colour around


def _on_black(rng: Rng, eye: Floats) -> Scene:
    return _simple(rng, eye, _black(rng))


def _on_raised_black(rng: Rng, eye: Floats) -> Scene:
    return _simple(rng, eye, _black(rng, 45))


def _on_dark_green(rng: Rng, eye: Floats) -> Scene:
    green = rng.uniform(25, 60)
    return _simple(rng, eye, (rng.uniform(0.2, 0.6) * green, green, rng.uniform(0.2, 0.6) * green))


def _on_dark_tint(rng: Rng, eye: Floats) -> Scene:
    """Blue, purple or brown darkness; of red a little only, or it would be retina."""
    red, green, blue = rng.uniform(0, 18), rng.uniform(0, 14), rng.uniform(0, 60)
    return _simple(rng, eye, (red, green, blue))


def _on_grey(rng: Rng, eye: Floats) -> Scene:
    level = float(rng.uniform(55, 205))
    return _simple(rng, eye, (level, level, level))


def _on_white(rng: Rng, eye: Floats) -> Scene:
    level = float(rng.uniform(232, 255))
    return _simple(rng, eye, (level, level, level))


def _dark(rng: Rng, eye: Floats) -> Scene:
    """Under-exposed: a tenth to a quarter of the light."""
    return _simple(rng, eye * np.float32(rng.uniform(0.12, 0.3)), _black(rng, 4))


# Kinds: several colours around


def _on_two_colors(rng: Rng, eye: Floats) -> Scene:
    """One colour beside the field of view and another above and below, or one on either side."""
    shape = _canvas(rng)
    where = _middle(rng, shape, share=float(rng.uniform(0.8, 0.93)))
    green = rng.uniform(20, 50)
    first: Color = (rng.uniform(0.3, 0.6) * green, green, rng.uniform(0.3, 0.6) * green)
    second = _black(rng, 8) if rng.random() < 0.7 else _paper(rng)
    first, second = (first, second) if rng.random() < 0.7 else (second, first)
    scene = _flat(shape, first)
    if rng.random() < 0.6:
        edge = max(2, round(where.row - where.tall - rng.uniform(0, 0.03) * shape[0]))
        scene.pixels[:edge] = second
        scene.pixels[-edge:] = second
    elif rng.random() < 0.5:
        scene.pixels[:, : shape[1] // 2] = second
    else:
        scene.pixels[: shape[0] // 2] = second
    return _lay(scene, eye, where)


def _in_a_halo(rng: Rng, eye: Floats) -> Scene:
    """Stray light: the surround is brighter near the retina and falls off."""
    shape = _canvas(rng)
    where = _middle(rng, shape)
    scene = _flat(shape, _black(rng, 5))
    rows = (np.arange(shape[0])[:, None] - where.row) / where.tall
    columns = (np.arange(shape[1])[None] - where.column) / where.wide
    fall = np.exp((1 - np.hypot(rows, columns).clip(1)) / rng.uniform(0.05, 0.25))[..., None]
    glow = np.array([rng.uniform(4, 28), rng.uniform(2, 12), rng.uniform(0, 10)], np.float32)
    scene.pixels += (glow * fall).astype(np.float32)
    return _lay(scene, eye, where)


def _on_uneven(rng: Rng, eye: Floats) -> Scene:
    """A surround that gets lighter to one side, with clouds in it."""
    shape = _canvas(rng)
    base = np.array(_black(rng, 12) if rng.random() < 0.6 else _paper(rng), np.float32)
    scene = _flat(shape, (0, 0, 0))
    across = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :, None]
    clouds = smooth_noise(rng, 4, shape)[..., None]
    scene.pixels[:] = base + rng.uniform(2, 8) * across + rng.uniform(0.5, 2.5) * clouds
    return _lay(scene, eye, _middle(rng, shape))


# Kinds: frames, pages, banners


def _in_a_thin_frame(rng: Rng, eye: Floats) -> Scene:
    scene = _on_black(rng, eye)
    thick = int(rng.integers(1, max(3, round(0.02 * min(scene.shape)))))
    color = _paper(rng) if rng.random() < 0.7 else _ink(rng)
    if rng.random() < 0.5:  # around the photograph
        return _with_margins(rng, scene, color, thick / max(scene.shape), thick / max(scene.shape))
    inset = int(rng.integers(0, 4))
    edge = np.zeros(scene.shape, bool)
    edge[inset : scene.shape[0] - inset, inset : scene.shape[1] - inset] = True
    edge[inset + thick : -inset - thick, inset + thick : -inset - thick] = False
    scene.pixels[edge & ~scene.fov] = color
    return scene


def _on_a_page(rng: Rng, eye: Floats) -> Scene:
    page = _with_margins(rng, _on_black(rng, eye), _paper(rng), 0.03, 0.3)
    if rng.random() < 0.6:
        ink: Color = (20.0, 20.0, 30.0) if page.pixels[0, 0, 0] > 100 else (240.0, 240.0, 240.0)
        _write(rng, page, (2, 4), ink, 0.03 * page.shape[0])
    return page


def _on_a_colored_page(rng: Rng, eye: Floats) -> Scene:
    """A slide of a talk: the photograph on blue, green, yellow or another colour."""
    red, green, blue = (float(value) for value in rng.uniform(0, 255, 3))
    page = _with_margins(rng, _on_black(rng, eye), (red, green, blue), 0.03, 0.25)
    _write(rng, page, (2, 4), (255.0, 255.0, 255.0), 0.04 * page.shape[0])
    return page


def _in_a_round_border(rng: Rng, eye: Floats) -> Scene:
    """Black around the retina, cut out along a larger circle and laid on paper."""
    scene = _on_black(rng, eye)
    rows, columns = np.ogrid[: scene.shape[0], : scene.shape[1]]
    away = np.hypot(rows - scene.place.row, columns - scene.place.column) / scene.place.tall
    scene.pixels[away > rng.uniform(1.03, 1.2)] = _paper(rng)
    return scene


def _turned_on_a_page(rng: Rng, eye: Floats) -> Scene:
    color = _paper(rng)
    return _turned(_on_black(rng, eye), float(rng.uniform(2, 44)) * rng.choice([-1, 1]), color)


def _under_a_banner(rng: Rng, eye: Floats) -> Scene:
    scene = _on_black(rng, eye)
    bar = max(8, round(scene.shape[0] * rng.uniform(0.04, 0.15)))
    color = _paper(rng) if rng.random() < 0.5 else tuple(float(v) for v in rng.uniform(20, 220, 3))
    page = _flat((scene.shape[0] + bar, scene.shape[1]), (color[0], color[1], color[2]))
    ink: Color = (0.0, 0.0, 0.0) if sum(color) > 380 else (255.0, 255.0, 255.0)
    below = rng.random() < 0.5
    _write(rng, page, (scene.shape[0] + 1 if below else 1, 6), ink, 0.5 * bar)
    return _on_page(scene, page, 0 if below else bar, 0)


def _in_a_window(rng: Rng, eye: Floats) -> Scene:
    """A screenshot: title bar, side panel with lines of writing, and the photograph."""
    scene = _on_black(rng, eye)
    height, width = scene.shape
    title, panel = round(0.06 * height) + 8, round(rng.uniform(0.15, 0.5) * width)
    level = float(rng.choice([240, 225, 60, 40]))
    page = _flat((height + title, width + panel), (level, level, level))
    page.pixels[:title] = tuple(float(v) for v in rng.uniform(30, 200, 3))
    _write(rng, page, (2, 6), (255.0, 255.0, 255.0), 0.5 * title)
    left = panel if rng.random() < 0.5 else 0
    ink: Color = (10.0, 10.0, 10.0) if level > 100 else (230.0, 230.0, 230.0)
    for line in range(int(rng.integers(2, 7))):
        at = title + (line + 0.5) * 0.12 * height, 6.0 + (0 if left else width)
        _write(rng, page, at, ink, 0.03 * height)
    return _on_page(scene, page, title, left)


# Kinds: writing


def _with_writing_beside(rng: Rng, eye: Floats) -> Scene:
    scene = _on_black(rng, eye)
    size = 0.035 * min(scene.shape)
    for _ in range(int(rng.integers(1, 4))):
        top = float(rng.choice([0.01, 0.9])) * scene.shape[0]
        left = float(rng.choice([0.01, 0.74])) * scene.shape[1]
        _write(rng, scene, (top, left), _ink(rng), size)
    return scene


def _with_writing_over(rng: Rng, eye: Floats) -> Scene:
    """Writing across the rim and on the retina."""
    scene = _on_black(rng, eye)
    size = rng.uniform(0.03, 0.06) * min(scene.shape)
    for _ in range(int(rng.integers(1, 3))):
        angle = rng.uniform(0, 2 * np.pi)
        row = scene.place.row + 0.9 * scene.place.tall * np.sin(angle)
        column = scene.place.column + 0.9 * scene.place.wide * np.cos(angle) - 2 * size
        _write(rng, scene, (row, column), _ink(rng), size)
    return scene


# Kinds: cut off


def _clipped_by_the_frame(rng: Rng, eye: Floats) -> Scene:
    """The frame ends above and below before the field of view does, as in HRF."""
    wide = int(np.exp(rng.uniform(np.log(260), np.log(1000))))
    radius = rng.uniform(0.92, 0.985) * wide / 2
    height = round(2 * rng.uniform(0.68, 0.94) * radius)
    scene = _flat((height, wide), _black(rng))
    row = (height - 1) / 2 + rng.uniform(-0.02, 0.02) * height
    return _lay(scene, eye, Place(row, (wide - 1) / 2, radius, radius))


def _clipped_by_bars(rng: Rng, eye: Floats) -> Scene:
    """Straight black cuts above and below, or at one side, inside the frame."""
    shape = _canvas(rng, aspect=float(rng.choice([1.0, 0.9])))
    where = _middle(rng, shape)
    rows = (np.arange(shape[0]) - where.row) / where.tall
    columns = (np.arange(shape[1]) - where.column) / where.wide
    at = rng.uniform(0.7, 0.95)
    if rng.random() < 0.7:
        cut = np.broadcast_to(np.abs(rows)[:, None] > at, shape)
    else:
        cut = np.broadcast_to(columns[None] > at, shape)
    return _lay(_flat(shape, _black(rng)), eye, where, cut=np.array(cut))


def _with_a_notch(rng: Rng, eye: Floats) -> Scene:
    """A tab of the camera's mask reaches into the retina: a square, a triangle or half a disc."""
    shape = _canvas(rng)
    where = _middle(rng, shape)
    angle = float(rng.choice([0, np.pi / 4, np.pi / 2, np.pi, -np.pi / 4]))
    rows = (np.arange(shape[0])[:, None] - where.row) / where.tall
    columns = (np.arange(shape[1])[None] - where.column) / where.wide
    out = rows * np.sin(angle) + columns * np.cos(angle)
    side = np.abs(columns * np.sin(angle) - rows * np.cos(angle))
    depth, half = rng.uniform(0.03, 0.1), rng.uniform(0.03, 0.09)
    kind = rng.integers(3)
    if kind == 0:
        cut = (out > 1 - depth) & (side < half)
    elif kind == 1:
        cut = side < half * (out - 1 + depth) / depth
    else:
        cut = np.hypot(out - 1, side) < depth
    return _lay(_flat(shape, _black(rng)), eye, where, cut=np.asarray(cut))


def _with_a_tab(rng: Rng, eye: Floats) -> Scene:
    """The retina shows beyond the circle, in half a disc, a square or two triangles."""
    shape = _canvas(rng)
    where = _middle(rng, shape, share=float(rng.uniform(0.8, 0.9)))
    angle = float(rng.choice([-np.pi / 4, -np.pi / 4, np.pi / 4, -0.8 * np.pi, 0]))
    rows = (np.arange(shape[0])[:, None] - where.row) / where.tall
    columns = (np.arange(shape[1])[None] - where.column) / where.wide
    out = rows * np.sin(angle) + columns * np.cos(angle)
    side = np.abs(columns * np.sin(angle) - rows * np.cos(angle))
    kind = rng.integers(3)
    if kind == 0:
        tab = np.hypot(out - 1, side) < rng.uniform(0.05, 0.065)
    elif kind == 1:
        tab = (out > 0) & (out < rng.uniform(1.06, 1.08)) & (side < rng.uniform(0.04, 0.08))
    else:
        tab = (out > 0) & (np.abs(side - 0.045) < 0.6 * (1.055 - out))
    shown = (np.hypot(rows, columns) <= 1) | tab
    wider = replace(where, tall=1.09 * where.tall, wide=1.09 * where.wide)
    scene = _lay(_flat(shape, _black(rng)), eye, wider, cut=np.asarray(~shown))
    scene.place = where
    return scene


def _off_center(rng: Rng, eye: Floats) -> Scene:
    """A smaller field of view far from the middle, sometimes cut off by one side of the frame."""
    shape = _canvas(rng)
    radius = rng.uniform(0.28, 0.42) * min(shape)
    low = radius * rng.uniform(0.75, 1.05)
    row = rng.uniform(low, shape[0] - low)
    column = rng.uniform(low, shape[1] - low)
    scene = _flat(shape, _black(rng))
    return _lay(scene, eye, Place(row, column, radius, radius))


def _touching(rng: Rng, eye: Floats) -> Scene:
    """The field of view fills the frame: it touches, or just passes, all four sides."""
    side = int(np.exp(rng.uniform(np.log(260), np.log(900))))
    shape = side, side
    where = _middle(rng, shape, share=float(rng.uniform(0.99, 1.12)))
    return _lay(_flat(shape, _black(rng)), eye, where)


def _borderless(rng: Rng, eye: Floats) -> Scene:
    """Cropped to retina all over."""
    shape = _canvas(rng)
    radius = float(np.hypot(*shape)) / 2 * rng.uniform(1.02, 1.3)
    where = Place(shape[0] / 2, shape[1] / 2, radius, radius)
    return _lay(_flat(shape, (0.0, 0.0, 0.0)), eye, where)


# Kinds: rims


def _with_a_vignette(rng: Rng, eye: Floats) -> Scene:
    """The light falls off to a fifth or so at the rim, more to one side."""
    size = len(eye)
    rows, columns = (np.mgrid[:size, :size] - (size - 1) / 2) / (_INNER * 0.94 * size / 2)
    angle = rng.uniform(0, 2 * np.pi)
    slope = rows * np.sin(angle) + columns * np.cos(angle)
    radius = np.hypot(rows, columns)
    light = 1 - rng.uniform(0.5, 0.85) * radius.clip(0, 1.1) ** rng.uniform(2, 5)
    light = (light * (1 + rng.uniform(0, 0.4) * slope)).clip(0.08)
    return _on_black(rng, eye * light[..., None].astype(np.float32))


def _with_a_soft_rim(rng: Rng, eye: Floats) -> Scene:
    shape = _canvas(rng)
    where = _middle(rng, shape, share=float(rng.uniform(0.8, 0.92)))
    soft = rng.uniform(0.02, 0.08) * where.tall
    return _lay(_flat(shape, _black(rng)), eye, where, soft_px=float(soft))


def _squashed(rng: Rng, eye: Floats) -> Scene:
    """Resized to another aspect ratio."""
    shape = _canvas(rng)
    share, ratio = rng.uniform(0.85, 0.97), rng.uniform(1.05, 1.4)
    tall, wide = share * shape[0] / 2, share * shape[1] / 2
    short = min(tall, wide)
    tall, wide = (short, min(wide, short * ratio)) if wide > tall else (short, short / ratio)
    row, column = (shape[0] - 1) / 2, (shape[1] - 1) / 2
    scene = _flat(shape, _black(rng))
    return _lay(scene, eye, Place(row, column, float(tall), float(wide)))


# Kinds: more than one


def _two_eyes(rng: Rng, eye: Floats) -> Scene:
    """Two photographs beside or above each other; the second one is the other eye."""
    first = _on_black(rng, eye)
    other = np.asarray(_eye(int(rng.integers(EYES))), np.float32)
    gap = int(rng.integers(0, 12))
    height, width = first.shape
    radius = rng.uniform(0.85, 1.0) * min(first.place.tall, first.place.wide)
    beside = rng.random() < 0.7
    shape = (height, 2 * width + gap) if beside else (2 * height + gap, width)
    page = _flat(shape, tuple(first.pixels[0, 0]) if rng.random() < 0.8 else _paper(rng))
    corner = first.pixels[0, 0].copy()
    if beside:
        page.pixels[:, width + gap :] = corner
    else:
        page.pixels[height + gap :] = corner
    page = _on_page(first, page, 0, 0)
    row, column = (height - 1) / 2, (width - 1) / 2
    row, column = (row, column + width + gap) if beside else (row + height + gap, column)
    return _lay(page, other, Place(row, column, float(radius), float(radius)))


KINDS: Mapping[str, Callable[[Rng, Floats], Scene]] = {
    "black": _on_black,
    "raised black": _on_raised_black,
    "dark green": _on_dark_green,
    "dark tint": _on_dark_tint,
    "grey": _on_grey,
    "white": _on_white,
    "dark": _dark,
    "two colours": _on_two_colors,
    "halo": _in_a_halo,
    "uneven": _on_uneven,
    "thin frame": _in_a_thin_frame,
    "page": _on_a_page,
    "coloured page": _on_a_colored_page,
    "round border": _in_a_round_border,
    "turned on a page": _turned_on_a_page,
    "banner": _under_a_banner,
    "window": _in_a_window,
    "writing beside": _with_writing_beside,
    "writing over": _with_writing_over,
    "clipped by the frame": _clipped_by_the_frame,
    "clipped by bars": _clipped_by_bars,
    "notch": _with_a_notch,
    "tab": _with_a_tab,
    "off centre": _off_center,
    "touching": _touching,
    "no border": _borderless,
    "vignette": _with_a_vignette,
    "soft rim": _with_a_soft_rim,
    "another aspect": _squashed,
    "two eyes": _two_eyes,
}
"""Every kind of surround, by name."""
