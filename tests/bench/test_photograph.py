from pathlib import Path

import numpy as np
import pytest

from venule.bench.photograph import photograph, write_photograph
from venule.image.fov import find_fov
from venule.image.photograph import read_photograph


@pytest.mark.parametrize("shape", [(96, 80), (150, 260)])
def test_a_photograph_has_its_size_and_its_eye_in_the_middle(shape: tuple[int, int]) -> None:
    image = photograph(shape)
    assert image.shape == (*shape, 3)
    assert image.dtype == np.uint8
    rows, columns = np.nonzero(find_fov(image).mask)
    assert abs(rows.mean() - shape[0] / 2) < 0.05 * min(shape)
    assert abs(columns.mean() - shape[1] / 2) < 0.05 * min(shape)
    assert np.ptp(rows) > 0.8 * min(shape)


def test_its_file_is_a_jpeg_of_the_same_size(tmp_path: Path) -> None:
    write_photograph(tmp_path / "a.jpg", (96, 80))
    assert (tmp_path / "a.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert read_photograph(tmp_path / "a.jpg").pixels.shape == (96, 80, 3)
