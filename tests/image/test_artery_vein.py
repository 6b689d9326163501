"""Artery/vein maps as colour images, also with the soft edges that other programs save."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from venule.image.artery_vein import color_types, decode_types, type_bits
from venule.image.picture_masks import read_types


def test_colours_are_decoded_as_they_were_encoded() -> None:
    artery, vein = np.array([[True, False, True, False]]), np.array([[False, True, True, False]])
    assert np.array_equal(decode_types(color_types(artery, vein)), type_bits(artery, vein))


@pytest.mark.parametrize(
    ("color", "bits"),
    [
        ((128, 0, 0), 1),
        ((127, 0, 0), 0),
        ((255, 120, 120), 1),
        ((0, 0, 128), 2),
        ((0, 128, 0), 3),
        ((128, 0, 128), 3),
        ((255, 255, 255), 0),
        ((128, 128, 128), 0),
    ],
)
def test_a_channel_counts_from_half_and_white_is_neither(
    color: tuple[int, int, int], bits: int
) -> None:
    assert decode_types(np.array([[color]], np.uint8)).item() == bits


def test_an_image_with_soft_edges_gives_the_types_within_half_a_pixel(tmp_path: Path) -> None:
    fine = np.zeros((80, 80), bool)
    fine[22:58, 22:58] = True  # 5.5 to 14.5 of 20 pixels
    drawn = Image.fromarray(color_types(fine, np.zeros_like(fine)))
    drawn.resize((20, 20), Image.Resampling.BOX).save(tmp_path / "av.png")
    pixels = np.asarray(Image.open(tmp_path / "av.png"))
    assert 0 < pixels[5, 10, 0] < 255
    artery = np.zeros((20, 20), np.uint8)
    artery[5:15, 5:15] = 1
    artery[[5, 5, 14, 14], [5, 14, 5, 14]] = 0  # a quarter of a pixel
    assert np.array_equal(read_types(tmp_path / "av.png"), artery)
