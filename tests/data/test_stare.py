"""STARE as released, with and without gzip."""

from pathlib import Path

import numpy as np
import pytest

from support import trees
from venule.data import stare
from venule.data.sample import load_sample


def test_both_experts_lie_in_the_record_and_unlabelled_images_do_not_count(fake_root: Path) -> None:
    root = fake_root / "STARE"
    cases = stare.read(root).cases
    assert [case.id for case in cases] == [f"im{n:04d}" for n in trees.STARE_NUMBERS]
    assert cases[0].image == root / "stare-images/im0001.ppm"
    assert cases[0].first == root / "labels-ah/im0001.ah.ppm"
    assert cases[0].second == root / "labels-vk/im0001.vk.ppm"
    assert cases[0].fov is None


def test_gzipped_files_give_the_same_pixels(tmp_path: Path) -> None:
    root = trees.make_stare(tmp_path, zipped=True)
    cases = stare.read(root).cases
    assert len(cases) == 20
    assert cases[0].first == root / "labels-ah/im0001.ah.ppm.gz"
    sample = load_sample(cases[0])
    drawn = trees.draw(1001)
    assert np.array_equal(sample.image, drawn.image)
    assert sample.vessels is not None
    assert np.array_equal(sample.vessels, drawn.first)


def test_archives_unpacked_into_one_folder_are_read(fake_root: Path, tmp_path: Path) -> None:
    for folder in ("stare-images", "labels-ah", "labels-vk"):
        for path in (fake_root / "STARE" / folder).iterdir():
            (tmp_path / path.name).symlink_to(path)
    assert stare.recognizes(tmp_path)
    cases = stare.read(tmp_path).cases
    assert len(cases) == 20
    assert cases[-1].second == tmp_path / "im0324.vk.ppm"


@pytest.mark.parametrize("expert", ["ah", "vk"])
def test_a_missing_label_is_none(expert: str, tmp_path: Path) -> None:
    root = trees.make_stare(tmp_path)
    (root / f"labels-{expert}" / f"im0001.{expert}.ppm").unlink()
    case = stare.read(root).cases[0]
    assert (case.first if expert == "ah" else case.second) is None
