"""Illumination correction leaves the same light and contrast everywhere in the field of view."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from venule.image.fov import find_fov
from venule.image.illumination import Illumination, correct_illumination
from venule.image.photograph import read_photograph
from venule.synth.fundus import synthesize_fundus

LIGHT = Illumination()


def textured(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Noise of a fifth of the light, on the light; (H, W, 3)."""
    noise = 1 + 0.2 * np.random.default_rng(0).standard_normal((*light.shape, 3))
    return (light[..., None] * noise).clip(0, 255).astype(np.uint8)


def test_flattening_leaves_the_same_light_and_contrast_everywhere() -> None:
    side = 400
    rows, columns = np.mgrid[:side, :side]
    fov = np.hypot(rows - 200, columns - 200) < 180
    slope = 60 + 0.1 * columns + 0.05 * rows
    flat = correct_illumination(textured(slope), fov, LIGHT).astype(float)
    assert not flat[~fov].any()
    for row, column in ((120, 120), (120, 260), (200, 200), (280, 280)):
        window = flat[row - 30 : row + 30, column - 30 : column + 30]
        assert window.mean() == pytest.approx(LIGHT.mean, abs=4)
        assert window.std() == pytest.approx(LIGHT.std, rel=0.1)


def flattened_pixel_by_pixel(image: NDArray[np.uint8], fov: NDArray[np.bool_]) -> NDArray[Any]:
    """The input of the shipped networks' training: window means and deviations at full size."""
    height, width = fov.shape
    diameter = 2 * np.sqrt(fov.sum() / np.pi)
    step = max(1, round(diameter / 80))
    small, sigma = (max(1, height // step), max(1, width // step)), diameter / 12 / step

    def resized(plane: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
        picture = Image.fromarray(plane.astype(np.float32))
        return np.asarray(picture.resize(shape[::-1], Image.Resampling.BILINEAR))

    def blurred(plane: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(ndi.gaussian_filter(resized(plane, small), sigma, mode="constant"))

    weight = np.maximum(blurred(fov), 1e-3)
    flat = np.zeros(image.shape)
    for channel in range(3):
        plane = image[..., channel].astype(np.float32) * fov
        mean = resized(blurred(plane) / weight, (height, width))
        square = resized(blurred(plane * plane) / weight, (height, width))
        std = np.sqrt(np.maximum(square - mean * mean, 1))
        flat[..., channel] = np.rint((LIGHT.mean + LIGHT.std * (plane - mean) / std).clip(0, 255))
    return flat * fov[..., None]


@pytest.mark.parametrize("size", [64, 97, 231, 420])
@pytest.mark.parametrize("cut", [0, 7])
def test_flattening_by_cells_differs_from_pixel_by_pixel_in_rounding_only(
    size: int, cut: int
) -> None:
    synthetic = synthesize_fundus(size, size_px=size)
    image, fov = synthetic.image[: size - 2 * cut, cut:], synthetic.fov[: size - 2 * cut, cut:]
    difference = np.abs(
        correct_illumination(image, fov, LIGHT) - flattened_pixel_by_pixel(image, fov)
    )
    assert (difference[fov] <= 1).mean() >= 0.999
    assert difference.max() <= 2
    assert (difference[fov] == 0).mean() > 0.85


@pytest.mark.parametrize(
    "name", ["DRIVE/training/images/21_training.tif", "CHASE_DB1/Image_01L.jpg"]
)
def test_flattening_by_cells_differs_on_real_photographs_in_rounding_only(
    real_data: Path, name: str
) -> None:
    path = next(real_data.glob(name))
    image = read_photograph(path).pixels[::2, ::2].copy()
    fov = find_fov(image).mask
    difference = np.abs(
        correct_illumination(image, fov, LIGHT) - flattened_pixel_by_pixel(image, fov)
    )
    assert (difference[fov] <= 1).mean() >= 0.999


def test_a_large_photograph_is_flattened_in_parts_without_a_seam(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synthetic = synthesize_fundus(5, size_px=300)
    whole = correct_illumination(synthetic.image, synthetic.fov, LIGHT)
    monkeypatch.setattr("venule.image.illumination._AT_ONCE", 2500)
    np.testing.assert_array_equal(
        correct_illumination(synthetic.image, synthetic.fov, LIGHT), whole
    )


def test_flattening_undoes_a_change_of_gain_and_offset() -> None:
    fov = np.ones((200, 200), bool)
    photograph = textured(np.full((200, 200), 100.0))
    darker = (photograph * 0.5 + 20).astype(np.uint8)
    first, second = (
        correct_illumination(image, fov, LIGHT).astype(int) for image in (photograph, darker)
    )
    assert np.abs(first - second).mean() < 4  # half the grey levels are gone


def test_a_photograph_without_contrast_stays_without_it() -> None:
    fov = np.zeros((90, 120), bool)
    fov[10:80, 20:100] = True
    flat = correct_illumination(np.full((90, 120, 3), 77, np.uint8), fov, LIGHT)
    assert np.abs(flat[fov].astype(int) - round(LIGHT.mean)).max() <= 1


def test_the_levels_after_correction_are_the_records() -> None:
    fov = np.ones((300, 300), bool)
    image = textured(60 + 0.2 * np.mgrid[:300, :300][1])
    flat = correct_illumination(image, fov, Illumination(mean=100, std=20)).astype(float)
    window = flat[100:200, 100:200]
    assert window.mean() == pytest.approx(100, abs=3)
    assert window.std() == pytest.approx(20, rel=0.1)


def test_the_window_of_the_correction_is_the_records() -> None:
    """A step of light is gone beyond a window's width from it, and not before."""
    light = np.full((400, 400), 60.0)
    light[:, 200:] = 120
    fov, image = np.ones((400, 400), bool), textured(light)
    narrow, wide = (
        correct_illumination(image, fov, Illumination(window=share)).astype(float)
        for share in (1 / 40, 1 / 4)
    )
    beside = np.s_[100:300, 250:300]  # 50 to 100 px away: windows of 11 px and of 113 px
    assert narrow[beside].mean() == pytest.approx(LIGHT.mean, abs=4)
    assert wide[beside].mean() > LIGHT.mean + 10


@pytest.mark.parametrize("height", range(200, 216))
def test_strips_of_any_height_give_what_the_whole_gives(
    height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, fov = textured(np.full((height, 300), 100.0)), np.ones((height, 300), bool)
    whole = correct_illumination(image, fov, LIGHT)
    monkeypatch.setattr("venule.image.illumination._AT_ONCE", 1)  # a strip for each run of rows
    np.testing.assert_array_equal(correct_illumination(image, fov, LIGHT), whole)


_OTHER_THREADS = """
import time
import numpy as np
from venule.image.illumination import Illumination, correct_illumination

image = np.random.default_rng(0).integers(0, 255, (656, 624, 3), np.uint8)
rows, columns = np.ogrid[:656, :624]
fov = np.hypot(rows - 328, columns - 312) < 292
time.sleep(0.3)  # BLAS's threads also spin once they have been created
before = time.process_time() - time.thread_time()
correct_illumination(image, fov, Illumination())
time.sleep(0.3)
print(time.process_time() - time.thread_time() - before)
"""


def test_no_other_thread_is_left_busy() -> None:
    """BLAS's threads spin for 50 ms after a product of matrices, when the network wants cores."""
    threads = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", _OTHER_THREADS],
        env=os.environ | threads,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 0.01  # seconds of processor time
