"""The path along a vessel between two points, for drawing."""

import numpy as np
from numpy.typing import NDArray
from skimage.graph import route_through_array

from venule.image.arrays import FloatMap, Mask
from venule.vessels.reconnection import FREE

_LEAST = 1e-4
"""Floor of the probability, so that a path always exists."""


def follow_vessel(
    probability: FloatMap,
    start: tuple[int, int],
    end: tuple[int, int],
    *,
    threshold: float,
    fov: Mask | None = None,
) -> NDArray[np.intp]:
    """The minimal path (Cohen and Kimmel 1997) between two pixels: (N, 2) rows and columns.

    The cost of a step is its length times log(threshold / probability), as in `reconnection`.

    Args:
        probability: (H, W) float32 in 0..1.
        start, end: row and column, inside the map.
        threshold: probability from which a pixel is vessel.
        fov: (H, W) bool; outside of it the cost is the highest possible.
    """
    margin = 24 + max(abs(start[0] - end[0]), abs(start[1] - end[1])) // 2
    top, left = (max(0, min(a, b) - margin) for a, b in zip(start, end, strict=True))
    bottom, right = (max(a, b) + margin + 1 for a, b in zip(start, end, strict=True))
    part = probability[top:bottom, left:right].astype(np.float64)
    if fov is not None:
        part = np.where(fov[top:bottom, left:right], part, 0)
    cost = np.maximum(np.log(threshold / np.maximum(part, _LEAST)), 0) + FREE
    places, _ = route_through_array(  # type: ignore[no-untyped-call]
        cost,
        (start[0] - top, start[1] - left),
        (end[0] - top, end[1] - left),
        fully_connected=True,
        geometric=True,
    )
    return np.asarray(np.asarray(places, np.intp) + np.array([top, left]), np.intp)
