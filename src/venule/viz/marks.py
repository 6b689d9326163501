"""Overlay of arteries, veins, disc, fovea and measurement zones on a photograph."""

import numpy as np
from PIL import Image, ImageDraw

from venule.image.arrays import RGB, Mask
from venule.image.landmarks import LEAST_FOVEA, Landmarks
from venule.image.optic_disc import Disc
from venule.viz.overlay import Color, overlay

# Not orange or red, which are invisible on a fundus; they also differ in lightness.
ARTERY: Color = (255, 90, 190)
VEIN: Color = (30, 90, 255)
BOTH: Color = (0, 220, 130)
MARK: Color = (240, 228, 66)

ZONES = (2.0, 3.0, 5.0)
"""Radii of the measurement zones' rims in disc radii: B is between 2 and 3, C between 2 and 5."""

_INSIDE = 0.45
"""Opacity of the vessels' interior; the photograph shows through."""


def mark_overlay(
    image: RGB, artery: Mask | None, vein: Mask | None, landmarks: Landmarks | None
) -> RGB:
    """The photograph with arteries pink, veins blue, crossings green, landmarks yellow.

    Args:
        image: (H, W, 3) uint8.
        artery, vein: (H, W) bool; None if unknown.
        landmarks: drawn as the disc's outline, its zones as dashed circles, and a cross on the
            fovea if it is seen.

    Returns:
        (H, W, 3) uint8, the photograph's size.
    """
    drawn = image
    if artery is not None and vein is not None:
        both = artery & vein
        for mask, color in ((artery & ~both, ARTERY), (vein & ~both, VEIN), (both, BOTH)):
            drawn = overlay(drawn, mask, color=color, opacity=_INSIDE)
    if landmarks is None:
        return drawn
    picture = Image.fromarray(drawn)
    pen = ImageDraw.Draw(picture)
    width = max(1, round(max(image.shape) / 500))
    if landmarks.disc is not None:
        _outline(pen, landmarks.disc, width)
        for share in ZONES:
            _dashed_circle(pen, landmarks.disc, share, width)
    if landmarks.fovea is not None and landmarks.fovea.confidence >= LEAST_FOVEA:
        x, y, arm = landmarks.fovea.x, landmarks.fovea.y, 6 * width
        pen.line((x - arm, y, x + arm, y), fill=MARK, width=width)
        pen.line((x, y - arm, x, y + arm), fill=MARK, width=width)
    return np.asarray(picture)


def _outline(pen: ImageDraw.ImageDraw, disc: Disc, width: int) -> None:
    turn = np.linspace(0, 2 * np.pi, 181)
    along, across = disc.major_px * np.cos(turn), disc.minor_px * np.sin(turn)
    x = disc.x + along * np.cos(disc.angle) - across * np.sin(disc.angle)
    y = disc.y + along * np.sin(disc.angle) + across * np.cos(disc.angle)
    pen.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=MARK, width=width)


def _dashed_circle(pen: ImageDraw.ImageDraw, disc: Disc, share: float, width: int) -> None:
    radius = share * disc.radius_px
    box = (disc.x - radius, disc.y - radius, disc.x + radius, disc.y + radius)
    for start in range(0, 360, 6):
        pen.arc(box, start, start + 3, fill=MARK, width=width)
