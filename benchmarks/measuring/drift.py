"""Sensitivity of the measurements to changes of the mask."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.ndimage as ndi
from PIL import Image

from measuring.manual import chase, drive_training
from measuring.statistics import rounded
from venule.image.arrays import Mask
from venule.image.io import read_mask
from venule.measure.photograph import VesselMasks, measure_photograph


def drift(given: argparse.Namespace) -> dict[str, Any]:
    """Median ratio of each measurement after to before each change of the mask."""
    masks = [
        *drive_training(given.data / "DRIVE"),
        *((k, o, f) for k, o, _, f in chase(given.data / "CHASE_DB1")),
    ]
    ratios: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, mask, fov in masks[:: max(given.every, 4)]:
        vessels, field = read_mask(mask), read_mask(fov)
        before = measure_photograph(VesselMasks(vessels=vessels, fov=field)).values
        for change, (make, factor) in CHANGES.items():
            changed, inside = make(vessels), make(field) if factor != 1 else field
            after = measure_photograph(VesselMasks(vessels=changed, fov=inside)).values
            for column, value in before.items():
                then = after.get(column)
                if value and then is not None:
                    ratios[change][column].append(then / value / factor ** _power(column))
        print(key, file=sys.stderr)  # noqa: T201
    return {
        "photographs": len(masks[:: max(given.every, 4)]),
        "changes": {
            change: {column: rounded(float(np.median(values))) for column, values in found.items()}
            for change, found in ratios.items()
        },
    }


def _resized(mask: Mask, factor: float) -> Mask:
    height, width = (round(extent * factor) for extent in mask.shape)
    picture = Image.fromarray(mask.astype(np.uint8) * 255).resize(
        (width, height), Image.Resampling.BOX
    )
    return np.asarray(picture) > 127


def _rough(mask: Mask) -> Mask:
    """Displace edges by smooth noise of up to about a pixel, as compression does."""
    noise = ndi.gaussian_filter(np.random.default_rng(0).normal(size=mask.shape), 1.5)
    inside, outside = ndi.distance_transform_edt(mask), ndi.distance_transform_edt(~mask)
    return np.asarray(inside - outside + 0.7 * noise / noise.std() > 0)


CHANGES: Mapping[str, tuple[Callable[[Mask], Mask], float]] = {
    "half a pixel wider": (lambda m: ndi.gaussian_filter(m.astype(float), 1) > 0.31, 1),
    "half a pixel narrower": (lambda m: ndi.gaussian_filter(m.astype(float), 1) > 0.69, 1),
    "half the resolution": (lambda m: _resized(m, 0.5), 0.5),
    "smoothed": (lambda m: ndi.gaussian_filter(m.astype(float), 1.5) > 0.5, 1),
    "rough edges": (_rough, 1),
}
"""The change of a mask, and the scale factor of its pixels."""


def _power(column: str) -> int:
    units = {"_per_px2": -2, "_per_px": -1, "_px2": 2, "_px": 1}
    return next((power for unit, power in units.items() if column.endswith(unit)), 0)
