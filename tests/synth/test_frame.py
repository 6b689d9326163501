"""Frames hold the field of view that they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venule.synth.frame import Frame, draw_frame, square


def test_a_whole_field_of_view_is_a_disk() -> None:
    assert square(400, share=0.9).fov().sum() == pytest.approx(math.pi * 180**2, rel=0.002)


def test_bars_cut_the_field_of_view_at_their_rows() -> None:
    frame = Frame(200, 200, 99.5, 99.5, 90.0, clip=0.5)
    rows = np.flatnonzero(frame.fov().any(axis=1))
    assert (rows[0], rows[-1]) == (55, 144)  # 45 px above and below the middle
    assert frame.stop()[50].max() == 0
    assert frame.stop()[60].max() == 1


def test_the_stop_is_half_open_at_the_rim() -> None:
    frame = Frame(201, 201, 100.0, 100.0, 80.0)
    np.testing.assert_allclose(frame.stop()[100, [178, 180, 182]], [1, 0.5, 0], atol=0.01)


def test_points_in_radii_come_out_in_pixels() -> None:
    frame = Frame(100, 200, 49.5, 99.5, 40.0)
    np.testing.assert_allclose(frame.to_px(np.array([[0.0, 0.0], [-1.0, 0.5]])),
                               [[49.5, 99.5], [9.5, 119.5]])  # fmt: skip


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["square", "round", "clipped"]),
    size_px=st.integers(48, 300),
)
def test_every_frame_is_filled_well_by_its_field_of_view(
    seed: int, kind: str, size_px: int
) -> None:
    frame = draw_frame(np.random.default_rng(seed), kind, size_px)
    assert max(frame.shape) == size_px
    fov = frame.fov()
    assert fov.shape == frame.shape
    assert fov.mean() > 0.4
    if kind != "clipped":
        assert fov.sum() > 0.97 * math.pi * frame.radius_px**2
    else:
        assert fov.sum() < 0.99 * math.pi * frame.radius_px**2
