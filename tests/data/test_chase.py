"""CHASE_DB1: one flat folder, two eyes a child."""

from pathlib import Path

from support import trees
from venule.data import chase


def test_child_and_eye_are_read_from_the_name(fake_root: Path) -> None:
    root = fake_root / "CHASE_DB1"
    records = {record.id: record for record in chase.read(root).records}
    assert len(records) == 28
    right = records["07R"]
    assert (right.patient, right.laterality) == ("07", "right")
    assert records["07L"].laterality == "left"
    assert right.image == root / "Image_07R.jpg"
    assert right.first == root / "Image_07R_1stHO.png"
    assert right.second == root / "Image_07R_2ndHO.png"
    assert right.fov == root / "mask/Image_07R.png"


def test_the_release_without_masks_is_read(tmp_path: Path) -> None:
    records = chase.read(trees.make_chase(tmp_path, masks=False)).records
    assert [record.fov for record in records] == [None] * 28
