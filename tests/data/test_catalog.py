"""Names and paths become data sets, and mistakes become one line."""

import shutil
from pathlib import Path

import pytest

from support import trees
from venule.data.catalog import installed, open_dataset
from venule.errors import DatasetError

COUNTS = {"DRIVE": 40, "STARE": 20, "CHASE_DB1": 28, "HRF": 45, "FIVES": 800}


@pytest.mark.parametrize("name", COUNTS)
def test_a_name_is_looked_up_under_the_data_folder(name: str, fake_root: Path) -> None:
    dataset = open_dataset(name, data_root=fake_root)
    assert (dataset.name, len(dataset.cases)) == (name, COUNTS[name])


@pytest.mark.parametrize("name", ["drive", "Drive", "chase", "CHASE", "chase_db1", "hrf"])
def test_names_are_read_in_any_case_and_by_alias(name: str, fake_root: Path) -> None:
    dataset = open_dataset(name, data_root=fake_root)
    assert dataset.name.casefold().startswith(name.casefold())


def test_a_name_alone_is_looked_up_in_the_environment(
    fake_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENULE_DATA", str(fake_root))
    assert open_dataset("stare").root == fake_root / "STARE"


@pytest.mark.parametrize("spec", ["$VENULE_DATA/CHASE_DB1", "chase=$VENULE_DATA/CHASE_DB1"])
def test_a_path_may_name_environment_variables(
    spec: str, fake_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENULE_DATA", str(fake_root))
    assert open_dataset(spec).root == fake_root / "CHASE_DB1"


def test_other_usual_folder_names_are_found(fake_root: Path, tmp_path: Path) -> None:
    (tmp_path / "CHASEDB1").symlink_to(fake_root / "CHASE_DB1")
    assert open_dataset("chase", data_root=tmp_path).root == tmp_path / "CHASEDB1"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("DRIVE", "DRIVE"),
        ("STARE", "STARE"),
        ("CHASE_DB1", "CHASE_DB1"),
        ("HRF", "HRF"),
        ("FIVES", "FIVES"),
        ("drive_folders", "deeplab-folders"),
        ("own", "folders"),
        ("own/list.csv", "csv"),
    ],
)
def test_a_bare_path_is_recognised_by_its_layout(folder: str, name: str, fake_root: Path) -> None:
    assert open_dataset(str(fake_root / folder)).name == name


def test_a_name_with_a_path_reads_that_path(fake_root: Path) -> None:
    assert open_dataset(f"drive={fake_root / 'DRIVE'}").name == "DRIVE"
    assert open_dataset(f"folders={fake_root / 'own'}").name == "folders"


def test_a_path_that_holds_an_equals_sign_is_still_a_path(tmp_path: Path) -> None:
    root = trees.make_folders(tmp_path / "a=b")
    assert open_dataset(str(root)).root == root


def test_two_layouts_in_one_folder_are_an_error_that_names_both(tmp_path: Path) -> None:
    drive = trees.make_drive(tmp_path)
    folders = trees.make_folders(tmp_path)
    (drive / "images").symlink_to(folders / "images")
    (drive / "labels").symlink_to(folders / "labels")
    with pytest.raises(DatasetError, match="could be drive or folders; say which, as drive="):
        open_dataset(str(drive))
    assert len(open_dataset(f"folders={drive}").cases) == 3


def test_files_of_equal_stems_beside_a_data_set_stop_nothing(tmp_path: Path) -> None:
    folders = trees.make_folders(tmp_path)
    for name in ("sheet.png", "sheet.jpg"):
        (folders / name).touch()
    assert len(open_dataset(str(folders)).cases) == 3
    (folders / "empty").mkdir()
    with pytest.raises(DatasetError, match="not a data set layout we know"):
        open_dataset(str(folders / "empty"))


def test_an_unknown_layout_is_an_error_that_lists_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        open_dataset(str(tmp_path))
    for part in ("training/images/21_training.tif", "Image_01L.jpg", "train_images/", ".csv"):
        assert part in str(caught.value)


@pytest.mark.parametrize("folder", ["DRIVE/training", "."])
def test_a_folder_beside_the_right_one_is_told(folder: str, fake_root: Path) -> None:
    with pytest.raises(DatasetError, match="give that folder"):
        open_dataset(str(fake_root / folder))


def test_a_misspelt_name_suggests_the_nearest() -> None:
    with pytest.raises(DatasetError, match="did you mean drive"):
        open_dataset("driev")
    with pytest.raises(DatasetError, match="did you mean stare"):
        open_dataset("star=/somewhere")


def test_a_path_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file or folder"):
        open_dataset(str(tmp_path / "nothing"))
    with pytest.raises(DatasetError, match="does not exist"):
        open_dataset(f"hrf={tmp_path / 'nothing'}")


def test_a_name_with_the_path_of_another_data_set_is_told(fake_root: Path) -> None:
    with pytest.raises(DatasetError, match=r"HRF: .* looked for images/01_h.jpg"):
        open_dataset(f"hrf={fake_root / 'DRIVE'}")


def test_without_the_environment_variable_the_error_says_how_to_set_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("VENULE_DATA", raising=False)
    with pytest.raises(DatasetError, match="VENULE_DATA is not set; set it to the folder"):
        open_dataset("drive")
    with pytest.raises(DatasetError, match="VENULE_DATA"):
        open_dataset("drive", data_root=tmp_path)


def test_a_layout_without_usual_names_needs_a_path(fake_root: Path) -> None:
    with pytest.raises(DatasetError, match="folders=PATH"):
        open_dataset("folders", data_root=fake_root)


def test_every_error_is_one_line(fake_root: Path, tmp_path: Path) -> None:
    for spec in ("driev", str(tmp_path), str(fake_root), "folders", f"hrf={tmp_path}"):
        with pytest.raises(DatasetError) as caught:
            open_dataset(spec, data_root=tmp_path)
        assert "\n" not in str(caught.value)


def test_installed_lists_every_data_set_with_a_usual_name(fake_root: Path, tmp_path: Path) -> None:
    found = {dataset.name: len(dataset.cases) for dataset in installed(data_root=fake_root)}
    assert found == COUNTS
    with pytest.raises(DatasetError, match="none of DRIVE/, STARE/"):
        installed(data_root=tmp_path)


def test_of_two_usual_folders_the_same_is_taken_by_name_and_in_the_list(
    fake_root: Path, tmp_path: Path
) -> None:
    for name in ("CHASE_DB1", "chase"):
        shutil.copytree(fake_root / "CHASE_DB1", tmp_path / name)
    (listed,) = installed(data_root=tmp_path)
    assert listed.root == open_dataset("chase", data_root=tmp_path).root
