"""The field of view: where the frame shows retina, and the circle that its edge belongs to."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from venule.image.arrays import RGB, Mask, check_mask, check_rgb

_WORKING_PX = 640
"""The border is searched on a copy whose longer side is at most about this."""

_CORNER_SHARE = 0.04
"""Side of the corner patches that tell the border's colour, as a share of the shorter side."""

_RIM = 0.15
"""The retina begins where this share of its contrast against the border is reached."""


@dataclass(frozen=True)
class Ellipse:
    """The ellipse of which the field of view shows a part; a circle where pixels are square.

    Centre in pixels, (0, 0) being the centre of the first pixel. Without a visible arc `fitted`
    is False and the outline has the image's centre and diagonal.
    """

    row: float
    column: float
    diameter_px: float
    fitted: bool


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """Where the frame shows retina: `mask` (H, W) bool, and the outline, fitted once."""

    mask: Mask
    outline: Ellipse


def find_fov(image: RGB) -> FieldOfView:
    """Find the field of view of a photograph: one component without holes, and its outline.

    For the mask alone see `find_mask`, which says how it is found.
    """
    return outlined(find_mask(image))


def given_fov(mask: Mask, shape: tuple[int, int]) -> FieldOfView:
    """Take a field of view from its user, with a mask (H, W) bool of its own.

    Raises:
        ImageError: it is no bool mask of `shape`.
    """
    check_mask(mask, shape, name="field of view")
    return outlined(mask.copy())


def outlined(mask: Mask) -> FieldOfView:
    """The field of view of a mask (H, W) bool."""
    return FieldOfView(mask, fit_circle(mask))


def find_mask(image: RGB) -> Mask:
    """Find the mask of the field of view: (H, W) bool, one component without holes.

    The border is what has the colour of a flat, grey corner of the frame; a photograph without
    such a corner is retina all over. So is one whose middle half looks like its corner: the field
    of view is sought around the middle of the frame.

    Raises:
        ImageError: if `image` is not (H, W, 3) uint8.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    small = _shrink(image)
    border = _border_color(small)
    whole = np.ones((height, width), bool)
    if border is None:
        return whole
    channels = [np.asarray(channel) for channel in small.split()]
    distance = _distance(channels, border)
    rows, columns = distance.shape
    middle = np.s_[rows // 4 : -(-3 * rows // 4), columns // 4 : -(-3 * columns // 4)]
    contrast = float(np.median(distance[middle]))
    red, green, blue = (channel[middle] for channel in channels)
    brightness = float(np.median(np.maximum(np.maximum(red, green), blue)))
    if contrast < max(4.0, 0.3 * brightness):
        return whole
    inside = _fill_holes(distance > max(_RIM * contrast, 2.0))
    fov = _largest_component(inside)
    if fov.mean() < 0.1:
        return whole
    return _grow(fov, (height, width))


def fit_circle(fov: Mask) -> Ellipse:
    """The circle through the edge of `fov`, by least squares over its visible arc.

    Where the frame, a black bar or a notch cuts the circle off, the edge does not count.
    """
    points = _edge_points(fov)
    circle = _fit_robustly(points)
    if circle is not None:
        return circle
    height, width = fov.shape
    return Ellipse((height - 1) / 2, (width - 1) / 2, math.hypot(height, width), fitted=False)


def _shrink(image: RGB) -> Image.Image:
    """A copy of about _WORKING_PX; each pixel is the mean of a block."""
    factor = max(1, math.ceil(max(image.shape[:2]) / _WORKING_PX))
    return Image.fromarray(image).reduce(factor)


def _distance(channels: list[NDArray[np.uint8]], color: tuple[int, ...]) -> NDArray[np.uint8]:
    """(H, W) distance from `color` in the channel where it is largest (red, for the retina).

    Bytes throughout: a tenth of the time of float arrays. Noise is blurred away.
    """
    distance = np.zeros_like(channels[0])
    for channel, level in zip(channels, color, strict=True):
        value = np.uint8(level)
        np.maximum(distance, np.maximum(channel, value) - np.minimum(channel, value), out=distance)
    padded = np.pad(distance, 1, mode="edge").astype(np.uint16)
    rows = _mean_of_three(padded[:, :-2], padded[:, 1:-1], padded[:, 2:])
    return _mean_of_three(rows[:-2], rows[1:-1], rows[2:]).astype(np.uint8)


def _mean_of_three(
    first: NDArray[np.uint16], second: NDArray[np.uint16], third: NDArray[np.uint16]
) -> NDArray[np.uint16]:
    """The rounded mean, as in Pillow's BoxBlur, which takes four times as long."""
    total = first + second
    total += third
    total += np.uint16(1)
    total //= np.uint16(3)
    return total


def _grow(fov: Mask, shape: tuple[int, int]) -> Mask:
    """The mask at full size; the blocks of `_shrink` may reach beyond the last pixels."""
    factor = math.ceil(max(shape) / _WORKING_PX)
    if factor <= 1:
        return fov
    grey = Image.fromarray(fov.astype(np.uint8) * 255)
    box = (0, 0, shape[1] / factor, shape[0] / factor)
    resized = grey.resize(shape[::-1], Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized) >= 128


def _border_color(small: Image.Image) -> tuple[int, int, int] | None:
    """The colour of the flattest grey corner; None if every corner shows something."""
    width, height = small.size
    side = max(3, round(_CORNER_SHARE * min(width, height)))
    corners = []
    for top in (0, max(0, height - side)):
        for left in (0, max(0, width - side)):
            patch = small.crop((left, top, left + side, top + side)).filter(ImageFilter.BoxBlur(1))
            corners.append(np.asarray(patch).reshape(-1, 3))
    flattest = min(corners, key=_unevenness)
    red, green, blue = (int(value) for value in np.median(flattest, axis=0))
    # A few grey levels of noise and of colour cast; vignetted retina falls off faster than this.
    if _unevenness(flattest) > 6 or max(red, green, blue) - min(red, green, blue) > 20:
        return None
    return red, green, blue


def _unevenness(pixels: NDArray[np.uint8]) -> float:
    low, high = np.percentile(pixels, [10, 90], axis=0)
    return float((high - low).max())


def _fill_holes(mask: Mask) -> Mask:
    """`mask` with everything that is not connected to the frame's edge."""
    labels, components = ndi.label(~mask)
    outside = np.zeros(components + 1, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        outside[edge] = True
    outside[0] = False
    return np.asarray(~outside[labels])


def _largest_component(mask: Mask) -> Mask:
    labels, components = ndi.label(mask)
    if components <= 1:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def _edge_points(fov: Mask) -> NDArray[np.float64]:
    """(K, 2) points (row, column) on the outer edge of `fov`, none on the frame's own edge.

    Each lies half way between the last pixel inside and the first outside. Rows are searched from
    left and right, columns from top and bottom; of the two only the search that meets the edge
    steeply is exact, so the other's points are dropped, and so are straight cuts.
    """
    points = [np.empty((0, 2))]
    for transposed in (False, True):
        mask = fov.T if transposed else fov
        lines = np.flatnonzero(mask.any(axis=1))
        if len(lines) < 2:
            continue
        length = mask.shape[1]
        first = mask[lines].argmax(axis=1)
        last = length - 1 - mask[lines, ::-1].argmax(axis=1)
        for position, on_frame, offset in ((first, 0, -0.5), (last, length - 1, 0.5)):
            steep = np.abs(np.gradient(position.astype(float))) <= 1
            keep = (position != on_frame) & steep & ~_on_a_straight_run(position)
            pair = np.stack([lines[keep], position[keep] + offset], axis=1)
            points.append(pair[:, ::-1] if transposed else pair)
    return np.concatenate(points)


def _on_a_straight_run(position: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Where an edge stays at one position for longer than a circle's can.

    A circle of radius r stays within one pixel over 2 sqrt(2 r) lines; r is at most about as many
    lines as there are.
    """
    run = np.concatenate([[0], np.cumsum(np.diff(position) != 0)])
    return np.asarray(np.bincount(run)[run] > 4 * math.sqrt(len(position)))


def _fit_robustly(points: NDArray[np.float64]) -> Ellipse | None:
    """Least squares, repeated over the points that lie near the last circle; None if few do."""
    if len(points) < 16:
        return None
    kept = points
    for _ in range(30):
        row, column, radius = _fit_least_squares(kept)
        residual = np.abs(np.hypot(points[:, 0] - row, points[:, 1] - column) - radius)
        limit = max(1.5, 2.5 * float(np.median(residual)))
        again = points[residual <= limit]
        if len(again) == len(kept):
            break
        kept = again
    rms = math.sqrt(float((residual[residual <= limit] ** 2).mean()))
    spread = np.ptp(points, axis=0).max()
    if not (
        len(kept) >= len(points) / 2 and rms <= max(0.6, 0.01 * radius) and radius <= 2 * spread
    ):
        return None
    return Ellipse(row, column, 2 * radius, fitted=True)


def _fit_least_squares(points: NDArray[np.float64]) -> tuple[float, float, float]:
    """Row, column and radius of the circle with the least squared distances to `points`.

    Coope's linear form (J. Optim. Theory Appl. 76, 1993), then Gauss-Newton on the distances.
    """
    center = points.mean(axis=0)
    local = points - center
    design = np.column_stack([2 * local, np.ones(len(local))])
    (y, x, c), *_ = np.linalg.lstsq(design, (local**2).sum(axis=1), rcond=None)
    radius = math.sqrt(max(c + y * y + x * x, 0.0))
    for _ in range(5):
        dy, dx = local[:, 0] - y, local[:, 1] - x
        distance = np.maximum(np.hypot(dy, dx), 1e-9)
        jacobian = np.column_stack([dy / distance, dx / distance, np.ones(len(local))])
        step, *_ = np.linalg.lstsq(jacobian, distance - radius, rcond=None)
        y, x, radius = y + step[0], x + step[1], radius + step[2]
    return float(center[0] + y), float(center[1] + x), float(radius)
