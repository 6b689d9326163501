import os
import shutil
import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import ExifTags, Image

from serve.conftest import BASE, DOOR, LINK, Finish, client_of
from serve.corrected import client_on, opened, send_stroke
from support.dicom import content, photograph
from support.networks import write_network
from support.segmenters import green
from venule.analysis.analyse import Networks
from venule.batch.predict import predict_folder
from venule.batch.tables import Tables
from venule.dicom.pseudonym import pseudonym
from venule.errors import UsageError
from venule.image.io import read_mask
from venule.image.photograph import read_photograph
from venule.models.record import ClassRecord, ModelRecord
from venule.serve.app import About, create_app
from venule.serve.beside import Beside, MapFolder
from venule.serve.catalog import Library, opaque
from venule.serve.corrections import Corrections
from venule.serve.pictures import thumbnail, thumbnail_of
from venule.serve.service import Service
from venule.synth.fundus import synthesize_fundus


def _no_networks() -> Networks:
    raise AssertionError("no network is needed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for seed in range(3):
        image = synthesize_fundus(seed, size_px=96).image
        Image.fromarray(image).save(tmp_path / "in" / f"eye-{seed}.png")
    return tmp_path / "in"


def test_a_folder_of_photographs_is_listed_at_once_and_analysed_when_opened(
    folder: Path, finish: Finish
) -> None:
    library = Library(folder)
    service = Service(lambda: Networks(green(1)), listed=library.items)
    client = client_of(service)
    page = client.get("/api/photographs").json()
    assert [one["name"] for one in page["entries"]] == ["eye-0", "eye-1", "eye-2"]
    assert {one["state"] for one in page["entries"]} == {"listed"}
    id = page["entries"][1]["id"]
    assert client.get(f"/api/photographs/{id}/image").status_code == 404
    assert client.post(f"/api/photographs/{id}/analysis").status_code == 202
    assert finish(client, id)["state"] == "done"
    content = client.get(f"/api/photographs/{id}/probability").content
    expected = green(1).segment(folder / "eye-1.png").vessel_map.levels
    assert np.array_equal(np.frombuffer(content, "<u2").reshape(96, 96), expected)
    assert not list(folder.parent.glob("**/.venule*"))  # looking leaves nothing behind
    service.close()


def test_results_are_opened_without_a_network(folder: Path, finish: Finish) -> None:
    (folder / "broken.png").write_bytes(b"no photograph")
    network = write_network(folder.parent / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    out = folder.parent / "out"
    predict_folder(folder, out, model=network, outputs=("prob", "mask"), engine="inline")
    library = Library(out)
    service = Service(_no_networks, listed=library.items, groups=("measure",))
    client = client_of(service)
    entries = {one["name"]: one for one in client.get("/api/photographs").json()["entries"]}
    assert entries["broken"]["state"] == "failed"
    assert entries["broken"]["reason"]
    assert entries["eye-2"]["grade"] in ("ok", "usable", "reject")
    id = entries["eye-2"]["id"]
    client.post(f"/api/photographs/{id}/analysis")
    found = finish(client, id, complete=True)
    assert found["state"] == "done"
    mask = client.get(f"/api/photographs/{id}/mask").content
    (folder.parent / "again.png").write_bytes(mask)
    expected = read_mask(out / "eye-2_mask.png")
    assert np.array_equal(read_mask(folder.parent / "again.png"), expected)
    shutil.rmtree(folder)
    other = entries["eye-0"]["id"]
    client.post(f"/api/photographs/{other}/analysis")
    assert "not where it was predicted" in str(finish(client, other)["reason"])
    service.close()


def test_results_of_elsewhere_are_opened_where_the_photographs_lie_now(
    folder: Path, finish: Finish
) -> None:
    network = write_network(folder.parent / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    out, here = folder.parent / "out", folder.parent / "here"
    predict_folder(folder, out, model=network, outputs=("prob", "mask"), engine="inline")
    (here / "deeper").mkdir(parents=True)
    (folder / "eye-0.png").rename(here / "eye-0.png")
    (folder / "eye-1.png").rename(here / "deeper" / "eye-1.png")
    shutil.rmtree(folder)
    library = Library(out, here)
    service = Service(_no_networks, listed=library.items)
    client = client_of(service)
    for item, there in zip(library.items, (True, True, False), strict=True):
        client.post(f"/api/photographs/{item.id}/analysis")
        assert (finish(client, item.id)["state"] == "done") == there
    assert library.places[library.items[1].id] == here / "deeper" / "eye-1.png"
    service.close()
    with pytest.raises(UsageError, match="no such folder"):
        Library(out, folder)


def test_a_photograph_of_a_name_that_others_share_is_not_taken_for_one_of_them(
    folder: Path,
) -> None:
    for side, seed in (("left", 0), ("right", 1)):
        (folder / side).mkdir()
        (folder / f"eye-{seed}.png").rename(folder / side / "1.png")
    network = write_network(folder.parent / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    out, here = folder.parent / "out", folder.parent / "here"
    predict_folder(folder, out, model=network, outputs=("mask",), engine="inline")
    (here / "deeper").mkdir(parents=True)
    folder.rename(here / "deeper" / "in")
    assert _found(out, here) == {"eye-2": here / "deeper" / "in" / "eye-2.png"}
    (here / "deeper" / "in" / "right" / "1.png").unlink()
    assert _found(out, here) == {"eye-2": here / "deeper" / "in" / "eye-2.png"}


def _found(out: Path, photographs: Path) -> dict[str, Path]:
    """The photographs that are there, by the names of their results."""
    library = Library(out, photographs)
    places = {item.name: library.places[item.id] for item in library.items}
    return {name: place for name, place in places.items() if place.is_file()}


def test_what_has_not_been_predicted_yet_is_analysed_when_it_is_opened(
    folder: Path, finish: Finish
) -> None:
    network = write_network(folder.parent / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    out = folder.parent / "out"
    predict_folder(folder, out, model=network, outputs=("prob", "mask"), engine="inline")
    (ledger,) = out.glob(".venule*.sqlite")
    with closing(sqlite3.connect(ledger)) as base:
        base.execute("UPDATE files SET status = 'pending' WHERE name = 'eye-1'")
        base.commit()
    library = Library(out)
    service = Service(lambda: Networks(green(1)), listed=library.items)
    client = client_of(service)
    id = library.items[1].id
    client.post(f"/api/photographs/{id}/analysis")
    assert finish(client, id)["state"] == "done"
    expected = green(1).segment(folder / "eye-1.png").vessels
    assert np.array_equal(service.analysis(id).prediction.vessels, expected)
    service.close()


def _predicted(folder: Path, threshold: float, **more: Any) -> Path:
    name = f"at-{threshold}"
    record = ModelRecord(name=name, model="tiny", classes=(ClassRecord(threshold=threshold),))
    network = write_network(folder.parent / f"{name}.onnx", record)
    out = folder.parent / "out"
    predict_folder(
        folder,
        out,
        model=network,
        outputs=("prob", "mask"),
        columns=("quality", "file", "measure"),
        engine="inline",
        **more,
    )
    return out


def test_results_that_are_predicted_again_are_read_again(folder: Path, finish: Finish) -> None:
    out = _predicted(folder, 0.5)
    client = client_on(out)
    table = client.get("/api/measurements.csv").text
    id = opened(client, finish)
    part = np.ones((2, 2), bool)
    _predicted(folder, 0.3, overwrite=True)
    assert send_stroke(client, id, part, left=40, top=40, base=0).status_code == 409
    again = client_on(out).get("/api/measurements.csv").text
    assert again != table
    assert client.get("/api/measurements.csv").text == again
    other = opened(client, finish, "eye-1")
    found = client.get(f"/api/photographs/{other}").json()["found"]
    assert (found["model"], found["threshold"]) == ("at-0.3", 0.3)
    assert opened(client, finish) == id
    assert client.get("/api/measurements.csv").text == again
    assert send_stroke(client, id, part, left=40, top=40, base=0).status_code == 200
    client.close()


def test_what_is_open_is_kept_and_nothing_else_opened_while_results_are_written(
    folder: Path, finish: Finish
) -> None:
    out = _predicted(folder, 0.5)
    client = client_on(out)
    id = opened(client, finish)
    (ledger,) = out.glob(".venule*.sqlite")
    with closing(Tables(ledger)) as tables:
        with tables.transaction():
            tables.renew("eye-1", ())
        assert client.post(f"/api/photographs/{id}/analysis").json()["state"] == "done"
        entries = client.get("/api/photographs").json()["entries"]
        refused = client.post(f"/api/photographs/{entries[1]['id']}/analysis")
        assert refused.status_code == 409
        assert "wait for venule predict" in refused.json()["detail"]
        assert client.get("/api/measurements.csv").status_code == 409
    assert client.get("/api/measurements.csv").status_code == 200
    client.close()


def test_a_photograph_that_is_no_longer_among_the_results_fails_with_that_reason(
    folder: Path, finish: Finish
) -> None:
    out = _predicted(folder, 0.5)
    client = client_on(out)
    id = opened(client, finish)
    shutil.rmtree(out)
    (folder / "eye-0.png").unlink()
    _predicted(folder, 0.5)
    client.post(f"/api/photographs/{id}/analysis")
    assert "no longer among the results" in str(finish(client, id)["reason"])
    client.close()


def test_ids_stay_from_start_to_start_and_tell_no_name(folder: Path) -> None:
    first, second = Library(folder), Library(folder)
    assert [one.id for one in first.items] == [one.id for one in second.items]
    assert "eye" not in first.items[0].id


def test_photographs_of_the_same_name_in_two_folders_have_different_ids(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "other")
    (folder.parent / "link").symlink_to(folder)
    here, other, link = (
        {item.id for item in Library(folder.parent / name).items}
        for name in ("in", "other", "link")
    )
    assert not here & other
    assert here == link


def test_a_broken_dicom_object_is_named_by_its_pseudonym(folder: Path, finish: Finish) -> None:
    short = content(photograph())[:2000]
    (folder / "DOE_JANE").write_bytes(short)
    library = Library(folder)
    service = Service(lambda: Networks(green(1)), listed=library.items)
    client = TestClient(create_app(service, about=About("green", {}), door=DOOR), base_url=BASE)
    client.get(LINK)
    (entry,) = client.get(f"/api/photographs?search={pseudonym(short)}").json()["entries"]
    client.post(f"/api/photographs/{entry['id']}/analysis")
    reason = str(finish(client, entry["id"])["reason"])
    assert reason.startswith(f"{pseudonym(short)}: broken or truncated DICOM file")
    assert "DOE" not in reason
    service.close()


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_of_any_bytes_are_listed_opened_compared_and_in_tables(
    folder: Path, finish: Finish
) -> None:
    name = os.fsdecode(b"eye-\xe9")
    (folder / "eye-0.png").rename(folder / f"{name}.png")
    (folder / f"{name}-broken.png").write_bytes(b"no photograph")
    maps = folder.parent / name
    maps.mkdir()
    Image.fromarray(np.zeros((96, 96), np.uint8)).save(maps / f"{name}.png")
    network = write_network(folder.parent / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    out = folder.parent / "out"
    predict_folder(folder, out, model=network, outputs=("prob", "mask"), engine="inline")
    for place in (folder, out):
        library = Library(place)
        service = Service(
            lambda: Networks(green(1)), listed=library.items, groups=("quality", "measure")
        )
        app = create_app(
            service,
            about=About("green", {}),
            door=DOOR,
            places=library.places,
            corrections=Corrections(service, library.corrections),
            beside=Beside(service, folders=[MapFolder(maps)]),
        )
        client = TestClient(app, base_url=BASE)
        client.get(LINK)
        entries = client.get("/api/photographs?search=xe9").json()["entries"]
        ids = {one["name"]: one["id"] for one in entries} | {
            one["name"]: one["id"] for one in client.get("/api/photographs").json()["entries"]
        }
        id, broken = ids["eye-\\udce9"], ids["eye-\\udce9-broken"]
        for one in (id, broken):
            client.post(f"/api/photographs/{one}/analysis")
        assert finish(client, id, complete=True)["state"] == "done"
        assert "udce9-broken" in str(finish(client, broken)["reason"])
        (choice,) = client.get(f"/api/photographs/{id}/others").json()
        assert choice["name"] == "eye-\\udce9"
        assert client.get(f"/api/photographs/{id}/others/folder-0").json()["dice"] == 0
        for part in ("image", "thumbnail", "mask", "mask.nii.gz", "mask.geojson", "correction"):
            assert client.get(f"/api/photographs/{id}/{part}").status_code == 200
        for table in ("/api/measurements.csv", f"/api/photographs/{id}/measurements.csv"):
            assert "eye-\\udce9," in client.get(table).text
        saved = send_stroke(client, id, np.ones((2, 2), bool), left=40, top=40, base=0).json()
        assert saved["saved"] == ("eye-\\udce9_mask.corrected.png" if place == out else None)
        service.close()


def _client_on(folder: Path) -> tuple[TestClient, Service, str]:
    """A client of a folder's service, and its first photograph's id."""
    library = Library(folder)
    service = Service(lambda: Networks(green(1)), listed=library.items)
    app = create_app(service, about=About("green", {}), door=DOOR, places=library.places)
    client = TestClient(app, base_url=BASE)
    client.get(LINK)
    return client, service, library.items[0].id


def test_a_thumbnail_of_a_listed_photograph_needs_no_analysis(folder: Path) -> None:
    client, service, id = _client_on(folder)
    with Image.open(BytesIO(client.get(f"/api/photographs/{id}/thumbnail").content)) as small:
        assert small.size == (72, 72)
    assert service.get(id).state == "listed"
    service.close()


@pytest.mark.parametrize("part", ["image?view=green", "tiles/0/0/0", "thumbnail"])
def test_a_browser_shows_no_kept_picture_of_a_photograph_that_was_replaced(
    folder: Path, finish: Finish, part: str
) -> None:
    kept: dict[str, str] = {}
    seen = set()
    for replacement in ("eye-0.png", "eye-1.png"):
        (folder / replacement).replace(folder / "eye-0.png")
        client, service, id = _client_on(folder)
        client.post(f"/api/photographs/{id}/analysis")
        finish(client, id)
        answer = client.get(f"/api/photographs/{id}/{part}", headers=kept)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, no-cache"
        seen.add((answer.url, answer.content))
        kept = {"If-None-Match": answer.headers["ETag"]}
        again = client.get(f"/api/photographs/{id}/{part}", headers=kept)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == answer.headers["ETag"]
        service.close()
    (first, _), (second, _) = seen
    assert first == second  # the pictures differ, their address does not


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_thumbnail_is_turned_as_the_photograph_is(tmp_path: Path, orientation: int) -> None:
    quarters = np.array([[[200, 80, 30], [30, 80, 200]], [[0, 0, 0], [9, 99, 9]]], np.uint8)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = Image.fromarray(quarters).resize((400, 200), Image.Resampling.NEAREST)
    stored.save(tmp_path / "eye.jpg", exif=exif)
    photograph = read_photograph(tmp_path / "eye.jpg").pixels
    found, expected = (
        np.asarray(Image.open(BytesIO(made))).astype(int)
        for made in (thumbnail_of(tmp_path / "eye.jpg"), thumbnail(photograph))
    )
    assert found.shape == expected.shape == ((36, 72, 3) if orientation < 5 else (72, 36, 3))
    assert np.abs(found - expected).mean() < 3


def test_a_file_that_was_replaced_has_another_thumbnail_at_once(folder: Path) -> None:
    client, service, id = _client_on(folder)
    address = f"/api/photographs/{id}/thumbnail"
    before = client.get(address)
    Image.fromarray(synthesize_fundus(9, size_px=96).image).save(folder / "eye-0.png")
    after = client.get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.content != before.content
    service.close()


def test_ten_thousand_photographs_are_listed_page_by_page() -> None:
    from venule.serve.items import Item

    names = {opaque(Path("in"), f"{n:05}"): f"{n:05}" for n in range(10_000)}
    items = [
        Item(id=id, name=name, open=lambda networks: None, uploaded=False)  # type: ignore[arg-type, return-value]
        for id, name in names.items()
    ]
    service = Service(_no_networks, listed=items)
    client = client_of(service)
    page = client.get("/api/photographs?offset=9900&limit=100").json()
    assert page["total"] == 10_000
    assert [page["entries"][0]["name"], page["entries"][-1]["name"]] == ["09900", "09999"]
    assert client.get("/api/photographs?search=0123").json()["total"] == 11
    service.close()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Library(tmp_path / "nothing")
