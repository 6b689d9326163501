"""Registration of several photographs of one eye by their vessels; their common field."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.ndimage as ndi
from scipy.optimize import minimize

from measuring.statistics import Numbers
from venule.image.arrays import Mask
from venule.measure.photograph import VesselMasks


def common_fields(masks: Mapping[str, VesselMasks]) -> tuple[dict[str, Mask], list[str]]:
    """The field common to all photographs of an eye, per photograph, and those not registered.

    Each is registered to the first by a similarity transform of the vessels. The masks themselves
    are not resampled.
    """
    names = list(masks)
    first = names[0]
    transforms, failed = {first: np.array((0.0, 0.0, 0.0, 0.0))}, []
    for name in names[1:]:
        found = register(_of(masks[first]), _of(masks[name]))
        if found is None:
            failed.append(name)
        else:
            transforms[name] = found
    fields = {}
    for name in transforms:
        inside = np.asarray(masks[name].fov).copy()
        places = np.argwhere(inside).astype(float)
        in_first = _to_first(places, transforms[name], inside.shape)
        keep = np.ones(len(places), bool)
        for other in transforms:
            field = np.asarray(masks[other].fov)
            seen = np.rint(_from_first(in_first, transforms[other], field.shape)).astype(int)
            within = ((seen >= 0) & (seen < field.shape)).all(axis=1)
            seen = seen.clip(0, np.subtract(field.shape, 1))
            keep &= within & field[seen[:, 0], seen[:, 1]]
        inside[inside] = keep
        if inside.any():
            fields[name] = inside
    return fields, failed


def register(first: Mask, second: Mask) -> Numbers | None:
    """Shift (rows, columns), rotation in radians and log of scale from the second to the first.

    Coarsely by correlation over rotations and shifts at a quarter of the size, finely by the
    distance from the second's vessels to the first's. None if less than a third of them then lie
    within 3 px, the rotation exceeds 20 degrees, or the scale differs by a tenth.
    """
    small = [
        ndi.zoom(ndi.gaussian_filter(m.astype(np.float32), 4), 0.25, order=1)
        for m in (first, second)
    ]
    size = [2 * extent for extent in small[0].shape]
    reference = np.fft.rfft2(small[0] - small[0].mean(), size)
    best, start = -np.inf, np.zeros(4)
    for degrees in np.arange(-14, 14.1, 1.0):
        turned = ndi.rotate(small[1], degrees, reshape=False, order=1)
        correlation = np.fft.irfft2(
            reference * np.conj(np.fft.rfft2(turned - turned.mean(), size)), size
        )
        place = np.unravel_index(int(correlation.argmax()), correlation.shape)
        if correlation[place] > best:
            best = float(correlation[place])
            shift = [p - s if p > s / 2 else p for p, s in zip(place, size, strict=True)]
            start = np.array((4 * shift[0], 4 * shift[1], -math.radians(degrees), 0.0))
    away = np.minimum(ndi.distance_transform_edt(~first), 20.0)
    points = np.argwhere(second)[::17].astype(float)

    def cost(transform: Numbers) -> float:
        scaled = transform * (1, 1, 0.01, 0.01)
        at = _to_first(points, scaled, second.shape)
        return float(ndi.map_coordinates(away, at.T, order=1, mode="constant", cval=20.0).mean())

    steps = start * (1, 1, 100, 100)
    simplex = np.array([steps] + [steps + np.eye(4)[n] * (6, 6, 2, 1)[n] for n in range(4)])
    found = minimize(
        cost, steps, method="Nelder-Mead", options={"initial_simplex": simplex, "maxiter": 400}
    ).x * (1, 1, 0.01, 0.01)
    at = _to_first(points, found, second.shape)
    near = ndi.map_coordinates(away, at.T, order=1, mode="constant", cval=20.0) <= 3
    plausible = abs(found[2]) < 0.35 and abs(found[3]) < 0.1  # one camera, one eye
    return found if plausible and near.mean() > 1 / 3 else None


def _of(masks: VesselMasks) -> Mask:
    assert masks.vessels is not None
    return masks.vessels


def _to_first(points: Numbers, transform: Numbers, shape: Sequence[int]) -> Numbers:
    down, right, angle, log_scale = transform
    middle = (np.array(shape) - 1) / 2
    turned = _rotation(angle) * math.exp(log_scale)
    return np.asarray((points - middle) @ turned.T + middle + (down, right))


def _from_first(points: Numbers, transform: Numbers, shape: Sequence[int]) -> Numbers:
    down, right, angle, log_scale = transform
    middle = (np.array(shape) - 1) / 2
    back = _rotation(-angle) / math.exp(log_scale)
    return np.asarray((points - middle - (down, right)) @ back.T + middle)


def _rotation(angle: float) -> Numbers:
    return np.array(((math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))))
