"""Optic disc and fovea in a photograph, from the probability maps of both, and whose eye it is."""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import FloatMap, Mask
from venule.image.photograph import Laterality

LEAST_DISC = 0.5
"""Least confidence of a disc that is reported."""

LEAST_FOVEA = 0.5
"""Least confidence of a fovea that is reported. Where it lies outside the frame, as in many
photographs of the disc, some other dark place is found with less."""

NEAREST, FARTHEST = 1.5, 3.6
"""Distance of the fovea from the disc's centre, in disc diameters; it is 2.5 in most eyes."""

ROUND = 0.55
"""Least ratio of a disc's axes, and least overlap of what was found with its ellipse."""


@dataclass(frozen=True)
class Disc:
    """The optic disc as an ellipse; pixels of the photograph, 0 at the centre of the first one.

    Attributes:
        x, y: the centre.
        major_px, minor_px: its half-axes.
        angle: of the longer one against the rows, in radians, positive from x to y.
        confidence: 0..1, the mean probability of a disc inside.
    """

    x: float
    y: float
    major_px: float
    minor_px: float
    angle: float
    confidence: float

    @property
    def radius_px(self) -> float:
        """The radius of the circle of the same area."""
        return math.sqrt(self.major_px * self.minor_px)

    def mask(self, shape: tuple[int, int]) -> Mask:
        """(H, W) bool, the pixels whose centre is inside the ellipse."""
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        right, down = columns - self.x, rows - self.y
        along = right * math.cos(self.angle) + down * math.sin(self.angle)
        across = down * math.cos(self.angle) - right * math.sin(self.angle)
        inside: Mask = (along / self.major_px) ** 2 + (across / self.minor_px) ** 2 <= 1
        return inside


@dataclass(frozen=True)
class Fovea:
    """The fovea's centre in pixels of the photograph; `confidence` is its map's maximum, 0..1."""

    x: float
    y: float
    confidence: float


@dataclass(frozen=True)
class Landmarks:
    """Disc and fovea, None where they are not in the photograph or not seen; and which eye it is.

    `reasons` say what is missing, one line each. `laterality_confidence` is 1 where the eye was
    stated.
    """

    disc: Disc | None
    fovea: Fovea | None
    laterality: Laterality | None = None
    laterality_confidence: float = 0.0
    reasons: tuple[str, ...] = ()


def find_landmarks(
    disc: FloatMap, fovea: FloatMap, fov: Mask, *, stated: Laterality | None = None
) -> Landmarks:
    """Find disc and fovea in their probability maps.

    The disc is the component that holds most probability, as the ellipse of its second moments.
    The fovea is the centre of what is at least half as probable as the likeliest place that lies
    1.5 to 3.6 disc diameters from the disc; anywhere without a disc. The optic nerve lies on the
    nasal side: in an upright, unmirrored photograph a disc to the right of the fovea is a right
    eye's.

    Args:
        disc: (H, W) float32 in 0..1.
        fovea: (H, W) float32 in 0..1.
        fov: (H, W) bool, the field of view.
        stated: the eye that the photograph's file or its user names, which holds.
    """
    found, why_not = _find_disc(np.where(fov, disc, 0))
    reasons = [why_not] if why_not else []
    place = _find_fovea(np.where(fov, fovea, 0), found)
    if place is None:
        reasons.append("no fovea found")
    return _with_eye(Landmarks(found, place, reasons=tuple(reasons)), stated)


def with_disc(
    landmarks: Landmarks | None, disc: Disc | None, *, stated: Laterality | None = None
) -> Landmarks:
    """The landmarks with another disc, that somebody has drawn; the eye follows."""
    before = landmarks or Landmarks(None, None)
    kept = tuple(reason for reason in before.reasons if "optic disc" not in reason)
    return _with_eye(replace(before, disc=disc, reasons=kept), stated)


def _with_eye(landmarks: Landmarks, stated: Laterality | None) -> Landmarks:
    """The landmarks with the eye that was stated, or that they tell."""
    if stated is not None:
        return replace(landmarks, laterality=stated, laterality_confidence=1.0)
    disc, fovea = landmarks.disc, landmarks.fovea
    if disc is None or fovea is None:
        return landmarks
    right, down = disc.x - fovea.x, disc.y - fovea.y
    level = abs(right) / max(math.hypot(right, down), 1e-9)  # 0 where one is above the other
    return replace(
        landmarks,
        laterality="right" if right > 0 else "left",
        laterality_confidence=min(disc.confidence, fovea.confidence) * level,
    )


def ellipse_of(disc: Mask) -> Disc | None:
    """The ellipse with the area and the second moments of a disc that was drawn, (H, W) bool.

    None of fewer than 12 pixels.
    """
    found = _ellipse(disc, np.ones(disc.shape, np.float32))
    if found is None:
        return None
    # The moments of pixels are those of their centres: the area sets the size right.
    grown = math.sqrt(np.count_nonzero(disc) / (math.pi * found.major_px * found.minor_px))
    return replace(found, major_px=found.major_px * grown, minor_px=found.minor_px * grown)


def _find_disc(probability: FloatMap) -> tuple[Disc | None, str]:
    """The disc, or why there is none."""
    labels, count = ndi.label(probability >= 0.5)
    if not count:
        return None, "no optic disc found"
    totals = ndi.sum_labels(probability, labels, np.arange(1, count + 1))
    component = ndi.binary_fill_holes(labels == int(np.argmax(totals)) + 1)
    disc = _ellipse(component, probability)
    if disc is None:
        return None, "no optic disc found"
    if disc.confidence < LEAST_DISC or not _is_disc(disc, component):
        return None, "what looks like an optic disc is none: too uncertain, or not round"
    if np.count_nonzero(totals > 0.5 * totals.max()) > 1:
        disc = replace(disc, confidence=disc.confidence / 2)  # two places look like it
    return disc, ""


def _ellipse(component: Mask, probability: FloatMap) -> Disc | None:
    """The ellipse with the second moments of a component; None of fewer than 12 pixels."""
    rows, columns = np.nonzero(component)
    if len(rows) < 12:
        return None
    points = np.stack([columns, rows])
    x, y = points.mean(axis=1)
    spread: NDArray[np.float64] = np.cov(points)
    sizes, axes = np.linalg.eigh(spread)
    minor, major = (2 * math.sqrt(max(float(size), 1e-9)) for size in sizes)
    angle = math.atan(axes[1, 1] / axes[0, 1]) if axes[0, 1] else math.pi / 2
    confidence = float(probability[component].mean())
    return Disc(float(x), float(y), major, minor, angle, confidence)


def _is_disc(disc: Disc, component: Mask) -> bool:
    inside = disc.mask((component.shape[0], component.shape[1]))
    overlap = np.count_nonzero(inside & component) / np.count_nonzero(inside | component)
    return disc.minor_px >= ROUND * disc.major_px and bool(overlap >= ROUND)


def _find_fovea(probability: FloatMap, disc: Disc | None) -> Fovea | None:
    if disc is not None:
        rows, columns = np.ogrid[: probability.shape[0], : probability.shape[1]]
        away = np.hypot(columns - disc.x, rows - disc.y) / (2 * disc.radius_px)
        probability = np.where((away >= NEAREST) & (away <= FARTHEST), probability, 0)
    peak = float(probability.max(initial=0))
    if peak < LEAST_FOVEA:
        return None
    labels, _ = ndi.label(probability >= peak / 2)
    here = labels == labels[np.unravel_index(int(np.argmax(probability)), labels.shape)]
    y, x = ndi.center_of_mass(np.where(here, probability, 0))
    return Fovea(float(x), float(y), peak)
