"""`venule predict` on DICOM photographs: what comes out, and that nothing else names a patient."""

import csv
import gzip
import os
import stat
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from support.commands import Ran, Run
from support.dicom import EYE, IDENTITY, baseline, content, photograph
from venule.batch.reading import located, photograph_file, read_results
from venule.dicom.pseudonym import pseudonym
from venule.image.io import write_png

INLINE = ("--engine", "inline")

TOKENS = (*IDENTITY.values(), "Lovelace", "18151210", "MRN", "visit of 2024-02-29")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder as an archive exports it: names of patients, no endings, an index."""
    folder = tmp_path / "Lovelace^Ada MRN-18151210" / "visit of 2024-02-29"
    folder.mkdir(parents=True)
    (folder / "IM0001").write_bytes(content(baseline(EYE)))
    head_down = np.ascontiguousarray(EYE[::-1, ::-1])
    (folder / "IM0002").write_bytes(content(photograph(head_down, PatientOrientation=["R", "H"])))
    (folder / "DICOMDIR").write_bytes(content(photograph()))
    (folder / "notes of Lovelace.txt").write_text("hello")
    return folder.parent


def names_in(export: Path) -> dict[str, str]:
    """The pseudonyms of the exported files, by file name."""
    return {path.name: pseudonym(path.read_bytes()) for path in export.rglob("IM*")}


def naming(out: Path, ran: Ran, *, except_for: tuple[str, ...] = ()) -> Iterator[str]:
    """Each place beside files of these endings where something personal is found."""
    for token in TOKENS:
        if token in ran.out + ran.err:
            yield f"{token} in the log"
        for path in out.rglob("*"):
            if token in str(path.relative_to(out)):
                yield f"{token} in the name {path}"
            if path.is_file() and not path.name.endswith(except_for or ("\0",)):
                raw = path.read_bytes()
                if token.encode() in raw or token.encode("utf-16-le") in raw:
                    yield f"{token} in {path}"


def files_of(out: Path) -> set[str]:
    return {path.name for path in out.rglob("*") if not path.name.startswith(".")}


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_only_what_goes_back_to_the_archive_names_the_patient(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path, workers: int
) -> None:
    broken = content(photograph())[:-5000]
    (export / "Lovelace broken").write_bytes(broken)
    foreign = photograph(SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    (export / "Lovelace CT").write_bytes(content(foreign))
    out = tmp_path / "out"
    save = "prob,mask,overlay,seg,sc"
    ran = venule(
        *("predict", export, "-o", out, "--model", tiny_onnx, "--save", save),
        *(("--workers", workers) if workers > 1 else INLINE),
    )
    assert ran.code == 3
    assert "broken or truncated DICOM file" in ran.err
    assert "no photograph but CT Image Storage" in ran.err
    kinds = ("_prob.png", "_mask.png", "_overlay.png", "_seg.dcm", "_sc.dcm")
    expected = {name + kind for name in names_in(export).values() for kind in kinds}
    assert files_of(out) == expected | {"report.csv", "run.json"}
    assert list(naming(out, ran, except_for=("_seg.dcm", "_sc.dcm"))) == []
    # The search does find what is there.
    assert len(list(naming(out, ran))) > 0


def test_segmentations_are_the_masks_in_the_stored_grid(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = venule(
        "predict", export, "-o", out, "--model", tiny_onnx, *INLINE, "--save", "mask,overlay,seg,sc"
    )
    assert ran.code == 0, ran.err
    for file, name in names_in(export).items():
        mask = np.asarray(Image.open(out / f"{name}_mask.png")) > 0
        assert 0.01 < mask.mean() < 0.9
        seg = dcmread(out / f"{name}_seg.dcm")
        stored = mask[::-1, ::-1] if file == "IM0002" else mask
        assert np.array_equal(seg.pixel_array > 0, stored)
        assert seg.PatientID == IDENTITY["PatientID"]
        overlay = np.asarray(Image.open(out / f"{name}_overlay.png"))
        assert np.array_equal(dcmread(out / f"{name}_sc.dcm").pixel_array, overlay)


@pytest.mark.parametrize("kind", ["fractional", "labelmap"])
def test_the_type_of_a_segmentation_can_be_chosen(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    ran = venule(
        *("predict", export, "-o", out, "--model", tiny_onnx, *INLINE, "--save", "prob,mask,seg"),
        *("--seg-type", kind),
    )
    assert ran.code == 0, ran.err
    name = names_in(export)["IM0001"]
    seg = dcmread(out / f"{name}_seg.dcm")
    assert seg.SegmentationType == kind.upper()
    if kind == "labelmap":
        expected = np.asarray(Image.open(out / f"{name}_mask.png")) // 255
    else:
        expected = np.rint(np.asarray(Image.open(out / f"{name}_prob.png")) / 257)
    assert np.array_equal(seg.pixel_array, expected)


def test_deidentified_nothing_names_the_patient_not_even_what_goes_back(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = venule(
        *("predict", export, "-o", out, "--model", tiny_onnx, *INLINE, "--save", "mask,seg,sc"),
        "--deidentify",
    )
    assert ran.code == 0, ran.err
    assert list(naming(out, ran)) == []
    name = names_in(export)["IM0001"]
    assert dcmread(out / f"{name}_seg.dcm").PatientID == name


def test_the_key_is_written_only_when_asked_for_and_for_its_owner_alone(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    out, key = tmp_path / "out", tmp_path / "key.csv"
    made = photograph(PatientID="=1+1")
    (export / "odd").write_bytes(content(made))
    common = ("predict", export, "-o", out, "--model", tiny_onnx, *INLINE)
    assert venule(*common, "--key", key).code == 0
    with key.open(encoding="utf-8", newline="") as file:
        lines = {line["name"]: line for line in csv.DictReader(file)}
    names = names_in(export)
    assert set(names.values()) < set(lines)
    line = lines[names["IM0001"]]
    assert line["path"] == str(next(export.rglob("IM0001")))
    assert line["patient_id"] == IDENTITY["PatientID"]
    assert line["instance_uid"] == IDENTITY["SOPInstanceUID"]
    assert line["acquired"] == "20240229"
    assert lines[pseudonym((export / "odd").read_bytes())]["patient_id"] == "'=1+1"
    if os.name != "nt":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert list(naming(out, Ran(0, "", ""))) == []
    again = venule(*common, "--key", key)  # as to go on after an interruption
    assert again.code == 0
    photographs = venule(*common, "--key", export / "odd", "--overwrite")
    assert photographs.code == 2
    assert "is no key; name a new file" in photographs.err
    (tmp_path / "link").symlink_to(out)
    behind = venule(*common, "--key", tmp_path / "link" / "key.csv")
    assert "put the key file outside the results folder" in behind.err
    inside = venule(*common, "--key", out / "key.csv")
    assert inside.code == 2
    assert "put the key file outside the results folder" in inside.err


def test_a_second_run_keeps_what_is_there_and_a_copy_is_told_apart(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    common = ("predict", export, "-o", out, "--model", tiny_onnx, *INLINE)
    assert venule(*common).code == 0
    again = venule(*common)
    assert again.code == 0
    assert "2 of 2 inputs were finished before" in again.err
    first = next(export.rglob("IM0001"))
    first.rename(first.with_name("renamed"))
    renamed = venule(*common)
    assert "2 of 2 inputs were finished before" in renamed.err
    (export / "copy").write_bytes((first.with_name("renamed")).read_bytes())
    assert venule(*common).code == 0
    name = pseudonym((export / "copy").read_bytes())
    assert {f"{name}_mask.png", f"{name}-2_mask.png"} < files_of(out)


def test_without_a_dicom_photograph_seg_is_one_clear_line(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    write_png(tmp_path / "eye.png", EYE)
    ran = venule(
        *("predict", tmp_path / "eye.png", "-o", tmp_path / "out", "--model", tiny_onnx, *INLINE),
        *("--save", "mask,seg"),
    )
    assert ran.code == 2
    assert ran.err.splitlines()[-1].endswith("no DICOM photograph to make seg from; save others")
    assert not (tmp_path / "out").exists()


def test_among_others_a_photograph_that_is_no_dicom_fails_alone(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    write_png(export / "eye.png", EYE)
    out = tmp_path / "out"
    ran = venule("predict", export, "-o", out, "--model", tiny_onnx, *INLINE, "--save", "mask,seg")
    assert ran.code == 3
    assert "eye.png: seg and sc need a DICOM photograph" in ran.err
    assert len(files_of(out)) == 2 * 2 + 2


def test_a_broken_zipped_object_fails_and_its_name_is_in_the_key_only(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    (export / "Lovelace.dcm.gz").write_bytes(b"\x1f\x8b broken")
    out, key = tmp_path / "out", tmp_path / "key.csv"
    ran = venule("predict", export, "-o", out, "--model", tiny_onnx, *INLINE, "--key", key)
    assert ran.code == 3
    assert "1 of 3" in ran.err
    assert list(naming(out, ran)) == []
    assert "Lovelace.dcm.gz" in key.read_text()


def test_a_single_dicom_file_is_named_by_its_pseudonym_whatever_its_ending(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    path = tmp_path / "Lovelace.jpg"
    path.write_bytes(content(photograph()))
    out = tmp_path / "out"
    ran = venule("predict", path, "-o", out, "--model", tiny_onnx, *INLINE)
    assert ran.code == 0, ran.err
    assert files_of(out) == {f"{pseudonym(path.read_bytes())}_mask.png", "report.csv", "run.json"}
    assert list(naming(out, ran)) == []


def test_the_report_has_the_date_only_where_it_is_asked_for(
    tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    from venule.batch.predict import predict_folder

    for columns, header in ((("quality", "file"), "um_per_px"), (("file", "acquired"), "acquired")):
        out = tmp_path / header
        predict_folder(export, out, model=tiny_onnx, columns=columns, engine="inline")
        with (out / "report.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert {line["laterality"] for line in lines} == {"right"}
        assert {line["um_per_px"] for line in lines} == {"10.0"}
        dates = {line.get("acquired") for line in lines}
        assert dates == ({"20240229"} if header == "acquired" else {None})


def test_what_is_written_is_read_by_dicom_programs_as_a_file(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert (
        venule("predict", export, "-o", out, "--model", tiny_onnx, *INLINE, "--save", "seg").code
        == 0
    )
    for path in out.glob("*_seg.dcm"):
        raw = path.read_bytes()
        assert raw[128:132] == b"DICM"
        assert dcmread(BytesIO(raw)).SOPClassUID.name == "Segmentation Storage"


def test_a_report_finds_the_photographs_by_content_in_the_folder_given(
    venule: Run, tiny_onnx: Path, export: Path, tmp_path: Path
) -> None:
    out, page = tmp_path / "out", tmp_path / "page.html"
    venule("predict", export, "-o", out, "--model", tiny_onnx, "--save", "mask", *INLINE)
    assert venule("report", out, "-o", page).code == 0
    assert "the path of a DICOM object is not recorded" in page.read_text(encoding="utf-8")
    ran = venule("report", out, "-o", page, "--photographs", export, "--overwrite")
    assert ran.code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count('alt="Photograph ') == len(names_in(export))
    assert "no image" not in text
    assert [token for token in TOKENS if token in text + ran.out + ran.err] == []


def test_a_zipped_object_is_in_the_key_and_found_again(
    venule: Run, tiny_onnx: Path, tmp_path: Path
) -> None:
    folder, out, key = tmp_path / "in", tmp_path / "out", tmp_path / "key.csv"
    folder.mkdir()
    (folder / "a.dcm.gz").write_bytes(gzip.compress(content(photograph()), mtime=0))
    options = ("--model", tiny_onnx, *INLINE, "--key", key)
    assert venule("predict", folder, "-o", out, *options).code == 0
    with key.open(encoding="utf-8", newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["name"] == pseudonym(content(photograph()))
    assert line["patient_id"] == IDENTITY["PatientID"]
    (result,) = located(read_results(out), folder).results
    assert photograph_file(result) == folder / "a.dcm.gz"
