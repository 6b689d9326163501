"""Test-time augmentation: the mean logit has the symmetries of the square."""

from collections.abc import Callable

import numpy as np
import pytest

from venule.image.arrays import FloatMap
from venule.inference.tta import augmented


@pytest.fixture
def pixels() -> FloatMap:
    return np.random.default_rng(0).random((1, 3, 6, 9), dtype=np.float32)


def green(pixels: FloatMap) -> FloatMap:
    """The green channel, wherever it is."""
    return pixels[:, 1:2]


def leaning(pixels: FloatMap) -> FloatMap:
    """Green less its neighbour on the right, a tenth of the row's number added: no symmetry."""
    rows = np.arange(pixels.shape[2], dtype=np.float32)[:, None]
    return np.asarray(green(pixels) - np.roll(green(pixels), 1, axis=-1) + rows / 10, np.float32)


def test_a_run_that_has_the_symmetries_is_left_as_it_is(pixels: FloatMap) -> None:
    np.testing.assert_allclose(augmented(green)(pixels), green(pixels), atol=1e-6)


def test_the_mean_turns_and_mirrors_with_the_photograph(pixels: FloatMap) -> None:
    run = augmented(leaning)
    assert not np.allclose(
        leaning(np.rot90(pixels, axes=(2, 3))), np.rot90(leaning(pixels), axes=(2, 3))
    )
    changes: list[Callable[[FloatMap], FloatMap]] = [
        lambda maps: np.rot90(maps, axes=(2, 3)),
        lambda maps: np.flip(maps, axis=2),
        lambda maps: np.flip(maps, axis=3),
        lambda maps: np.swapaxes(maps, 2, 3),
    ]
    for change in changes:
        np.testing.assert_allclose(run(change(pixels)), change(run(pixels)), atol=1e-6)


def test_the_mean_is_over_eight(pixels: FloatMap) -> None:
    seen = []

    def run(pixels: FloatMap) -> FloatMap:
        seen.append(pixels)
        return np.full_like(green(pixels), len(seen))

    np.testing.assert_allclose(augmented(run)(pixels), 4.5)
    assert len({view.tobytes() for view in seen}) == 8
