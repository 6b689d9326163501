"""Weights of bilinear resizing are Pillow's, for floats."""

import numpy as np
import pytest
from PIL import Image

from venule.image.bilinear import weights, widened


@pytest.mark.parametrize(("length", "resized"), [(7, 3), (10, 25), (64, 64), (101, 8), (3, 500)])
def test_resizing_by_weights_is_pillows(length: int, resized: int) -> None:
    plane = np.random.default_rng(length).uniform(0, 9, (length, 5)).astype(np.float32)
    picture = Image.fromarray(plane)
    tall = np.asarray(picture.resize((5, resized), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(weights(length, resized) @ plane, tall, atol=1e-5)
    wide = widened(np.ascontiguousarray(plane.T), weights(length, resized))
    np.testing.assert_allclose(wide, tall.T, atol=1e-5)
    assert wide.flags.c_contiguous
