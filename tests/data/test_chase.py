"""CHASE_DB1: one flat folder, two eyes a child."""

from pathlib import Path

from support import trees
from venule.data import chase


def test_the_child_is_read_from_the_name(fake_root: Path) -> None:
    root = fake_root / "CHASE_DB1"
    cases = {case.id: case for case in chase.read(root).cases}
    assert len(cases) == 28
    right = cases["07R"]
    assert right.patient == cases["07L"].patient == "07"
    assert right.image == root / "Image_07R.jpg"
    assert right.first == root / "Image_07R_1stHO.png"
    assert right.second == root / "Image_07R_2ndHO.png"
    assert right.fov == root / "mask/Image_07R.png"


def test_the_release_without_masks_is_read(tmp_path: Path) -> None:
    cases = chase.read(trees.make_chase(tmp_path, masks=False)).cases
    assert [case.fov for case in cases] == [None] * 28
