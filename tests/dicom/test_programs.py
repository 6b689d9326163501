"""Our objects in other programs, and theirs in ours: dcmtk, dicom3tools, Orthanc and highdicom.

Where a program is missing its tests are skipped; with VENULE_DICOM_PROGRAMS=1, as in
`make test-dicom`, they fail.
"""

import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from support.dicom import EYE, IDENTITY, LOSSLESS, MASK, baseline, content, photograph
from support.runs import free_port
from venule.dicom.capture import encode_secondary_capture
from venule.dicom.deidentify import deidentified
from venule.dicom.read import read_dicom
from venule.dicom.segmentation import SegKind, encode_seg
from venule.image.photograph import read_photograph
from venule.inference.load import load

pytestmark = pytest.mark.slow

PACKAGES = {
    "img2dcm": "dcmtk",
    "dcmconv": "dcmtk",
    "dcmcrle": "dcmtk",
    "dcmdjpeg": "dcmtk",
    "dcm2pnm": "dcmtk",
    "dciodvfy": "dicom3tools",
    "Orthanc": "orthanc",
}

# img2dcm's template asks for these; the rest of an ophthalmic photograph it makes up.
TEMPLATE = (
    "ImageLaterality=L",
    "PatientName=Lovelace^Ada",
    "PatientID=MRN-18151210",
    "PatientBirthDate=18151210",
    "PixelSpacing=0.0105\\0.0105",
    "AcquisitionDeviceTypeCodeSequence[0].CodeValue=409898007",
    "AcquisitionDeviceTypeCodeSequence[0].CodingSchemeDesignator=SCT",
    "AcquisitionDeviceTypeCodeSequence[0].CodeMeaning=Fundus Camera",
)


def missing(said: str) -> NoReturn:
    """Skip the test, or fail it where the programs are asked for."""
    if os.environ.get("VENULE_DICOM_PROGRAMS") == "1":
        pytest.fail(said)
    pytest.skip(said)


def program(name: str) -> str:
    """The program's path, or a skip that says which package has it."""
    found = shutil.which(name)
    if found is None:
        said = f"{name} is not installed: apt-get install {PACKAGES[name]}"
        missing(said)
    return found


def call(name: str, *arguments: object) -> str:
    """The output of the program."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def errors_in(made: bytes, tmp_path: Path) -> list[str]:
    """Lines that dciodvfy calls errors."""
    path = tmp_path / "checked.dcm"
    path.write_bytes(made)
    done = subprocess.run(
        [program("dciodvfy"), path], capture_output=True, text=True, timeout=60, check=False
    )
    told = (done.stdout + done.stderr).splitlines()
    assert told, "dciodvfy said nothing"
    return [line for line in told if line.startswith("Error")]


@pytest.fixture
def camera_file(real_data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A JPEG of CHASE_DB1, and what dcmtk makes of it as an ophthalmic photograph."""
    jpeg = real_data / "CHASE_DB1" / "Image_01L.jpg"
    path = tmp_path / "camera.dcm"
    keys = [argument for key in TEMPLATE for argument in ("-k", key)]
    call("img2dcm", "--oph-photo", *keys, jpeg, path)
    return jpeg, path


def test_a_photograph_that_dcmtk_wrapped_is_the_photograph(camera_file: tuple[Path, Path]) -> None:
    jpeg, path = camera_file
    found = read_photograph(path)
    assert np.array_equal(found.pixels, read_photograph(jpeg).pixels)
    assert found.laterality == "left"
    assert found.um_per_px == pytest.approx(10.5)


@pytest.mark.parametrize(
    "convert",
    [
        ("dcmconv", "+ti"),
        ("dcmconv", "+te"),
        ("dcmconv", "+tb"),
        ("dcmconv", "+td"),
        ("dcmcrle",),
    ],
    ids=" ".join,
)
def test_what_dcmtk_converts_is_read_as_dcmtk_shows_it(
    camera_file: tuple[Path, Path], convert: tuple[str, ...], tmp_path: Path
) -> None:
    plain, converted, shown = (tmp_path / name for name in ("plain.dcm", "new.dcm", "shown.ppm"))
    call("dcmdjpeg", camera_file[1], plain)
    call(*convert, plain, converted)
    call("dcm2pnm", "+op", plain, shown)
    assert np.array_equal(read_photograph(converted).pixels, np.asarray(Image.open(shown)))


FRAMES = np.stack([EYE, EYE // 2, EYE // 3])
SOURCES = {
    "ophthalmic": photograph(),
    "ophthalmic, 16 bits": photograph(EYE.astype(np.uint16) * 257),
    "no spacing, orientation or side": photograph(
        PixelSpacing=None, PatientOrientation=None, ImageLaterality=None
    ),
    "of three frames": photograph(NumberOfFrames=3, PixelData=FRAMES.tobytes()),
    "in a frame of reference": photograph(FrameOfReferenceUID="1.2.826.0.1.3680043.9.7777.9"),
    "VL": photograph(SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.4", Modality="XC"),
    "secondary capture": photograph(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT"),
    "on its head": photograph(PatientOrientation=["R", "H"]),
    "with loss": baseline(EYE),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("anonymous", [False, True], ids=["as it is", "deidentified"])
def test_dciodvfy_finds_no_error_in_what_is_written(
    name: str, anonymous: bool, tmp_path: Path
) -> None:
    source = read_dicom(content(SOURCES[name]), "eye").source
    source = deidentified(source) if anonymous else source
    maps = {"vessel": MASK, "artery": MASK, "vein": ~MASK, "disc": MASK}
    probability = {"vessel": MASK * np.float32(0.7)}
    assert errors_in(encode_seg(source, maps, model="general"), tmp_path) == []
    assert errors_in(encode_seg(source, probability, kind="fractional"), tmp_path) == []
    assert errors_in(encode_secondary_capture(source, EYE), tmp_path) == []


def test_dciodvfy_does_find_errors(tmp_path: Path) -> None:
    source = read_dicom(content(photograph()), "eye").source
    seg = dcmread(BytesIO(encode_seg(source, {"vessel": MASK})))
    del seg.SegmentSequence
    assert any("SegmentSequence" in line for line in errors_in(content(seg), tmp_path))


@pytest.mark.parametrize("kind", ["binary", "fractional", "labelmap"])
@pytest.mark.parametrize("name", SOURCES)
def test_highdicom_reads_the_segments_by_their_source(name: str, kind: SegKind) -> None:
    if find_spec("highdicom") is None:
        missing("highdicom is not installed: pip install highdicom")
    highdicom = import_module("highdicom")
    source = read_dicom(content(SOURCES[name]), "eye").source
    maps = {"vessel": MASK, "disc": ~MASK}
    written = dcmread(BytesIO(encode_seg(source, maps, kind=kind)))
    seg = highdicom.seg.Segmentation.from_dataset(written)
    labels = [seg.get_segment_description(number).segment_label for number in (1, 2)]
    assert labels == ["Vessel", "Optic disc"]
    found = seg.get_pixels_by_source_instance(
        [IDENTITY["SOPInstanceUID"]], ignore_spatial_locations=True
    )
    for position, mask in enumerate(maps.values()):
        assert np.array_equal(source.turn.upright(found[0, ..., position]) > 0, mask)


class Archive:
    """An Orthanc on loopback with nothing in it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            told = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, (path, answer.status, told[:300])
        return told

    def answers(self) -> bool:
        try:
            self._ask("GET", "/system")
        except OSError:
            return False
        return True

    def store(self, content: bytes) -> dict[str, Any]:
        stored: dict[str, Any] = json.loads(self._ask("POST", "/instances", content))
        return stored

    def fetch(self, stored: dict[str, Any]) -> bytes:
        return self._ask("GET", f"/instances/{stored['ID']}/file")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    settings = {
        "StorageDirectory": str(tmp_path / "storage"),
        "IndexDirectory": str(tmp_path / "index"),
        "HttpPort": free_port(),
        "RemoteAccessAllowed": False,
        "DicomServerEnabled": False,
        "Plugins": [],
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(settings))
    with (tmp_path / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program("Orthanc"), path], stdout=log, stderr=log)
    try:
        found = Archive(int(str(settings["HttpPort"])))
        until = time.monotonic() + 60
        while not found.answers():
            assert process.poll() is None, (tmp_path / "orthanc.log").read_text()
            assert time.monotonic() < until, "Orthanc does not answer"
            time.sleep(0.2)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=60)


def fetched_mask(archive: Archive, stored: dict[str, Any]) -> NDArray[np.bool_]:
    seg: Dataset = dcmread(BytesIO(archive.fetch(stored)))
    mask: NDArray[np.bool_] = seg.pixel_array > 0
    return mask


def test_a_photograph_goes_from_the_archive_and_its_segmentation_back(
    camera_file: tuple[Path, Path], archive: Archive, tmp_path: Path
) -> None:
    jpeg, path = camera_file
    stored = archive.store(path.read_bytes())
    fetched = read_dicom(archive.fetch(stored), "fetched")
    assert np.array_equal(fetched.pixels, read_photograph(jpeg).pixels)
    prediction = load().segment(fetched.pixels)
    assert 0.03 < prediction.vessels.mean() < 0.2
    kinds: tuple[SegKind, ...] = ("binary", "fractional", "labelmap")
    for kind in kinds:
        found = prediction.probability if kind == "fractional" else prediction.vessels
        seg = encode_seg(fetched.source, {"vessel": found}, kind=kind, model="general")
        if kind != "labelmap":  # newer than Debian's dciodvfy
            assert errors_in(seg, tmp_path) == []
        answer = archive.store(seg)
        assert answer["ParentPatient"] == stored["ParentPatient"]
        assert answer["ParentStudy"] == stored["ParentStudy"]
        assert answer["ParentSeries"] != stored["ParentSeries"]
        if kind == "fractional":
            levels = dcmread(BytesIO(archive.fetch(answer))).pixel_array
            assert np.array_equal(levels, np.rint(255 * found).astype(np.uint8))
        else:
            assert np.array_equal(fetched_mask(archive, answer), found)
    overlay = fetched.pixels.copy()
    overlay[prediction.vessels] = 255
    capture = archive.store(encode_secondary_capture(fetched.source, overlay))
    assert capture["ParentStudy"] == stored["ParentStudy"]
    assert np.array_equal(dcmread(BytesIO(archive.fetch(capture))).pixel_array, overlay)


def test_segmentations_of_every_transfer_syntax_survive_the_archive(archive: Archive) -> None:
    for write in LOSSLESS.values():
        made = write(EYE)
        fetched = read_dicom(archive.fetch(archive.store(content(made))), "fetched")
        assert np.array_equal(fetched.pixels, EYE)
        answer = archive.store(encode_seg(fetched.source, {"vessel": MASK}))
        assert np.array_equal(fetched_mask(archive, answer), MASK)


def test_a_deidentified_answer_lands_in_no_patients_folder(archive: Archive) -> None:
    stored = archive.store(content(photograph()))
    source = deidentified(read_dicom(archive.fetch(stored), "fetched").source)
    answer = archive.store(encode_seg(source, {"vessel": MASK}))
    assert answer["ParentPatient"] != stored["ParentPatient"]
    assert answer["ParentStudy"] != stored["ParentStudy"]
