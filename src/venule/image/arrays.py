"""The array types that rooms exchange, and the check at the border."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from venule.errors import ImageError

RGB = NDArray[np.uint8]
"""(H, W, 3) uint8, a colour photograph."""

Mask = NDArray[np.bool_]
"""(H, W) bool, True = inside (vessel, field of view, skeleton)."""

FloatMap = NDArray[np.float32]
"""float32; (H, W) probabilities in 0..1, or (C, H, W) pixels and logits, as the docstring says."""

Points = NDArray[np.float64]
"""(N, 2) rows and columns of points, along a curve in path order."""

Values = NDArray[np.float64]
"""(N,) one value for each point."""


def bounding_box(mask: Mask, margin: int = 0) -> tuple[slice, slice] | None:
    """The rows and columns that a mask (H, W) spans, with a margin; None if it is empty.

    Beyond the last row or column the margin may leave the array, which slicing ignores.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + 1 + margin),
    )


def check_rgb(image: NDArray[Any]) -> None:
    """Raise ImageError unless `image` is (H, W, 3) uint8 with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise ImageError(
            f"expected an RGB photograph as an array, got {type(image).__name__}; read it with "
            "venule.read_photograph"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ImageError(
            f"expected an RGB photograph of shape (H, W, 3) and dtype uint8, got shape "
            f"{image.shape} and dtype {image.dtype}; read it with venule.read_photograph"
        )


def check_mask(mask: NDArray[Any], shape: tuple[int, int], *, name: str) -> None:
    """Raise ImageError unless `mask` is a bool array of `shape` (H, W)."""
    if not isinstance(mask, np.ndarray):
        raise ImageError(f"{name}: expected a bool array, got {type(mask).__name__}")
    if mask.shape != shape or mask.dtype != np.bool_:
        raise ImageError(
            f"{name}: expected a bool mask of shape {shape}, got shape {mask.shape} and "
            f"dtype {mask.dtype}"
        )
