"""Checks of vessel labels: empty, inverted, exchanged, turned, mirrored or shifted ones.

Vessels are darker than their surroundings, so a vessel label correlates with how much darker each
pixel of the green channel is than its surroundings. If another position of the label, or the label
of another photograph, correlates far better, the label does not belong to this photograph.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import ExifTags, Image

from venule.data.problem import Problem
from venule.image.arrays import RGB, FloatMap, Mask

_MOST_VESSEL_SHARE = 0.5
"""Vessels are 6 to 17 % of the field of view in DRIVE, CHASE_DB1 and HRF; above half the frame the
mask is inverted, or palette indices were taken for grey levels."""

_MOST_OUTSIDE_SHARE = 0.05
"""Labels extend beyond the field of view by less than 1 % of their pixels in these data sets."""

_SIDE_PX = 400
"""Photographs and labels are compared at a reduced size, with about this longer side."""

_LIES = 0.2
"""Labels of real and synthetic photographs correlate more than this; wrong ones much less."""

_BETTER = 2.0
"""Factor by which the correlation at another position must exceed that at the present one."""

_FAR = 0.008
"""Smallest shift that is reported, as a fraction of the longer side."""

_MOST_FAR = 0.15

_LINES = 0.3
"""Fraction of contrast that smoothing leaves if a photograph has vessels; noise loses more."""

_OTHER = "Check that it is this photograph's; the names of labels and photographs may be exchanged"

TURNS: Mapping[str, Image.Transpose] = {
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "upside down": Image.Transpose.FLIP_TOP_BOTTOM,
    "turned by 180 degrees": Image.Transpose.ROTATE_180,
    "turned by 90 degrees": Image.Transpose.ROTATE_90,
    "turned by 270 degrees": Image.Transpose.ROTATE_270,
    "transposed": Image.Transpose.TRANSPOSE,
    "transposed the other way": Image.Transpose.TRANSVERSE,
}
"""Orientations that a label may have; those that exchange the sides need a square."""


@dataclass(frozen=True)
class Mismatch:
    """A misplacement of a label, and what to do about it."""

    what: str
    fix: str


@dataclass(frozen=True, eq=False)
class Lines:
    """Dark lines of a photograph and its label, both (h, w), for comparison at a reduced size.

    `dark` float32 is how much darker a pixel is than its surroundings, mean 0; `label` the fraction
    of vessel in each pixel; `scale` reduced over full size; `tells` whether there are any lines.
    """

    dark: FloatMap
    label: FloatMap
    scale: float
    tells: bool


@dataclass(frozen=True, eq=False)
class Label:
    """A label without other problems, its photograph, and the data for comparing them."""

    path: Path
    image: Path
    lines: Lines


def lines_of(image: RGB, label: Mask, fov: Mask) -> Lines:
    """The `Lines` of a photograph (H, W, 3) and its label (H, W), inside a field of view (H, W)."""
    scale = min(1.0, _SIDE_PX / max(label.shape))
    shape = max(1, round(label.shape[0] * scale)), max(1, round(label.shape[1] * scale))
    green = _small(image[..., 1], shape)
    inside = ndi.binary_erosion(_small(fov.astype(np.uint8) * 255, shape) > 250, iterations=4)
    sigma = max(shape) / 50
    weight = ndi.gaussian_filter(inside.astype(np.float32), sigma)
    around = ndi.gaussian_filter(green * inside, sigma) / np.maximum(weight, 1e-3)
    dark = np.where(inside, around - green, 0).astype(np.float32)
    deviation = float(dark[inside].std()) if inside.any() else 0.0
    dark = np.clip(dark, -3 * deviation, 3 * deviation)
    smooth = ndi.gaussian_filter(dark, 1.5)
    tells = deviation > 0.5 and float(smooth[inside].std()) > _LINES * deviation
    vessels = _small(label.astype(np.uint8) * 255, shape) / np.float32(255)
    return Lines(dark, vessels, scale, tells)


def label_fault(path: Path, vessels: Mask, fov: Mask | None = None) -> Problem | None:
    """The problem of a label (H, W) that can be told without its photograph; None if there is none.

    `fov`: the field of view (H, W) that the label must not leave, if any.
    """
    share = float(vessels.mean())
    if share > _MOST_VESSEL_SHARE:
        return Problem(
            path,
            f"marks {share:.0%} of its pixels as vessel, as an inverted mask does",
            "0 on the background, above 0 on vessels, a small part of the frame",
            "Invert it if it is inverted; use the original if it was converted from a palette file",
        )
    if share == 0:
        return Problem(
            path, "marks no pixel", "a value above 0 on vessels", "Use the released file"
        )
    outside = 0.0 if fov is None else float(vessels[~fov].sum() / vessels.sum())
    if outside > _MOST_OUTSIDE_SHARE:
        return Problem(
            path,
            f"has {outside:.0%} of its vessel pixels outside the field of view",
            f"at most {_MOST_OUTSIDE_SHARE:.0%}",
            "Check that both masks belong to this photograph",
        )
    return None


def misplaced(labels: Sequence[Label]) -> Iterator[Problem]:
    """A problem for each label that does not lie on the vessels of its photograph."""
    others = dict(exchanged([label.lines for label in labels]))
    for index, label in enumerate(labels):
        if index in others:
            where = labels[others[index]].image
            found: Mismatch | None = Mismatch(f"lies on {where}, not on its own photograph", _OTHER)
        else:
            found = mismatch(label.lines, turned_by_exif=exif_turns(label.image))
        if found is not None:
            yield Problem(label.path, found.what, f"the vessels of {label.image}", found.fix)


def mismatch(lines: Lines, *, turned_by_exif: bool = False) -> Mismatch | None:
    """Why a label does not fit its photograph; None if it does, or if this is undecidable."""
    if not lines.tells or not lines.label.any():
        return None
    here = agreement(lines.dark, lines.label)
    wanted = max(_LIES, _BETTER * here)
    for how, turn in TURNS.items():
        turned = np.asarray(Image.fromarray(lines.label).transpose(turn))
        if turned.shape == lines.dark.shape and agreement(lines.dark, turned) > wanted:
            return _turned(how, by_exif=turned_by_exif)
    (rows, columns), there = _best_shift(lines)
    far = max(abs(rows), abs(columns)) / max(lines.dark.shape)
    if _FAR < far < _MOST_FAR and there > max(_LIES, 1.3 * here):
        down, right = round(rows / lines.scale), round(columns / lines.scale)
        return Mismatch(
            f"is shifted against the photograph by {-down} rows and {-right} columns",
            f"Move it by {down} rows and {right} columns, or use the released file",
        )
    if here < _LIES / 2:
        return Mismatch("does not lie on the vessels of its photograph", _OTHER)
    return None


def exchanged(lines: Sequence[Lines]) -> Iterator[tuple[int, int]]:
    """Find labels of other photographs: (i, j) if label i belongs to photograph j."""
    lost = [
        index
        for index, one in enumerate(lines)
        if one.tells and one.label.any() and agreement(one.dark, one.label) < _LIES / 2
    ]
    for index in lost:
        label = lines[index].label
        fits = {
            other: agreement(lines[other].dark, label)
            for other in lost
            if other != index and lines[other].dark.shape == label.shape
        }
        if fits and max(fits.values()) > _LIES:
            yield index, max(fits, key=fits.__getitem__)


def agreement(dark: FloatMap, label: FloatMap) -> float:
    """Pearson correlation of two (h, w) maps, -1..1; 0 if one of them is constant."""
    a, b = dark - dark.mean(), label - label.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def exif_turns(path: Path) -> bool:
    """Return whether a photograph's EXIF orientation turns or mirrors it."""
    try:
        with Image.open(path) as image:
            return image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    except Exception:  # the reader reports what is wrong with the file
        return False


def _turned(how: str, *, by_exif: bool) -> Mismatch:
    if by_exif:
        return Mismatch(
            f"is {how}: the photograph is turned by its EXIF orientation, the label is not",
            "Turn the label as viewers turn the photograph, or store both without the orientation",
        )
    return Mismatch(f"is {how} against the photograph", "Turn it back, or use the released file")


def _best_shift(lines: Lines) -> tuple[tuple[int, int], float]:
    """The shift in rows and columns at which the label fits best, and its correlation there."""
    a, b = lines.dark - lines.dark.mean(), lines.label - lines.label.mean()
    product = np.fft.rfft2(a) * np.conj(np.fft.rfft2(b))
    correlation = np.fft.irfft2(product, s=a.shape)
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    at = np.unravel_index(int(correlation.argmax()), correlation.shape)
    rows, columns = (
        int(place) - (side if place > side // 2 else 0)
        for place, side in zip(at, a.shape, strict=True)
    )
    return (rows, columns), float(correlation.max()) / norm if norm > 0 else 0.0


def _small(plane: NDArray[np.uint8], shape: tuple[int, int]) -> FloatMap:
    """(h, w) float32, each pixel the mean of the pixels it covers."""
    grey = Image.fromarray(np.ascontiguousarray(plane))
    small = grey.resize(shape[::-1], Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(small, np.float32)
