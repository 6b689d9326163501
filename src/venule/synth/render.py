"""Vessels drawn as wide lines on a finer grid and averaged: layers of exact coverage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from venule.image.arrays import FloatMap, Mask
from venule.synth.anatomy import Kind, Vessel
from venule.synth.frame import Frame


@dataclass(frozen=True, eq=False)
class Layers:
    """(H, W) float32 maps in 0..1.

    `coverage`: the fraction of each pixel covered by any vessel, `of_kind` that of each type.
    `depth`: optical depth of the blood of each type, larger in wide vessels. `reflex`: the bright
    central reflex of wide vessels.
    """

    coverage: FloatMap
    of_kind: dict[Kind, FloatMap]
    depth: dict[Kind, FloatMap]
    reflex: FloatMap

    @property
    def vessels(self) -> Mask:
        """The pixels at least half covered by vessels."""
        return self.coverage >= 0.5

    def vessels_of(self, kind: Kind) -> Mask:
        """The vessel pixels of one type; of both where both cover at least half."""
        own = self.of_kind[kind]
        other = self.of_kind["vein" if kind == "artery" else "artery"]
        most = own >= other if kind == "artery" else own > other
        return self.vessels & ((own >= 0.5) | most)


def draw_layers(vessels: Sequence[Vessel], frame: Frame) -> Layers:
    """Draw vessels (unit: the field of view's radius) into a frame."""
    fine = 4 if max(frame.shape) <= 1200 else 2
    canvases = {name: _Canvas(frame, fine) for name in ("artery", "vein", "reflex")}
    widest = max((float(v.radii.max()) for v in vessels), default=1.0)
    # Thin vessels first, so that a branch does not thin its trunk.
    ordered = sorted(vessels, key=lambda v: float(v.radii[0]))
    for vessel in ordered:
        # Light passes through more blood in wide vessels; capillary beds add to thin ones.
        depth = 0.25 + 0.75 * (float(vessel.radii.mean()) / widest) ** 0.8
        wide = vessel.radii[0] * frame.radius_px >= 1.8
        canvases[vessel.kind].draw(vessel, 1.0, round(255 * depth * (0.72 if wide else 0.9)))
    for vessel in ordered:
        if vessel.radii[0] * frame.radius_px >= 1.8:  # round: the light's path is longest inside
            depth = 0.25 + 0.75 * (float(vessel.radii.mean()) / widest) ** 0.8
            canvases[vessel.kind].draw(vessel, 0.7, round(255 * depth))
        if vessel.radii[0] >= 0.38 * widest:
            shine = 255 if vessel.kind == "artery" else 150
            canvases["reflex"].draw(vessel, 0.27, shine)
    either = np.asarray(canvases["artery"].image) | np.asarray(canvases["vein"].image)
    union = Image.fromarray(either)
    return Layers(
        coverage=_covered(union, fine),
        of_kind={
            "artery": _covered(canvases["artery"].image, fine),
            "vein": _covered(canvases["vein"].image, fine),
        },
        depth={"artery": canvases["artery"].mean(), "vein": canvases["vein"].mean()},
        reflex=canvases["reflex"].mean(),
    )


class _Canvas:
    """A byte image, `fine` times the photograph's resolution."""

    def __init__(self, frame: Frame, fine: int) -> None:
        self.frame, self.fine = frame, fine
        self.image = Image.new("L", (frame.width_px * fine, frame.height_px * fine))
        self.pen = ImageDraw.Draw(self.image)

    def draw(self, vessel: Vessel, share: float, value: int) -> None:
        """Fill the central `share` of a vessel's width."""
        points = self.frame.to_px(vessel.points)
        self._draw_ribbon(points, share * vessel.radii * self.frame.radius_px, value)

    def _draw_ribbon(
        self, points: NDArray[np.float64], radii_px: NDArray[np.float64], value: int
    ) -> None:
        """Fill a line with round ends and joints, `radii_px` to either side of `points`."""
        center = (points[:, ::-1] + 0.5) * self.fine - 0.5  # (x, y) between pixel centres
        # Pillow also fills the pixels under an outline, which widens upright and level shapes by
        # half a fine pixel per side, oblique ones by less: widths are exact to 0.15 px of the
        # frame, or to 0.25 px where it has over 1200 px and the canvas is only twice as fine.
        radius = np.maximum(radii_px * self.fine - 0.5, 0.0)
        along = np.diff(center, axis=0)
        length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None]
        near, far = normal * radius[:-1, None], normal * radius[1:, None]
        quads = np.stack(
            [center[:-1] + near, center[1:] + far, center[1:] - far, center[:-1] - near], axis=1
        )
        for quad in quads.reshape(-1, 8).tolist():
            self.pen.polygon(quad, fill=value)
        boxes = np.concatenate([center - radius[:, None], center + radius[:, None]], axis=1)
        for box in boxes.tolist():
            self.pen.ellipse(box, fill=value)

    def mean(self) -> FloatMap:
        return _mean(self.image, self.fine)


def _covered(canvas: Image.Image, fine: int) -> FloatMap:
    """The fraction of each pixel that is covered."""
    return _mean(Image.fromarray(((np.asarray(canvas) > 0) * 255).astype(np.uint8)), fine)


def _mean(image: Image.Image, fine: int) -> FloatMap:
    return np.asarray(image.reduce(fine), np.float32) / np.float32(255)
