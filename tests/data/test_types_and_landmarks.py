"""The data sets of arteries and veins, discs and foveae: files, persons, splits."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.trees import draw, save
from venule.data.catalog import open_dataset
from venule.data.protocols import protocols_of, select
from venule.data.sample import load_annotated
from venule.data.truth import Landmarks
from venule.errors import DatasetError


def types_of(seed: int) -> np.ndarray:
    """A drawn eye's vessels as colours: arteries in the left half, veins in the right."""
    first = draw(seed).first
    picture = np.zeros((*first.shape, 3), np.uint8)
    half = first.shape[1] // 2
    picture[:, :half][first[:, :half]] = (255, 0, 0)
    picture[:, half:][first[:, half:]] = (0, 0, 255)
    return picture


def make_avrdb(root: Path, *numbers: int) -> Path:
    for number in numbers:
        save(root / "images" / f"IM{number:06d}.jpg", draw(number).image)
        save(root / "av" / f"IM{number:06d}.png", types_of(number))
    return root


def test_avrdb_has_two_eyes_of_one_person_in_one_fold(tmp_path: Path) -> None:
    root = make_avrdb(tmp_path / "AVRDB", 24, 167, 168, 333, 700, 715, 716)
    dataset = open_dataset(str(root))
    assert dataset.name == "AVRDB"
    people = {case.id: case.person for case in dataset.cases}
    assert people["000167"] == people["000168"]
    assert people["000715"] == people["000716"]
    assert len(set(people.values())) == 5
    splits = protocols_of(dataset)["persons5"].splits
    held = [set(splits[f"val-{fold}"]) for fold in range(1, 6)]
    assert set.union(*held) == set(people)
    assert sum(map(len, held)) == 7  # no image validates twice
    for fold in range(1, 6):
        trained = {people[id] for id in splits[f"train-{fold}"]}
        assert trained.isdisjoint(people[id] for id in splits[f"val-{fold}"])


def test_avrdb_strokes_teach_nothing_of_the_background(tmp_path: Path) -> None:
    root = make_avrdb(tmp_path / "AVRDB", 24)
    _, truth = load_annotated(open_dataset(str(root)).cases[0], expert="av")
    marked = truth.plane("artery") | truth.plane("vein")
    assert np.array_equal(truth.counts("artery"), marked)
    assert np.array_equal(marked, types_of(24).any(axis=2))


def test_rite_takes_the_photographs_and_fields_of_view_of_drive_beside_it(
    fake_root: Path, tmp_path: Path
) -> None:
    drive = open_dataset("drive", data_root=fake_root)
    (tmp_path / "DRIVE").symlink_to(drive.root)
    for part, number in (("training", 21), ("test", 1)):
        stem = f"{number:02d}_{part}"
        save(tmp_path / "RITE" / part / "av" / f"{stem}.png", types_of(number))
        save(tmp_path / "RITE" / part / "vessel" / f"{stem}.png", draw(number).first)
    dataset = open_dataset("rite", data_root=tmp_path)
    assert [case.id for case in dataset.cases] == ["01", "21"]
    sample, truth = load_annotated(dataset.cases[0], expert="av")
    assert np.array_equal(sample.image, draw(1).image)
    assert np.array_equal(sample.fov, draw(1).fov)
    assert np.array_equal(truth.planes.any(axis=0), draw(1).first)


def test_hrf_has_types_where_they_were_unpacked(tmp_path: Path) -> None:
    root = tmp_path / "HRF"
    for id in ("01_h", "02_h"):
        save(root / "images" / f"{id}.jpg", draw(1).image)
        save(root / "manual1" / f"{id}.tif", draw(1).first)
    save(root / "manual_av" / "01_h_AVmanual.png", types_of(1))
    with_types, without = open_dataset(str(root)).cases
    assert load_annotated(with_types, expert="av")[1].classes == ("artery", "vein")
    with pytest.raises(DatasetError, match="no annotation of the av expert"):
        load_annotated(without, expert="av")


def make_idrid(root: Path) -> Path:
    """Photographs 102 (also seg/01), 45, 333 (the same eye) and 7; and seg/04, which is alone."""
    rows = []
    for number in (7, 45, 102, 333):
        save(root / "centres" / "images" / f"IDRiD_{number:03d}.jpg", draw(number).image)
        rows.append((f"IDRiD_{number:03d}.jpg", 10.0, 20.0, 40.0, 30.0, 0, 0))
    columns = ("file", "disc_x", "disc_y", "fovea_x", "fovea_y", "dr_grade", "dme_risk")
    with (root / "centres" / "centres.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    disc = np.zeros((60, 64), bool)
    disc[10:20, 10:20] = True
    for name in ("IDRiD_01", "IDRiD_04"):
        save(root / "seg" / "images" / f"{name}.jpg", draw(int(name[-2:])).image)
        save(root / "seg" / "disc" / f"{name}.png", disc)
    return root


def test_idrid_has_a_photograph_of_both_folders_once(tmp_path: Path) -> None:
    dataset = open_dataset(str(make_idrid(tmp_path / "IDRiD")))
    cases = {case.id: case for case in dataset.cases}
    assert set(cases) == {"seg-01", "seg-04", "centres-007", "centres-045", "centres-333"}
    assert cases["centres-045"].person == cases["centres-333"].person
    annotation = cases["seg-01"].landmarks
    assert annotation is not None
    assert isinstance(annotation.codec, Landmarks)
    # Twice as fine by 1429 / 858: the centre of pixel 40 lies at 40.5 pixels from the edge.
    assert annotation.codec.fovea == pytest.approx(
        (40.5 * 1429 / 858 - 0.5, 30.5 * 1429 / 858 - 0.5)
    )
    _, alone = load_annotated(cases["seg-04"], expert="landmarks")
    assert alone.plane("disc").sum() == 100
    assert not alone.counts("fovea").any()
    _, centre = load_annotated(cases["centres-007"], expert="landmarks")
    assert centre.plane("disc")[20, 10]
    assert centre.plane("fovea")[30, 40]


def test_idrids_drawn_photographs_are_in_the_folds_that_they_are_in_with_the_others(
    tmp_path: Path,
) -> None:
    dataset = open_dataset(str(make_idrid(tmp_path / "IDRiD")))
    every, drawn = (protocols_of(dataset)[name].splits for name in ("folds5", "drawn5"))
    assert every.keys() == drawn.keys()
    for split, ids in every.items():
        assert set(drawn[split]) == {"seg-01", "seg-04"} & set(ids)


def test_idrid_says_what_its_table_lacks(tmp_path: Path) -> None:
    root = make_idrid(tmp_path / "IDRiD")
    (root / "centres" / "centres.csv").write_text("file,x,y\nIDRiD_007.jpg,1,2\n")
    with pytest.raises(DatasetError, match="expected the columns file,disc_x,disc_y"):
        open_dataset(str(root))


def test_ridb_has_five_photographs_of_a_person_and_no_annotation(tmp_path: Path) -> None:
    for photograph in (1, 2):
        for person in (1, 12):
            name = f"IM00000{photograph}_{person}.JPG"
            path = tmp_path / "RIDB" / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw(person).image).save(path, "JPEG")
    dataset = open_dataset(str(tmp_path / "RIDB"))
    assert [case.id for case in dataset.cases] == ["01-1", "01-2", "12-1", "12-2"]
    assert [case.person for case in dataset.cases] == ["01", "01", "12", "12"]
    assert select(dataset, None, "all").cases == dataset.cases
