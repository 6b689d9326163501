"""Masks to other programs and back: read by nibabel, scikit-image and pydicom to the pixel."""

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.io
from fastapi.testclient import TestClient
from PIL import Image
from pydicom import dcmread
from skimage.measure import points_in_poly

from serve import corrected
from serve.conftest import BASE, DOOR, LINK, Finish
from serve.corrected import opened, send_patch, send_stroke
from support.dicom import EYE, IDENTITY, content, photograph
from support.segmenters import green
from venule.analysis.analyse import Networks
from venule.dicom.segmentation_read import decode_seg
from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.io import read_mask
from venule.image.nifti import decode_nifti, encode_nifti
from venule.image.outlines import decode_geojson
from venule.serve.app import About, create_app
from venule.serve.catalog import Library
from venule.serve.service import Service

nibabel: Any = pytest.importorskip("nibabel", reason="nibabel is not installed")

client, out = corrected.client, corrected.out
DISC = {"x": 30.0, "y": 50.0, "major_px": 8.0, "minor_px": 6.0, "angle": 0.5}


def _typed(client: TestClient, finish: Finish, name: str = "eye-0") -> str:
    """A photograph whose arteries are the upper rows of its mask, veins the lower, row 50 both."""
    id = opened(client, finish, name)
    part = np.random.default_rng(7).random((20, 30)) > 0.4
    send_stroke(client, id, part, left=30, top=40, base=0)
    types = np.zeros((96, 96), np.uint8)
    types[:51] |= 1
    types[50:] |= 2
    assert send_patch(client, id, "types", np.ones((96, 96), bool), types, 1).status_code == 200
    answer = client.post(f"/api/photographs/{id}/disc", json={"disc": DISC}, params={"base": 2})
    assert answer.status_code == 200
    return id


def _expected(out: Path) -> tuple[Mask, Mask, Mask]:
    mask = read_mask(out / "eye-0_mask.corrected.png")
    rows = np.arange(96)[:, None]
    return mask, mask & (rows <= 50), mask & (rows >= 50)


def _take(client: TestClient, id: str, content: bytes, base: int) -> Any:
    return client.post(
        f"/api/photographs/{id}/correction/file", content=content, params={"base": base}
    )


def _types(client: TestClient, id: str) -> Any:
    found = client.get(f"/api/photographs/{id}/types").content
    return np.frombuffer(found, np.uint8).reshape(96, 96)


def test_nibabel_reads_vessels_arteries_and_veins(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = _typed(client, finish)
    mask, artery, vein = _expected(out)
    nifti = client.get(f"/api/photographs/{id}/mask.nii.gz").content
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(nifti))
    labels = np.asarray(image.dataobj)[..., 0].T
    assert np.array_equal(labels > 0, mask)
    assert np.array_equal((labels == 2) | (labels == 4), artery)
    assert np.array_equal((labels == 3) | (labels == 4), vein)
    # The description that ITK-SNAP reads names every label.
    rows = client.get("/api/labels.txt").text.splitlines()
    named = {int(row.split()[0]): row.split('"')[1] for row in rows if not row.startswith("#")}
    assert named[2] == "Artery"
    assert set(np.unique(labels).tolist()) <= set(named)


def test_scikit_image_reads_the_pictures(client: TestClient, finish: Finish, out: Path) -> None:
    id = _typed(client, finish)
    mask, artery, vein = _expected(out)
    (out / "mask.png").write_bytes(client.get(f"/api/photographs/{id}/mask").content)
    read = skimage.io.imread(out / "mask.png")
    assert np.array_equal(read == 255, mask)
    assert set(np.unique(read).tolist()) == {0, 255}
    for picture in (client.get(f"/api/photographs/{id}/types.png").content, None):
        path = out / ("eye-0_av.corrected.png" if picture is None else "types.png")
        if picture is not None:
            path.write_bytes(picture)
        red, green_, blue = skimage.io.imread(path)[..., :3].transpose(2, 0, 1)
        assert np.array_equal((red | green_) > 0, artery)
        assert np.array_equal((blue | green_) > 0, vein)


def test_polygons_hold_the_pixels_as_scikit_image_tells(
    client: TestClient, finish: Finish, out: Path
) -> None:
    id = _typed(client, finish)
    mask, artery, vein = _expected(out)
    told = json.loads(client.get(f"/api/photographs/{id}/mask.geojson").content)
    names = [one["properties"]["classification"]["name"] for one in told["features"]]
    assert names == ["Vessel", "Artery", "Vein", "Optic disc"]
    rows, columns = np.mgrid[:96, :96]
    centers = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    for feature, expected in zip(told["features"], (mask, artery, vein), strict=False):
        inside = np.zeros(96 * 96, bool)
        for rings in feature["geometry"]["coordinates"]:
            for ring in rings:
                inside ^= points_in_poly(centers, np.asarray(ring))  # type: ignore[no-untyped-call]
        assert np.array_equal(inside.reshape(96, 96), expected)


@pytest.mark.parametrize("kind", ["mask", "types.png", "mask.nii.gz", "mask.geojson"])
def test_what_was_exported_is_taken_back(
    client: TestClient, finish: Finish, out: Path, kind: str
) -> None:
    id = _typed(client, finish)
    mask, _, _ = _expected(out)
    types = _types(client, id)
    exported = client.get(f"/api/photographs/{id}/{kind}").content
    send_stroke(client, id, np.zeros((96, 96), bool), left=0, top=0, base=3, tool="erase")
    gone = {"disc": None}
    client.post(f"/api/photographs/{id}/disc", json=gone, params={"base": 4})
    answer = _take(client, id, exported, 5)
    assert answer.json()["revision"] == 6
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), mask)
    if kind != "mask":
        assert np.array_equal(_types(client, id), types)
    line = (out / "eye-0_mask.corrected.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(line)["what"].startswith("import ")
    disc = client.get(f"/api/photographs/{id}").json()["found"]["disc"]
    if kind == "mask.geojson":
        near = {name: pytest.approx(value, abs=0.35) for name, value in DISC.items()}
        assert {name: disc[name] for name in DISC} == near
    else:
        assert disc is None


def test_a_mask_of_another_program_is_taken(client: TestClient, finish: Finish, out: Path) -> None:
    id = opened(client, finish)
    field = client.get(f"/api/photographs/{id}/field").content
    inside = np.frombuffer(field, np.uint8).reshape(96, 96) > 0
    mask = (np.random.default_rng(3).random((96, 96)) > 0.7) & inside
    saved = BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(saved, "TIFF")  # 0 and 1
    assert _take(client, id, saved.getvalue(), 0).json()["revision"] == 1
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), mask)
    labels = nibabel.Nifti1Image((~mask & inside).T[..., None].astype(np.int16) * 9, np.eye(4))
    assert _take(client, id, labels.to_bytes(), 1).json()["revision"] == 2
    assert np.array_equal(read_mask(out / "eye-0_mask.corrected.png"), ~mask & inside)


def _other_size() -> bytes:
    saved = BytesIO()
    Image.fromarray(np.zeros((90, 96), np.uint8)).save(saved, "PNG")
    return saved.getvalue()


def _photograph() -> bytes:
    saved = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)).save(
        saved, "PNG"
    )
    return saved.getvalue()


def _endless_number() -> bytes:
    ring = [[0, 0], [10**400, 0], [1, 1], [0, 0]]
    return json.dumps({"type": "Polygon", "coordinates": [ring]}).encode()


def _broken_zip() -> bytes:
    content = bytearray(encode_nifti(np.ones((96, 96), np.uint8)))
    content[14:40] = bytes(byte ^ 255 for byte in content[14:40])
    return bytes(content)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "empty"),
        (b"nothing of the kind", "not an image"),
        (b'{"type": "Feature"', "GeoJSON"),
        (b'{"type": "FeatureCollection", "features": []}', "no polygon"),
        (b'[{"geometry": {"type": "Polygon", "coordinates": [[["x"]]]}}]', "GeoJSON"),
        (b"[" * 100_000, "GeoJSON"),
        (_endless_number(), "GeoJSON"),
        (b"\x1f\x8b and no more", "NIfTI"),
        (_broken_zip(), "NIfTI"),
        (encode_nifti(np.zeros((9, 9), np.uint8)), "not 96 x 96"),
        (_other_size(), "96 x 90 px"),
        (_photograph(), "colours other than"),
        (content(photograph()), "no Segmentation"),
    ],
)
def test_what_is_no_mask_of_the_photograph_is_refused_and_nothing_changes(
    client: TestClient, finish: Finish, out: Path, file: bytes, why: str
) -> None:
    id = opened(client, finish)
    answer = _take(client, id, file, 0)
    assert answer.status_code == 400
    assert why in answer.json()["detail"]
    assert client.get(f"/api/photographs/{id}/correction").json()["revision"] == 0
    assert not (out / "eye-0_mask.corrected.png").exists()


def _images(seg: Any) -> list[Any]:
    """The source images of each frame."""
    frames = seg.PerFrameFunctionalGroupsSequence
    return [frame.DerivationImageSequence[0].SourceImageSequence for frame in frames]


@pytest.mark.parametrize("orientation", [["L", "F"], ["F", "R"]])
def test_a_dicom_segmentation_leaves_and_comes_back(finish: Finish, orientation: list[str]) -> None:
    made = photograph(PatientOrientation=orientation)
    service = Service(lambda: Networks(green(1)), groups=())
    client = TestClient(create_app(service, about=About("green", {}), door=DOOR), base_url=BASE)
    client.get(LINK)
    id = client.post("/api/photographs", content=content(made)).json()["id"]
    found: Any = finish(client, id, complete=True)["found"]
    assert found["from_dicom"]
    height, width = found["height"], found["width"]
    assert (height, width) == (EYE.shape[:2] if orientation == ["L", "F"] else EYE.shape[1::-1])
    part = np.random.default_rng(5).random((20, 30)) > 0.5
    send_stroke(client, id, part, left=30, top=40, base=0, width=width)
    where = np.zeros((height, width), bool)
    where[40:50, 30:60] = True
    send_patch(client, id, "types", where, 1, 1)
    client.post(f"/api/photographs/{id}/disc", json={"disc": DISC}, params={"base": 2})

    def mask() -> Any:
        answer = client.get(f"/api/photographs/{id}/mask").content
        return np.asarray(Image.open(BytesIO(answer))) > 0

    drawn = mask()
    exported = client.get(f"/api/photographs/{id}/mask.dcm").content
    seg = dcmread(BytesIO(exported))
    labels = [str(one.SegmentLabel) for one in seg.SegmentSequence]
    assert labels == ["Vessel", "Artery", "Vein", "Optic disc"]
    assert {str(one.SegmentAlgorithmType) for one in seg.SegmentSequence} == {"SEMIAUTOMATIC"}
    stored = seg.pixel_array[0] > 0
    # As pydicom reads it, in the grid of the stored frame: rows to the feet, columns to the right.
    upright = stored if orientation == ["L", "F"] else stored.T[:, ::-1]
    assert np.array_equal(upright, drawn)
    send_stroke(client, id, np.zeros_like(drawn), left=0, top=0, base=3, width=width)
    assert not mask().any()
    for instances in (seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence, *_images(seg)):
        instances[0].ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.9.7777.9"
    refused = _take(client, id, content(seg), 4)
    assert refused.status_code == 400
    assert "another photograph" in refused.json()["detail"]
    assert not mask().any()
    assert _take(client, id, exported, 4).json()["revision"] == 5
    assert np.array_equal(mask(), drawn)
    service.close()


@pytest.mark.parametrize("deidentify", [False, True])
def test_an_exported_segmentation_names_the_patient_unless_the_folder_was_predicted_without(
    tmp_path: Path, finish: Finish, deidentify: bool
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eye.dcm").write_bytes(content(photograph()))
    corrected.predict(tmp_path, deidentify=deidentify)
    library = Library(tmp_path / "out", tmp_path / "in")
    service = Service(lambda: Networks(green(1)), listed=library.items)
    client = TestClient(create_app(service, about=About("tiny", {}), door=DOOR), base_url=BASE)
    client.get(LINK)
    (item,) = library.items
    client.post(f"/api/photographs/{item.id}/analysis")
    finish(client, item.id)
    exported = client.get(f"/api/photographs/{item.id}/mask.dcm").content
    found = [value for value in IDENTITY.values() if value.encode() in exported]
    assert bool(found) is not deidentify, found
    assert (dcmread(BytesIO(exported)).PatientID == item.name) is deidentify
    assert _take(client, item.id, exported, 0).status_code == 200
    service.close()


def test_a_photograph_that_is_no_dicom_object_has_no_dicom_segmentation(
    client: TestClient, finish: Finish
) -> None:
    id = opened(client, finish)
    assert client.get(f"/api/photographs/{id}/mask.dcm").status_code == 404


def test_polygons_count_pixels_whose_centres_they_hold() -> None:
    ring = [[1, 1], [4, 1], [4, 3.4], [1, 3.6], [1, 1]]
    hole = [[2, 1.5], [3, 1.5], [3, 2.5], [2, 2.5], [2, 1.5]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring, hole]},
        "properties": {"classification": {"name": "vein"}},
    }
    (name, mask), *more = decode_geojson(json.dumps(feature).encode(), (5, 6)).items()
    assert (name, more) == ("Vein", [])
    expected = np.zeros((5, 6), bool)
    expected[1:3, 1:4] = True
    expected[3, 1:3] = True  # 3.5 lies under the slanted edge up to its middle, x = 2.5
    expected[1:3, 2] = [False, True]  # the hole holds the centre (2.5, 1.5) on its rim
    expected[3, 2] = False
    found = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    wanted = {(1, 1), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1)}
    assert found == wanted


def test_a_label_beyond_the_known_ones_is_a_vessel() -> None:
    labels = np.array([[0, 300, 7], [2, 0, 1]], np.int32)
    image = nibabel.Nifti1Image(labels.T[..., None], np.eye(4))
    found = decode_nifti(image.to_bytes(), (2, 3))
    assert found.tolist() == [[0, 1, 7], [2, 0, 1]]


def test_a_segmentation_of_another_size_is_refused() -> None:
    from support.dicom import MASK
    from venule.dicom.read import read_dicom
    from venule.dicom.segmentation import encode_seg

    source = read_dicom(content(photograph()), "eye").source
    for kind in ("binary", "fractional", "labelmap"):
        given = MASK.astype(np.float32) * 0.6 if kind == "fractional" else MASK
        seg = encode_seg(source, {"vessel": given}, kind=kind)
        assert np.array_equal(decode_seg(seg, MASK.shape)["vessel"], MASK)
        with pytest.raises(ImageError, match="stored with"):
            decode_seg(seg, (MASK.shape[0] + 1, MASK.shape[1]))
