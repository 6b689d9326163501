"""Every mistake is found, with its file, what was expected, and the fix."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import trees
from venule.data.case import Dataset
from venule.data.catalog import open_dataset
from venule.data.check import check_dataset
from venule.data.problem import Problem


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return trees.make_folders(tmp_path)


@pytest.fixture
def drive(fake_root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(fake_root / "DRIVE", tmp_path / "DRIVE")


def only(root: Path) -> Problem:
    problems = check_dataset(open_dataset(str(root)))
    assert len(problems) == 1, [str(problem) for problem in problems]
    problem = problems[0]
    assert problem.expected
    assert problem.fix
    assert "\n" not in str(problem)
    assert str(problem).startswith(f"{problem.path}: ")
    return problem


@pytest.mark.parametrize(
    "folder",
    ["DRIVE", "STARE", "CHASE_DB1", "HRF", "FIVES", "own", "own/list.csv"],
)
def test_a_whole_data_set_is_clean(folder: str, fake_root: Path) -> None:
    assert check_dataset(open_dataset(str(fake_root / folder))) == ()


def test_folders_whose_test_images_have_no_masks_are_clean(fake_root: Path) -> None:
    assert check_dataset(open_dataset(str(fake_root / "drive_folders"))) == ()


def test_the_present_drive_download_is_clean(tmp_path: Path) -> None:
    assert check_dataset(open_dataset(str(trees.make_drive(tmp_path, test_labels=False)))) == ()


def test_a_missing_vessel_mask_is_told_with_where_it_belongs(drive: Path) -> None:
    (drive / "training/1st_manual/21_manual1.gif").unlink()
    problem = only(drive)
    assert problem.path == drive / "training/images/21_training.tif"
    assert "no vessel mask" in problem.what
    assert str(drive / "training/1st_manual/21_manual1.gif") in problem.expected


@pytest.mark.parametrize("split", ["testing", "Test", "train"])
def test_only_test_images_of_a_list_may_have_no_mask(tmp_path: Path, split: str) -> None:
    trees.save(tmp_path / "a.png", np.full((64, 64, 3), (150, 90, 40), np.uint8))
    (tmp_path / "list.csv").write_text(f"id,image,label,split\na,a.png,,{split}\n")
    told = [problem.what for problem in check_dataset(open_dataset(str(tmp_path / "list.csv")))]
    assert ("has no vessel mask" in told) == (split == "train")


def test_one_missing_test_mask_among_others_is_told(drive: Path) -> None:
    (drive / "test/1st_manual/05_manual1.gif").unlink()
    assert only(drive).path == drive / "test/images/05_test.tif"


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("test/2nd_manual/05_manual2.gif", "no second vessel mask"),
        ("test/mask/05_test_mask.gif", "no field-of-view mask"),
    ],
)
def test_other_missing_masks_are_told(file: str, what: str, drive: Path) -> None:
    (drive / file).unlink()
    assert what in only(drive).what


def test_a_missing_photograph_is_told(drive: Path) -> None:
    (drive / "training/images/33_training.tif").unlink()
    problem = only(drive)
    assert problem.path == drive
    assert "lacks images: 33" in problem.what


def test_part_of_fives_is_told(tmp_path: Path) -> None:
    root = trees.make_fives(tmp_path, train=600, test=8)
    problem = only(root)
    assert (problem.what, problem.expected) == ("has 8 images of official test", "200")


def test_a_mask_of_another_size_is_told(own: Path) -> None:
    trees.save(own / "labels/a.png", trees.draw(1, 30, 32).first)
    problem = only(own)
    assert problem.path == own / "labels/a.png"
    assert ("32 x 30" in problem.what, "64 x 60" in problem.expected) == (True, True)


def test_a_field_of_view_of_another_size_is_told(own: Path) -> None:
    trees.save(own / "fov/b.png", trees.draw(1, 30, 32).fov)
    assert only(own).path == own / "fov/b.png"


def test_a_label_of_several_values_is_told_with_the_values(own: Path) -> None:
    label = trees.draw(7000).first.astype(np.uint8) * 255
    label[0, :2] = (17, 99)
    trees.save(own / "labels/a.png", label)
    problem = only(own)
    assert "not a two-valued mask" in problem.what
    assert "0, 17, 99, 255" in problem.what


def test_the_palette_of_drives_second_manual_converted_to_grey_is_told(drive: Path) -> None:
    """The converted copies that go round store the palette's colours, 3 and 253."""
    original = drive / "test/2nd_manual/01_manual2.gif"
    with Image.open(original) as image:
        image.convert("L").save(drive / "test/2nd_manual/01_manual2.png")
    original.unlink()
    problem = only(drive)
    assert problem.path.name == "01_manual2.png"
    assert "stores 3 and 253" in problem.what
    assert "write 0 for 3 and 255 for 253" in problem.fix


def test_converted_copies_where_every_pixel_counts_as_vessel_are_told(drive: Path) -> None:
    original = drive / "test/2nd_manual/01_manual2.gif"
    with Image.open(original) as image:
        everything = np.asarray(image.convert("L")) > 0
    original.unlink()
    trees.save(drive / "test/2nd_manual/01_manual2.png", everything)
    problem = only(drive)
    assert "marks 100% of its pixels as vessel" in problem.what
    assert "palette" in problem.fix


def test_an_inverted_label_is_told(own: Path) -> None:
    trees.save(own / "labels/a.png", ~trees.draw(7000).first)
    assert "Invert it" in only(own).fix


@pytest.mark.parametrize("folder", ["labels", "fov"])
def test_an_empty_mask_is_told(folder: str, own: Path) -> None:
    trees.save(own / folder / "a.png", np.zeros((60, 64), bool))
    assert only(own).what == "marks no pixel"


def test_the_mask_of_another_photograph_is_told(own: Path) -> None:
    fov = trees.draw(7000).fov
    trees.save(own / "fov/a.png", np.roll(fov, 25, axis=1))
    problem = only(own)
    assert problem.path == own / "labels/a.png"
    assert "outside the field of view" in problem.what


@pytest.fixture
def annotated(own: Path) -> Path:
    """The photographs a, b and c with arteries and veins and an outlined disc each."""
    disc = np.zeros((60, 64), bool)
    disc[20:30, 30:40] = True
    for stem, seed in zip("abc", (7000, 7001, 7002), strict=True):
        colours = np.zeros((60, 64, 3), np.uint8)
        colours[trees.draw(seed).first] = (255, 0, 0)
        trees.save(own / f"av/{stem}.png", colours)
        trees.save(own / f"disc/{stem}.png", disc)
    return own


def test_arteries_veins_and_discs_that_can_be_read_are_clean(annotated: Path) -> None:
    assert check_dataset(open_dataset(str(annotated))) == ()


@pytest.mark.parametrize("folder", ["av", "disc"])
def test_a_broken_map_of_types_or_disc_is_told(folder: str, annotated: Path) -> None:
    path = annotated / folder / "b.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert only(annotated).path == path


@pytest.mark.parametrize("folder", ["av", "disc"])
def test_a_map_of_types_or_disc_of_another_size_is_told(folder: str, annotated: Path) -> None:
    with Image.open(annotated / folder / "b.png") as image:
        half = np.asarray(image)[::2, ::2]
    trees.save(annotated / folder / "b.png", half)
    problem = only(annotated)
    assert problem.path == annotated / folder / "b.png"
    assert ("32 x 30" in problem.what, "64 x 60" in problem.expected) == (True, True)


def test_a_mask_in_place_of_a_map_of_types_is_told(annotated: Path) -> None:
    white = np.repeat(trees.draw(7001).first[..., None], 3, axis=2).astype(np.uint8) * 255
    trees.save(annotated / "av/b.png", white)
    problem = only(annotated)
    assert problem.what == "not a map of arteries and veins"
    assert problem.expected.startswith("red arteries, blue veins")


def test_an_empty_map_of_types_is_told(annotated: Path) -> None:
    trees.save(annotated / "av/b.png", np.zeros((60, 64, 3), np.uint8))
    assert only(annotated).what == "marks no pixel"


@pytest.mark.parametrize("folder", ["av", "disc"])
def test_maps_of_types_and_discs_without_a_photograph_are_told(
    folder: str, annotated: Path
) -> None:
    for stem in "abc":  # not even one belongs to a photograph
        (annotated / folder / f"{stem}.png").rename(annotated / folder / f"{stem}_gt.png")
    problems = check_dataset(open_dataset(str(annotated)))
    assert [problem.path.name for problem in problems] == ["a_gt.png", "b_gt.png", "c_gt.png"]
    assert {problem.what for problem in problems} == {"belongs to no photograph"}


def test_masks_of_different_sizes_beside_a_broken_photograph_are_no_crash(own: Path) -> None:
    (own / "images/a.png").write_bytes(b"")
    trees.save(own / "fov/a.png", trees.draw(1, 30, 32).fov)
    assert only(own).path == own / "images/a.png"


@pytest.mark.parametrize("folder", ["images", "labels", "fov"])
def test_a_truncated_file_is_told(folder: str, own: Path) -> None:
    path = own / folder / "a.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert only(own).path == path


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>"])
def test_a_file_that_is_no_image_is_told(content: bytes, own: Path) -> None:
    (own / "images/a.png").write_bytes(content)
    assert only(own).path == own / "images/a.png"


def test_a_photograph_without_colour_is_told(own: Path) -> None:
    grey = trees.draw(7000).image[..., 1]
    trees.save(own / "images/a.png", np.stack([grey] * 3, axis=2))
    assert only(own).what == "has no colour"


def test_the_same_pixels_in_two_splits_are_told_whatever_their_files(tmp_path: Path) -> None:
    path = trees.make_csv(tmp_path)
    with Image.open(path.parent / "images/a.png") as image:
        image.save(path.parent / "images/c.tif")  # the copy has another name and format
    path.write_text(path.read_text().replace("images/c.png", "images/c.tif"))
    problem = only(path)
    assert problem.path == path.parent / "images/c.tif"
    assert "a.png (split train, this one test)" in problem.what


@pytest.mark.parametrize(("patients", "problems"), [(("p", "p"), 0), (("p", "q"), 1)])
def test_two_files_of_one_photograph_are_fine_where_they_stay_together(
    patients: tuple[str, str], problems: int, tmp_path: Path
) -> None:
    root = trees.make_folders(tmp_path)
    for part in ("images", "labels"):
        shutil.copyfile(root / part / "a.png", root / part / "b.png")
    rows = "".join(
        f"{id},images/{id}.png,labels/{id}.png,{patient}\n"
        for id, patient in zip("ab", patients, strict=True)
    )
    (root / "list.csv").write_text(f"id,image,label,patient\n{rows}")
    assert len(check_dataset(open_dataset(str(root / "list.csv")))) == problems


def test_a_listed_file_that_does_not_exist_is_told(tmp_path: Path) -> None:
    path = trees.make_csv(tmp_path)
    (path.parent / "labels/a.png").unlink()
    problem = only(path)
    assert (problem.path, problem.what) == (path.parent / "labels/a.png", "no such file")


def test_every_problem_is_told_not_only_the_first(own: Path) -> None:
    (own / "images/a.png").write_bytes(b"")
    (own / "labels/b.png").unlink()
    trees.save(own / "labels/c.png", np.zeros((60, 64), bool))
    assert len(check_dataset(open_dataset(str(own)))) == 3


def test_an_empty_data_set_is_told(tmp_path: Path) -> None:
    assert check_dataset(Dataset(name="folders", root=tmp_path, cases=()))[0].what == "no images"


@pytest.mark.parametrize("name", ["DRIVE", "CHASE_DB1"])
def test_real_data_sets_are_clean(name: str, real_data: Path) -> None:
    assert check_dataset(open_dataset(name, data_root=real_data)) == ()


@pytest.mark.slow
def test_real_hrf_is_clean(real_data: Path) -> None:
    assert check_dataset(open_dataset("HRF", data_root=real_data)) == ()
