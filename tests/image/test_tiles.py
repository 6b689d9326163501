"""Cutting an image into tiles does not change what a local function says about it."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from venule.image.tiles import Tiling, predict_tiled

Batch = NDArray[np.float32]


def pixels_of(height: int, width: int, seed: int = 0) -> Batch:
    return np.random.default_rng(seed).normal(size=(3, height, width)).astype(np.float32)


def means_over(radius: int) -> Any:
    """A "network" with two outputs that look `radius` pixels far and see zeros beyond a tile."""

    def run(batch: Batch) -> Batch:
        side = 2 * radius + 1
        means = ndi.uniform_filter(batch, (0, 0, side, side), mode="constant")
        return np.stack([means[:, 0] + means[:, 2], -means[:, 1]], axis=1)

    return run


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    overlap_px=st.sampled_from([0, 8, 16, 32]),
    multiple=st.sampled_from([1, 8, 16]),
)
def test_tiled_is_whole_for_a_function_that_looks_a_quarter_of_the_overlap_far(
    height: int, width: int, overlap_px: int, multiple: int
) -> None:
    pixels, radius = pixels_of(height, width), overlap_px // 4
    run = means_over(radius)
    whole = run(pixels[None])[0]
    tiled = predict_tiled(pixels, run, Tiling(tile_px=64, overlap_px=overlap_px, multiple=multiple))
    assert tiled.shape == (2, height, width)
    assert tiled.dtype == np.float32
    # At the image's own lower and right edges a padded tile sees a reflection instead of zeros.
    inner = np.s_[:, : height - radius or None, : width - radius or None]
    if radius < min(height, width):
        np.testing.assert_allclose(tiled[inner], whole[inner], atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    tile=st.sampled_from([64, 96, 128]),
    overlap_px=st.integers(0, 16),
)
def test_every_pixel_comes_back_in_its_place(
    height: int, width: int, tile: int, overlap_px: int
) -> None:
    pixels = pixels_of(height, width)
    tiling = Tiling(tile_px=tile, overlap_px=overlap_px, multiple=32)
    restored = predict_tiled(pixels, lambda batch: batch, tiling)
    np.testing.assert_allclose(restored, pixels, atol=1e-5)


def test_tiles_come_one_at_a_time_no_larger_than_allowed_and_in_multiples() -> None:
    shapes = []

    def run(batch: Batch) -> Batch:
        shapes.append(batch.shape)
        assert batch.dtype == np.float32
        assert batch.flags.c_contiguous
        return batch[:, :1]

    predict_tiled(pixels_of(300, 1000), run, Tiling(tile_px=256, overlap_px=32, multiple=32))
    assert len(set(shapes)) == 1
    number, channels, height, width = shapes[0]
    assert (number, channels) == (1, 3)
    assert height <= 256
    assert width <= 256
    assert height % 32 == width % 32 == 0
    assert len(shapes) == 2 * 5


def test_a_small_image_runs_whole_and_reflected_to_a_multiple() -> None:
    pixels = pixels_of(50, 60)
    seen = []

    def run(batch: Batch) -> Batch:
        seen.append(batch[0])
        return batch

    predict_tiled(pixels, run, Tiling(tile_px=64, overlap_px=16, multiple=32))
    assert len(seen) == 1
    assert seen[0].shape == (3, 64, 64)
    np.testing.assert_array_equal(seen[0][:, 50:, :60], pixels[:, 35:49][:, ::-1])


def test_a_seam_is_blended() -> None:
    """Tiles that disagree by 1 are joined by a ramp, not by a step."""
    answers = iter([0.0, 1.0])

    def run(batch: Batch) -> Batch:
        return np.full_like(batch[:, :1], next(answers))

    line = predict_tiled(pixels_of(32, 96), run, Tiling(tile_px=64, overlap_px=32, multiple=32))[
        0, 10
    ]
    assert line[0] == 0
    assert line[-1] == 1
    steps = np.diff(line)
    assert steps.min() >= 0
    assert steps.max() <= 1 / 16 + 1e-6


def test_memory_beyond_the_result_is_that_of_a_tile() -> None:
    pixels = pixels_of(1024, 1024)
    tiling = Tiling(tile_px=128, overlap_px=32, multiple=32)
    tracemalloc.start()
    predict_tiled(pixels, lambda batch: batch[:, :1], tiling)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    result = 1024 * 1024 * 4
    tile = 3 * 128 * 128 * 4
    # The result, its cropped copy at most, and a handful of tiles.
    assert peak < 2 * result + 6 * tile + pixels.nbytes


@pytest.mark.parametrize(
    "settings_",
    [
        {"tile_px": 100, "multiple": 32},
        {"tile_px": 64, "overlap_px": 40},
        {"tile_px": 0},
        {"overlap_px": -1},
        {"tile": 64},
    ],
)
def test_tilings_that_cannot_work_are_refused(settings_: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Tiling(**settings_)
