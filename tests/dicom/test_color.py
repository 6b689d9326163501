from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.dicom import EYE, jpeg, ybr
from venule.dicom.color import held_colors, to_rgb
from venule.dicom.jpeg import decode_jpeg, open_jpeg


def test_ybr_is_converted_by_the_standards_equations() -> None:
    # ITU-T T.871: black, white, and Y 76, Cb 85, Cr 255 of pure red (rounded).
    stored = np.array([[[0, 128, 128], [255, 128, 128], [76, 85, 255]]], np.uint8)
    assert to_rgb(stored).tolist() == [[[0, 0, 0], [255, 255, 255], [254, 0, 0]]]


def test_a_claim_that_can_be_true_stands() -> None:
    assert held_colors(EYE, "RGB") == ("RGB", None)
    assert held_colors(ybr(EYE), "YBR") == ("YBR", None)


def test_a_grey_photograph_is_not_called_cold() -> None:
    grey = np.repeat(EYE[..., 1:2], 3, axis=2)
    assert held_colors(grey, "RGB") == ("RGB", None)
    assert held_colors(ybr(grey), "YBR") == ("YBR", None)


def test_what_is_not_warm_either_way_is_said_and_not_touched() -> None:
    blue = np.full((20, 20, 3), (40, 60, 200), np.uint8)
    blue[:10] = 0
    held, note = held_colors(blue, "RGB")
    assert held == "RGB"
    assert note == "not the warm colours of a fundus photograph; left as they are"


def test_a_black_picture_is_no_error() -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    assert held_colors(black, "RGB") == ("RGB", None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "pattern"),
    [("CHASE_DB1", "*.jpg"), ("HRF", "images/*"), ("RIDB", "**/*.JPG"), ("FIVES20", "**/*.png")],
)
def test_every_lie_about_real_photographs_is_found_and_no_truth_is_doubted(
    real_data: Path, folder: str, pattern: str
) -> None:
    found = [each for each in sorted((real_data / folder).glob(pattern))[::5] if _is_color(each)]
    if not found:
        pytest.skip(f"no photographs in {folder}")
    for path in found:
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((300, 300))
        rgb = np.asarray(picture)
        as_ybr = np.asarray(picture.convert("YCbCr"))
        lossy = decode_jpeg(open_jpeg(jpeg(rgb)))
        assert held_colors(rgb, "RGB") == ("RGB", None), path
        for truth in (as_ybr, lossy):
            assert held_colors(truth, "YBR") == ("YBR", None), path
            assert held_colors(truth, "RGB")[0] == "YBR", path
        assert held_colors(rgb, "YBR")[0] == "RGB", path


def _is_color(path: Path) -> bool:
    small = Image.open(BytesIO(path.read_bytes())).convert("RGB").resize((8, 8))
    return int(np.ptp(np.asarray(small).astype(int), axis=2).max()) > 8
