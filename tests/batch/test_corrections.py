"""Corrected masks of a folder of results become a data set."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.networks import write_network
from venule.analysis.corrected_files import Corrected, corrected_path, encode_correction
from venule.analysis.correction import correct
from venule.analysis.mask_files import find_masks
from venule.analysis.read_masks import load
from venule.batch.corrections import collect_corrections
from venule.batch.predict import predict_folder
from venule.batch.reading import located, open_result, prediction_sha256, read_results
from venule.data.catalog import open_dataset
from venule.errors import OutputError
from venule.files.atomic import write_bytes
from venule.image.io import read_mask
from venule.image.photograph import read_photograph
from venule.models.record import ModelRecord
from venule.synth.fundus import synthesize_fundus

NAMES = ("a/1", "a__1", "b")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of three photographs, each with a corrected mask."""
    for seed, name in enumerate(NAMES):
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthesize_fundus(seed, size_px=96).image).save(path)
    return _corrected(tmp_path)


def _corrected(tmp_path: Path) -> Path:
    """Results of the photographs in tmp_path/in, with masks that are corrected to the opposite."""
    network = write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    predict_folder(
        tmp_path / "in", tmp_path / "out", model=network, outputs=("mask",), engine="inline"
    )
    found = located(read_results(tmp_path / "out"), tmp_path / "in")
    for result in found.results:
        analysis = open_result(found, result)
        changed = correct(analysis, ~analysis.prediction.vessels)
        about = Corrected(prediction_sha256(found, result), 1)
        for what, content in encode_correction(changed, about, frozenset({"vessels"})):
            write_bytes(corrected_path(found.out / result.name, what), content)
    return tmp_path / "out"


def test_a_file_in_the_place_of_the_new_folder_is_one_clear_line(
    results: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: is a file; name a new folder"):
        collect_corrections(results, tmp_path / "file")


def test_a_photograph_that_was_replaced_is_left_out(results: Path, tmp_path: Path) -> None:
    other = synthesize_fundus(7, size_px=96).image
    Image.fromarray(other).save(tmp_path / "in" / "b.png")
    collected = collect_corrections(results, tmp_path / "data")
    (told,) = (one for one in collected.left_out if one.startswith("b: "))
    assert told.startswith("b: the file has been replaced or changed")
    assert not (tmp_path / "data" / "images" / "b.png").exists()


def test_a_photograph_that_failed_since_it_was_corrected_is_copied(
    results: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(results / ".venule.sqlite")) as base, base:
        base.execute("UPDATE files SET status = 'failed', input_sha256 = '' WHERE name = 'b'")
    collect_corrections(results, tmp_path / "data")
    assert (tmp_path / "data" / "images" / "b.png").is_file()


def test_masks_of_more_pixels_than_pillow_opens_are_read(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # a tenth of what the photographs have
    expected = read_mask(results / "b_mask.corrected.png")
    (entry,) = (one for one in find_masks(results) if one.id == "b")
    loaded = load(entry)
    assert (loaded.mask_source, loaded.masks.fov is None) == ("corrected", False)
    found = read_results(results)
    (b,) = (one for one in found.results if one.name == "b")
    assert np.array_equal(open_result(found, b).prediction.vessels, expected)
    collect_corrections(results, tmp_path / "data")
    assert np.array_equal(read_mask(tmp_path / "data" / "labels" / "b.png"), expected)


def test_of_two_photographs_of_one_name_in_a_data_set_the_second_is_left_out(
    results: Path, tmp_path: Path
) -> None:
    collected = collect_corrections(results, tmp_path / "data")
    told = "a__1: a/1 has the same name in a data set; rename one"
    assert (collected.cases, collected.left_out) == (2, (told,))
    copied = (tmp_path / "data" / "images" / "a__1.png").read_bytes()
    assert copied == (tmp_path / "in" / "a" / "1.png").read_bytes()


def test_dicom_objects_become_images_without_the_patients_name(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    from support import dicom

    eye = dicom.photograph(synthesize_fundus(3, size_px=96).image)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "IM0001").write_bytes(dicom.content(eye))
    results = _corrected(tmp_path)
    collected = collect_corrections(results, tmp_path / "data", photographs=tmp_path / "in")
    assert collected.cases == 1
    (case,) = open_dataset(str(tmp_path / "data")).cases
    assert case.image.suffix == ".png"
    shown = read_photograph(tmp_path / "in" / "IM0001").pixels
    assert np.array_equal(read_photograph(case.image).pixels, shown)
