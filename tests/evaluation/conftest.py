"""A fake DRIVE, and a segmenter that needs no weights: dark in green is vessel."""

from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.protocols import Selection, select
from venule.image.arrays import FloatMap
from venule.inference.segment import Segmenter
from venule.models.record import ClassRecord, ModelRecord


@pytest.fixture(scope="session")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(f"drive={trees.make_drive(tmp_path_factory.mktemp('data'))}")


@pytest.fixture
def val(drive: Dataset) -> Selection:
    return select(drive, "official", "val")


@pytest.fixture
def official_test(drive: Dataset) -> Selection:
    return select(drive, "official", "test")


@pytest.fixture
def segmenter() -> Segmenter:
    def run(pixels: FloatMap) -> FloatMap:
        return np.asarray(-3 * pixels[:, 1:2] - 2, np.float32)

    vessel = ClassRecord(threshold=0.4, threshold_source="chosen on val")
    record = ModelRecord(name="dark", model="none", classes=(vessel,))
    return Segmenter(record, run)


@pytest.fixture
def masks(val: Selection, tmp_path: Path) -> Path:
    """A folder with the truth of each validation image as its map."""
    folder = tmp_path / "masks"
    for case in val.cases:
        trees.save(folder / f"{case.image.stem}.png", trees.draw(int(case.id)).first)
    return folder
