"""The sheet of training samples shows what a run trains on."""

from pathlib import Path

import numpy as np
import pytest

from support.drawn import make_synthetic, settings
from venule.data.catalog import open_dataset
from venule.data.sample import load_sample
from venule.errors import UsageError
from venule.training.config import TrainConfig
from venule.training.config_file import parse_config
from venule.training.show import HEADINGS, sample_rows
from venule.viz.overlay import VESSEL


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_synthetic(tmp_path_factory.mktemp("synthetic"), train=3, val=1)


def parse(data: Path, /, **sections: object) -> TrainConfig:
    return parse_config(settings(data, **sections), TrainConfig, source="test")


def test_without_augmentation_the_sheet_shows_the_photographs_and_their_truth(data: Path) -> None:
    config = parse(
        data,
        input={"crop_px": None, "resize_px": 80},
        augmentation={"horizontal_flip_p": 0, "rotate_deg": 0, "noise_p": 0},
    )
    rows = list(sample_rows(config, samples=8))
    assert len(rows) == 3
    for (label, pictures), case in zip(rows, open_dataset(str(data)).cases, strict=False):
        photograph = load_sample(case)
        assert photograph.vessels is not None
        assert label.endswith(case.id)
        image, truth = pictures[:2]
        expected = photograph.image * photograph.fov[..., None]
        assert np.abs(image.astype(int) - expected).max() <= 1
        outline = (truth != image).any(axis=2)
        assert outline.any()
        assert not outline[~photograph.vessels].any()
        assert truth[outline].mean(axis=0)[2] > VESSEL[2] / 2


def test_a_row_has_a_picture_for_every_heading_and_epochs_differ(data: Path) -> None:
    (first, _) = sample_rows(parse(data), samples=2)
    _, pictures = first
    assert len(pictures) == len(HEADINGS)
    assert not np.array_equal(pictures[0], pictures[2])
    assert {picture.shape for picture in pictures} == {(64, 64, 3)}


def test_several_crops_of_a_photograph_are_numbered(data: Path) -> None:
    rows = sample_rows(parse(data, input={"crops_per_image": 2}), samples=4)
    assert [label for label, _ in rows] == [
        "csv 00, crop 1",
        "csv 01, crop 1",
        "csv 02, crop 1",
        "csv 00, crop 2",
    ]


def test_a_split_that_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(UsageError, match="did you mean train"):
        list(sample_rows(parse(data, data={"train": "trian"}), samples=1))
