"""The grade of a photograph's result, with its reasons and its uncertainty."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from venule.errors import ImageError
from venule.image.arrays import RGB, check_mask, check_rgb
from venule.image.fov import FieldOfView
from venule.image.levels import Levels, threshold_level, to_probability
from venule.quality.features import QualityFeatures, expected_dice, quality_features

Grade = Literal["ok", "usable", "reject"]

GRADES: tuple[Grade, ...] = ("ok", "usable", "reject")
"""From best to worst."""

NO_FIELD = "no field of view"
NO_EDGE = "edge of the field of view not visible"
NOT_A_FUNDUS = "not a fundus photograph"
TOO_SMALL = "too small"
TOO_DARK = "too dark"
OVEREXPOSED = "over-exposed"
LOW_CONTRAST = "low contrast"
HIGH_CONTRAST = "high contrast"
BLURRED = "blurred"
NOISY = "noisy"
COMPRESSED = "strongly compressed"
NO_VESSELS = "hardly any vessels found"
NO_COLOR = "without colour"
STRANGE_COLORS = "unusual colours"
UNCERTAIN = "uncertain vessels"
SEVERAL_FIELDS = "several fields of view"
STRETCHED = "resized to another aspect ratio"
ANGIOGRAM = "looks like an angiogram"
OCT = "looks like an OCT scan"
SCANNING_LASER = "looks like a scanning-laser image"
ULTRA_WIDE = "looks like an ultra-wide field"

REASONS = (
    NO_FIELD,
    NOT_A_FUNDUS,
    ANGIOGRAM,
    OCT,
    SCANNING_LASER,
    ULTRA_WIDE,
    SEVERAL_FIELDS,
    NO_EDGE,
    STRETCHED,
    TOO_SMALL,
    TOO_DARK,
    OVEREXPOSED,
    LOW_CONTRAST,
    HIGH_CONTRAST,
    BLURRED,
    NOISY,
    COMPRESSED,
    NO_VESSELS,
    NO_COLOR,
    STRANGE_COLORS,
    UNCERTAIN,
)
"""All reasons, in the order in which they are listed."""


@dataclass(frozen=True)
class Limits:
    """Limits beyond which a feature is a reason for a grade; None if it never leads to that grade.

    `beyond` is the side of the bad values.
    """

    measure: str
    beyond: Literal["above", "below"]
    usable: float | None
    reject: float | None

    def grade(self, value: float) -> Grade:
        """The grade by this feature alone."""
        if self._is_beyond(value, self.reject):
            return "reject"
        return "usable" if self._is_beyond(value, self.usable) else "ok"

    def _is_beyond(self, value: float, limit: float | None) -> bool:
        if limit is None:
            return False
        return value > limit if self.beyond == "above" else value < limit


LIMITS: Mapping[str, Limits] = {
    TOO_SMALL: Limits("diameter_px", "below", usable=250, reject=100),
    TOO_DARK: Limits("brightness", "below", usable=0.2, reject=0.05),
    OVEREXPOSED: Limits("overexposed", "above", usable=0.1, reject=0.4),
    LOW_CONTRAST: Limits("contrast", "below", usable=0.01, reject=0.004),
    HIGH_CONTRAST: Limits("contrast", "above", usable=0.08, reject=None),
    BLURRED: Limits("sharpness", "below", usable=0.42, reject=0.2),
    NOISY: Limits("sharpness", "above", usable=1.15, reject=1.7),
    COMPRESSED: Limits("blockiness", "above", usable=0.022, reject=0.065),
    NO_VESSELS: Limits("vessels", "below", usable=0.02, reject=0.005),
    NO_COLOR: Limits("saturation", "below", usable=0.1, reject=None),
    STRANGE_COLORS: Limits("warm", "below", usable=0.9, reject=None),
    STRETCHED: Limits("stretch", "above", usable=1.05, reject=None),
    UNCERTAIN: Limits("uncertainty", "above", usable=0.35, reject=0.6),
}
"""Set on photographs for training, see docs/quality.md; change them there too."""

_LOOKED_AT_PX = 1536
"""Longer sides are subsampled, by every second, third, ... pixel."""

FLAT_SPREAD = 4
"""Spread in grey levels below which a frame shows nothing."""

COLD_WARM = 0.5
"""A fundus with wrong colours has a smaller share of warm pixels, as do most other images."""

LOOSE = 0.45
"""Below this share in its largest component a vessel map is loosely connected. Of 330 photographs
of six data sets two are below, neither with another sign."""

MANY_VESSELS = 0.35
"""Largest vessel share of the field of view in any fundus."""

SCATTERED, SCATTERED_WITHOUT_EDGE = 0.28, 0.2
"""Below this share in its largest component a vessel map is no tree; cropping breaks up trees."""

DOUBTFUL = 2
"""Number of signs against a fundus that reject it; real ones may have one."""

BRIGHT_LINES, LAYERS = 1.15, 0.3
"""Limits from which a grey image shows bright vessels, or layers on top of each other."""

TREE_VESSELS, TREE_COMPONENT = (0.03, 0.2), 0.5
"""Range of the vessels' share, and least share of their largest component, in nearly all
retinas."""

WIDE_STRETCH, WIDE_GREEN, WIDE_BLUE = 1.1, 0.6, 0.1
"""Limits for ultra-wide-field images: coloured by a red and a green laser, and wider than high."""

SHARP, GRAINY, BLOCKY = 0.5, 1.1, 0.04
"""Training photographs have a sharpness of SHARP to GRAINY and a blockiness up to BLOCKY."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Grade of a photograph: whether its vessel map can be relied on.

    Attributes:
        grade: "ok"; "usable", to be checked by eye; "reject", not to be relied on.
        reasons: from `REASONS`, in their order; empty if and only if the grade is "ok".
        uncertainty: 1 - the expected Dice of the vessel map: 0 certain, 1 nothing found; see
            `expect`.
        features: the basis of the reasons; None without a field of view.
    """

    grade: Grade
    reasons: tuple[str, ...]
    uncertainty: float
    features: QualityFeatures | None


def assess(image: RGB, fov: FieldOfView, levels: Levels, *, threshold: float) -> Quality:
    """Assess the quality of a photograph and its vessel map.

    Args:
        image: (H, W, 3) uint8, RGB.
        fov: the field of view, its mask (H, W) bool.
        levels: (H, W) uint16, the probability of a vessel times 65535; values outside the field of
            view are ignored.
        threshold: probability from which a pixel is vessel.

    Raises:
        ImageError: an array of another shape or dtype.
    """
    check_rgb(image)
    check_mask(fov.mask, (image.shape[0], image.shape[1]), name="field of view")
    if levels.shape != fov.mask.shape or levels.dtype != np.uint16:
        raise ImageError(
            f"levels: expected uint16 of shape {fov.mask.shape}, got {levels.dtype} of "
            f"{levels.shape}"
        )
    step = math.ceil(max(fov.mask.shape) / _LOOKED_AT_PX)
    levels = levels[::step, ::step] * fov.mask[::step, ::step]
    vessels = levels >= threshold_level(threshold)
    features = quality_features(image, fov, vessels, step=step)
    return judge(features, 1 - expect(expected_dice(to_probability(levels), vessels), features))


def expect(if_true: float, features: QualityFeatures | None) -> float:
    """The expected Dice, 0..1, given that it is `if_true` for calibrated probabilities.

    Probabilities are about calibrated in photographs like the training photographs. In blurred,
    noisy and strongly compressed ones networks remain as confident, so the expected Dice is
    lowered, by factors fitted to photographs degraded on purpose (docs/quality.md).
    """
    if features is None or features.sharpness <= 0:
        return 0.0
    blur, noise = math.sqrt(features.sharpness / SHARP), GRAINY / features.sharpness
    blocks = math.sqrt(BLOCKY / max(features.blockiness, BLOCKY))
    return if_true * min(1.0, blur, noise, blocks)


def grade_notes(grade: str, reasons: Sequence[str]) -> tuple[str, ...]:
    """The note on measurements of a photograph with this grade; none if it is ok or none."""
    if grade not in GRADES or grade == "ok":
        return ()
    return (f"grade {grade}: {', '.join(reasons)}" if reasons else f"grade {grade}",)


def judge(features: QualityFeatures | None, uncertainty: float) -> Quality:
    """Grade by features and uncertainty: the grade of the worst reason."""
    found = dict(_found(features, uncertainty))
    grades: list[Grade] = ["ok", *found.values()]
    reasons = tuple(reason for reason in REASONS if reason in found)
    worst = max(grades, key=GRADES.index)
    return Quality(grade=worst, reasons=reasons, uncertainty=uncertainty, features=features)


def _found(features: QualityFeatures | None, uncertainty: float) -> Iterator[tuple[str, Grade]]:
    """Yield each reason with the grade that it alone would give."""
    if features is None or features.spread < FLAT_SPREAD:
        yield NO_FIELD, "reject"
        if features is None:
            return
    elif signs_against_a_fundus(features, uncertainty) >= DOUBTFUL:
        yield NOT_A_FUNDUS, "reject"
    yield from _modality(features)
    if features.fields > 1:
        yield SEVERAL_FIELDS, "usable"
    if not features.edge_visible:
        yield NO_EDGE, "usable"
    for reason, limits in LIMITS.items():
        value = uncertainty if reason == UNCERTAIN else getattr(features, limits.measure)
        grade = limits.grade(value)
        if grade != "ok":
            yield reason, grade


def signs_against_a_fundus(features: QualityFeatures, uncertainty: float) -> int:
    """Count the signs against a fundus photograph: each counts once, a missing vessel tree twice.

    Vessels that are only loosely connected count once where an edge is seen, unless they are few.

    A field of view with a round edge is strong evidence for one; without it, colours, the lack of
    any, and an uncertain vessel map also count.
    """
    grey, edge = _is_grey(features), features.edge_visible
    scattered = SCATTERED if edge else SCATTERED_WITHOUT_EDGE
    no_tree = 0 < features.largest_component < scattered or features.vessels > MANY_VESSELS
    few = _is_beyond(NO_VESSELS, features.vessels)
    loose = not no_tree and not few and features.largest_component < LOOSE
    signs = [
        _is_beyond(HIGH_CONTRAST, features.contrast),
        not grey and features.warm < COLD_WARM,
        no_tree,
        no_tree,
        edge and loose,
        few,
    ]
    if not edge:
        strange = features.warm >= COLD_WARM and _is_beyond(STRANGE_COLORS, features.warm)
        signs += [True, strange, grey, _is_beyond(UNCERTAIN, uncertainty)]
    return sum(signs)


def _modality(features: QualityFeatures) -> Iterator[tuple[str, Grade]]:
    """Yield the other imaging modality that it looks like, if recognisable."""
    lines = not _is_beyond(BLURRED, features.sharpness) and not _is_beyond(
        NOISY, features.sharpness
    )
    high = _is_beyond(HIGH_CONTRAST, features.contrast)
    if not _is_grey(features):
        wide = features.edge_visible and features.stretch > WIDE_STRETCH
        if wide and features.green > WIDE_GREEN and features.blue < WIDE_BLUE:
            yield ULTRA_WIDE, "usable"
    elif features.edge_visible:
        if lines and features.bright_lines > BRIGHT_LINES:
            yield ANGIOGRAM, "reject"
    elif features.layers > LAYERS:
        if lines and features.bright_lines > BRIGHT_LINES and high:
            yield OCT, "reject"
    elif lines and not high and _has_tree(features):
        yield SCANNING_LASER, "usable"


def _has_tree(features: QualityFeatures) -> bool:
    """Tell whether the vessels are as many as in a retina, and mostly connected."""
    low, high = TREE_VESSELS
    return low <= features.vessels <= high and features.largest_component >= TREE_COMPONENT


def _is_grey(features: QualityFeatures) -> bool:
    return _is_beyond(NO_COLOR, features.saturation)


def _is_beyond(reason: str, value: float) -> bool:
    """Tell whether a value alone is this reason for "usable" or worse."""
    return LIMITS[reason].grade(value) != "ok"
