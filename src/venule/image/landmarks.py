"""Optic disc, fovea and laterality of a photograph, from the probability maps of disc and fovea."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage as ndi

from venule.image.arrays import FloatMap, Mask
from venule.image.optic_disc import Disc, fit_disc, is_round
from venule.image.photograph import Laterality

LEAST_DISC = 0.5
"""Least confidence of a reported disc."""

LEAST_FOVEA = 0.5
"""Least probability at which the fovea is located by its map. Below, the map only decides on which
side of the disc it lies; without a disc, none is reported."""

DISTANCE, DISTANCE_SD = 2.5, 0.35
"""The fovea's distance from the disc's centre in disc diameters (IDRiD, 310 eyes: 2.48, sd 0.16;
the detected diameter adds variance)."""

SLOPE_DEG, SLOPE_SD_DEG = 6.0, 10.0
"""How far the fovea lies below the disc (IDRiD: 6.2 degrees, sd 4.3; the head may be tilted). Both
signs count, since a photograph may be upside down."""

ELSEWHERE = 0.02
"""Probability floor: any place may be the fovea, whatever its map says there."""

DIAMETERS = 0.06, 0.35
"""Range of disc diameters over that of the field of view: 0.1 to 0.25 at 50 to 30 degrees."""

CANDIDATES = 4
"""Number of components of the disc map considered, those with the largest total probability."""

LEAST_VESSELS = 0.03
"""Least share of vessel pixels in a disc: 0.1 to 0.4 in 38 discs of IDRiD; in circles of the same
size around the foveas, where exudates gather, at most 0.025."""

VEILED = 0.8
"""Least confidence of a disc without visible vessels (a veil hides them), if no other qualifies."""

CLEAR_EYE = 0.75
"""Least confidence of the eye that disc and fovea show, to doubt another one that is stated."""

_STATED = "stated as a {} eye, but disc and fovea look like a {} one: mislabelled or mirrored?"


@dataclass(frozen=True)
class Fovea:
    """The fovea's centre in pixels of the photograph; `confidence` is its map's maximum, 0..1.

    Below 0.5 the position is inferred from the disc, not seen.
    """

    x: float
    y: float
    confidence: float


@dataclass(frozen=True)
class Landmarks:
    """Optic disc and fovea, None where outside the photograph or not seen, and laterality.

    `reasons` say what is missing or contradictory, one line each. `laterality_confidence` is 1 if
    the laterality was given.
    """

    disc: Disc | None
    fovea: Fovea | None
    laterality: Laterality | None = None
    laterality_confidence: float = 0.0
    reasons: tuple[str, ...] = ()

    @property
    def laterality_warnings(self) -> tuple[str, ...]:
        """Warnings that disc and fovea contradict the stated laterality."""
        return laterality_warnings(self.reasons)


def find_landmarks(
    disc: FloatMap,
    fovea: FloatMap,
    fov: Mask,
    *,
    vessels: Mask | None = None,
    stated: Laterality | None = None,
) -> Landmarks:
    """Find the optic disc and the fovea in their probability maps.

    The disc is the component with the most probability and vessels among those that have a disc's
    size and shape and that vessels lead to. It is described by the ellipse of its second moments;
    where the edge of the field of view cuts it off, by the circle through the rest of its outline,
    with its confidence times the visible share. Exudates may look like a disc, but no vessels come
    from them. If no component has vessels, the likeliest one away from the fovea is taken with half
    its confidence.
    The fovea is the centre of the region at least half as probable as the maximum, within the area
    expected from the disc (see `_place`), or anywhere if there is no certain disc. If no place is
    probable, it is put at its most likely distance and direction from the disc, unless that is
    outside the field of view. The optic disc lies on the nasal side: in an upright, unmirrored
    photograph, a disc to the right of the fovea means a right eye.

    Args:
        disc: (H, W) float32 in 0..1.
        fovea: (H, W) float32 in 0..1.
        fov: (H, W) bool, the field of view.
        vessels: (H, W) bool, the vessel mask; without it, discs are not checked for vessels.
        stated: laterality from the photograph's file or the user, which takes precedence.
    """
    disc, fovea = np.where(fov, disc, 0), np.where(fov, fovea, 0)
    found, why_not = _find_disc(disc, fovea, fov, vessels)
    reasons = [why_not] if why_not else []
    doubted = found if why_not else None
    if found is not None and (seen := found.seen_in(fov)) < 0.95:
        found = replace(found, confidence=found.confidence * seen)
        reasons.append(f"the field of view cuts the optic disc off: {seen:.0%} of it is seen")
    place = _find_fovea(fovea, fov, None if doubted else found)
    if place is None and doubted is not None:
        place = _find_fovea(fovea, fov, doubted)
    if place is None:
        reasons.append("no fovea found")
    elif place.confidence < LEAST_FOVEA:
        reasons.append("no fovea seen; placed where it usually lies as seen from the disc")
    return _with_eye(Landmarks(found, place, reasons=tuple(reasons)), stated)


def with_disc(
    landmarks: Landmarks | None, disc: Disc | None, *, stated: Laterality | None = None
) -> Landmarks:
    """Replace the disc by a drawn one, and derive the laterality again."""
    before = landmarks or Landmarks(None, None)
    kept = tuple(
        one
        for one in before.reasons
        if "optic disc" not in one and one not in before.laterality_warnings
    )
    return _with_eye(replace(before, disc=disc, reasons=kept), stated)


def laterality_warnings(reasons: Iterable[str]) -> tuple[str, ...]:
    """Those among the `reasons` of landmarks that contradict a stated laterality."""
    known = {_STATED.format(*eyes) for eyes in (("left", "right"), ("right", "left"))}
    return tuple(one for one in reasons if one in known)


def _with_eye(landmarks: Landmarks, stated: Laterality | None) -> Landmarks:
    """Set the laterality: as stated, with any reason to doubt it, or as disc and fovea show."""
    if stated is None:
        eye, confidence = _eye(landmarks)
        if eye is None:
            return landmarks
        return replace(landmarks, laterality=eye, laterality_confidence=confidence)
    doubt = eye_doubt(landmarks, stated)
    reasons = (*landmarks.reasons, *((doubt,) if doubt else ()))
    return replace(landmarks, laterality=stated, laterality_confidence=1.0, reasons=reasons)


def eye_doubt(landmarks: Landmarks, stated: Laterality) -> str:
    """Why a stated laterality may be wrong: disc and fovea clearly show the other eye; or ""."""
    eye, confidence = _eye(landmarks)
    if eye in (None, stated) or confidence < CLEAR_EYE:
        return ""
    return _STATED.format(stated, eye)


def _eye(landmarks: Landmarks) -> tuple[Laterality | None, float]:
    """The eye that disc and fovea show, and its confidence; None if one of them is not seen."""
    disc, fovea = landmarks.disc, landmarks.fovea
    if disc is None or fovea is None or fovea.confidence < LEAST_FOVEA:
        return None, 0.0
    right, down = disc.x - fovea.x, disc.y - fovea.y
    level = abs(right) / max(math.hypot(right, down), 1e-9)  # 0 where one is above the other
    return "right" if right > 0 else "left", min(disc.confidence, fovea.confidence) * level


def _find_disc(
    probability: FloatMap, fovea: FloatMap, fov: Mask, vessels: Mask | None
) -> tuple[Disc | None, str]:
    """The disc, or why there is none; both where it is doubtful."""
    labels, count = ndi.label(probability >= 0.5)
    if not count:
        return None, "no optic disc found"
    totals = ndi.sum_labels(probability, labels, np.arange(1, count + 1))
    reasons: list[str] = []
    found: list[tuple[float, Disc]] = []
    veiled: list[Disc] = []
    for index in np.argsort(-totals)[:CANDIDATES]:
        component = ndi.binary_fill_holes(labels == index + 1)
        disc = fit_disc(component, probability, fov)
        reasons.append(_why_not(disc, component, fov))
        if disc is None or reasons[-1]:
            continue
        share = 1.0 if vessels is None else disc.covered_by(vessels)
        if share >= LEAST_VESSELS:
            found.append((float(totals[index]) * share, disc))
            continue
        reasons[-1] = "what looks like an optic disc is none: no vessels lead to it"
        if disc.confidence >= VEILED and fovea[component].max() < LEAST_FOVEA:
            veiled.append(disc)
    if found:
        evidence, best = max(found, key=lambda one: one[0])
        rivals = totals if vessels is None else np.array([one for one, _ in found])
        if np.count_nonzero(rivals > 0.5 * evidence) > 1:
            best = replace(best, confidence=best.confidence / 2)  # two places look like it
        return best, ""
    if veiled:
        doubted = replace(veiled[0], confidence=veiled[0].confidence / 2)
        return doubted, "unsure of the optic disc: no vessels are seen to lead to it"
    return None, reasons[0]


def _why_not(disc: Disc | None, component: Mask, fov: Mask) -> str:
    """Why a component's size or shape rules out an optic disc; empty if neither does."""
    if disc is None:
        return "no optic disc found"
    if disc.confidence < LEAST_DISC or not is_round(disc, component, fov):
        return "what looks like an optic disc is none: too uncertain, or not round"
    field_radius_px = math.sqrt(np.count_nonzero(fov) / math.pi)
    if not DIAMETERS[0] <= disc.radius_px / field_radius_px <= DIAMETERS[1]:
        return "what looks like an optic disc is none: too small or too large"
    return ""


def _find_fovea(probability: FloatMap, fov: Mask, disc: Disc | None) -> Fovea | None:
    if disc is None:
        peak = float(probability.max(initial=0))
        return _center(probability, peak, 1) if peak >= LEAST_FOVEA else None
    step = max(1, int(disc.radius_px / 12))  # finer than a fovea can be located
    probability, fov = probability[::step, ::step], fov[::step, ::step]
    expected, right = _place(probability.shape, disc, step)
    side, clear = _side(probability, expected, right, disc, middle=_middle(fov) * step)
    likely = np.where(side, (probability + ELSEWHERE) * expected, 0)
    seen = np.where((likely > 0) & (expected > 0.05), probability, 0)
    peak = float(seen.max(initial=0))
    is_seen = peak >= LEAST_FOVEA
    fovea = _center(seen if is_seen else likely, peak, step) if is_seen or clear else None
    if fovea is None:
        return None
    row, column = round(fovea.y / step), round(fovea.x / step)
    return fovea if fov[min(row, fov.shape[0] - 1), min(column, fov.shape[1] - 1)] else None


def _middle(fov: Mask) -> float:
    columns = np.nonzero(fov.any(axis=0))[0]
    return float(columns.mean()) if len(columns) else 0.0


def _side(
    probability: FloatMap, expected: FloatMap, right: Mask, disc: Disc, *, middle: float
) -> tuple[Mask, bool]:
    """The side of the disc on which the fovea lies, and whether that is clear.

    In macula-centred photographs the disc is at least a diameter from the middle: without other
    evidence the fovea is then on the inner side. A larger visible area on one side is no evidence.
    """
    inner, outer = (right, ~right) if middle > disc.x else (~right, right)
    off_centre = abs(middle - disc.x) >= 2 * disc.radius_px
    anywhere = ELSEWHERE * max(float(expected[side].sum()) for side in (inner, outer))
    seen = probability * expected
    there = (float(seen[inner].sum()) + anywhere) * (2 if off_centre else 1)
    opposite = float(seen[outer].sum()) + anywhere
    clear = max(there, opposite) >= 1.5 * min(there, opposite)
    return (inner if there >= opposite else outer), clear


def _place(shape: tuple[int, ...], disc: Disc, step: int) -> tuple[FloatMap, Mask]:
    """Likelihood of each position for the fovea, at most 1, and which lie right of the disc.

    Every `step`th row and column; a normal density of the distance from the disc, in disc
    diameters, times one of the angle to the horizontal, on either side of the disc.
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    right, down = columns * step - disc.x, rows * step - disc.y
    distance = np.hypot(right, down) / (2 * disc.radius_px)
    slope = np.degrees(np.arctan2(np.abs(down), np.abs(right)))
    steeper = np.maximum(slope - SLOPE_DEG, 0)
    usual = ((distance - DISTANCE) / DISTANCE_SD) ** 2 + (steeper / SLOPE_SD_DEG) ** 2
    return np.exp(-usual / 2).astype(np.float32), np.broadcast_to(right > 0, shape)


def _center(likely: FloatMap, confidence: float, step: int) -> Fovea | None:
    """The centre of the component around the maximum that is at least half of it."""
    peak = float(likely.max(initial=0))
    if peak <= 0:
        return None
    labels, _ = ndi.label(likely >= peak / 2)
    here = labels == labels[np.unravel_index(int(np.argmax(likely)), labels.shape)]
    y, x = ndi.center_of_mass(np.where(here, likely, 0))
    return Fovea(float(x) * step, float(y) * step, confidence)
