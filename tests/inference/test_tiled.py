"""The shipped networks give the same map of a large photograph whole and in tiles."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.data

from venule.image.preprocess import Native
from venule.image.tiles import Tiling
from venule.inference.load import load, shipped_weights
from venule.inference.segment import Segmenter


def at_its_own_size(segmenter: Segmenter, tiling: Tiling) -> Segmenter:
    """The network without scaling and what follows it: tiles alone differ."""
    record = segmenter.keep_all_components().record
    preprocessing = record.preprocessing.model_copy(update={"scaling": Native()})
    changes = {"tiling": tiling, "preprocessing": preprocessing}
    return replace(segmenter, record=record.model_copy(update=changes))


@pytest.mark.parametrize("name", shipped_weights())
def test_tiles_of_a_shipped_network_are_exact(name: str) -> None:
    image = skimage.data.retina()  # type: ignore[no-untyped-call]  # 1411 px a side
    segmenter = load(name, runtime="onnx")
    tiling = segmenter.record.tiling
    assert tiling.tile_px < image.shape[0]
    whole = tiling.model_copy(update={"tile_px": 2048})
    expected = at_its_own_size(segmenter, whole).segment(image)
    tiled = at_its_own_size(segmenter, tiling).segment(image)
    assert np.abs(tiled.probability - expected.probability).max() < 1e-3
    assert 0.02 < expected.vessels[expected.fov.mask].mean() < 0.5
