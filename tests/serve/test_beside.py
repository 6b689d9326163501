from contextlib import closing
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sklearn.metrics import f1_score, recall_score

from serve.conftest import BASE, DOOR, LINK, Finish, png
from support.segmenters import green
from venule.batch.tables import Tables
from venule.errors import UsageError
from venule.image.arrays import RGB
from venule.image.io import write_probability
from venule.serve.app import About, create_app
from venule.serve.beside import Beside, MapFolder
from venule.serve.service import Service


def _client(service: Service, beside: Beside) -> TestClient:
    app = create_app(service, about=About("green", {"green": "CC0"}), door=DOOR, beside=beside)
    client = TestClient(app, base_url=BASE)
    client.get(LINK)
    return client


def _sent(client: TestClient, photograph: bytes, finish: Finish, name: str = "eye.png") -> str:
    id = client.post(f"/api/photographs?name={name}", content=photograph).json()["id"]
    assert finish(client, id)["state"] == "done"
    return str(id)


def _levels(client: TestClient, address: str) -> np.ndarray:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    shape = int(answer.headers["X-Height"]), int(answer.headers["X-Width"])
    return np.frombuffer(answer.content, "<u2").reshape(shape)


def test_another_network_is_looked_at_beside(
    service: Service, photograph: bytes, fundus: RGB, finish: Finish
) -> None:
    other = green(1).with_settings(threshold=0.3)
    client = _client(
        service, Beside(service, models={"green": lambda: green(1), "b": lambda: other})
    )
    id = _sent(client, photograph, finish)
    choices = client.get(f"/api/photographs/{id}/others").json()
    used = service.analysis(id).model
    assert [one["name"] for one in choices] == [n for n in ("green", "b") if n != used]
    found = _levels(client, f"/api/photographs/{id}/others/model-b/map")
    assert np.array_equal(found, other.segment(fundus).vessel_map.levels)
    compared = client.get(f"/api/photographs/{id}/others/model-b").json()
    assert compared["threshold"] == 0.3
    own, fov = service.analysis(id).prediction.vessels, service.analysis(id).prediction.fov.mask
    truth = other.segment(fundus).vessels
    assert compared["dice"] == pytest.approx(f1_score(truth[fov], own[fov]))
    assert compared["sensitivity"] == pytest.approx(recall_score(truth[fov], own[fov]))


def test_a_mask_that_is_sent_is_looked_at_beside(
    service: Service, photograph: bytes, fundus: RGB, finish: Finish
) -> None:
    client = _client(service, Beside(service))
    id = _sent(client, photograph, finish)
    truth = np.zeros(fundus.shape[:2], np.uint8)
    truth[20:40, 30:60] = 255
    sent = BytesIO()
    Image.fromarray(truth).save(sent, "GIF")
    made = client.post(f"/api/photographs/{id}/others?name=../truth.gif", content=sent.getvalue())
    assert made.status_code == 201
    assert made.json()["name"] == "truth.gif"
    key = made.json()["key"]
    assert np.array_equal(_levels(client, f"/api/photographs/{id}/others/{key}/map") > 0, truth > 0)
    assert [one["key"] for one in client.get(f"/api/photographs/{id}/others").json()] == [key]


@pytest.mark.parametrize(
    ("content", "status"), [(b"nothing", 415), (png(np.zeros((9, 9, 3), np.uint8)), 400)]
)
def test_what_is_no_map_of_the_photograph_is_refused(
    service: Service, photograph: bytes, finish: Finish, content: bytes, status: int
) -> None:
    client = _client(service, Beside(service))
    id = _sent(client, photograph, finish)
    answer = client.post(f"/api/photographs/{id}/others", content=content)
    assert answer.status_code == status
    assert client.get(f"/api/photographs/{id}/others").json() == []


@pytest.mark.parametrize("key", ["model-x", "folder-0", "folder-7", "file-1"])
def test_nothing_else_can_be_asked_for(
    service: Service, photograph: bytes, finish: Finish, key: str
) -> None:
    client = _client(service, Beside(service))
    id = _sent(client, photograph, finish)
    assert client.get(f"/api/photographs/{id}/others/{key}").status_code == 404
    assert client.get(f"/api/photographs/{id}/others/{key}/map").status_code == 404


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_maps_are_found_by_the_names_of_their_photographs(tmp_path: Path) -> None:
    names = ("21_manual1.gif", "22_manual1.gif", "Image_01L_1stHO.png", "Image_01R_1stHO.png")
    _touch(tmp_path, *names, "a/eye_prob.png", "a/eye_mask.png", "b/eye.png", "5_x.png", "5_y.png")
    maps = MapFolder(tmp_path)

    def found(name: str, *names: str) -> str | None:
        path = maps.find(name, names)
        return None if path is None else path.relative_to(tmp_path).as_posix()

    assert found("21_training") == "21_manual1.gif"
    assert found("21_training.tif") == "21_manual1.gif"
    assert found("Image_01L") == "Image_01L_1stHO.png"
    assert found("a/eye") == "a/eye_prob.png"
    assert found("b/eye") == "b/eye.png"
    assert found("5_z") is None  # two of them begin so
    assert found("a/eye", "b/eye") == "a/eye_prob.png"
    assert found("23_training") is None
    with pytest.raises(UsageError, match="no such folder"):
        MapFolder(tmp_path / "none")


@pytest.mark.parametrize(
    ("file", "owner", "others"),
    [
        ("Image_01L_1stHO.png", "Image_01L", ["Image_09R", "Image_14L"]),
        ("21_L_manual1.gif", "21_L", ["21_R"]),
        ("eye_2.png", "eye_2", ["eye"]),
        ("21_manual1.gif", "", ["21_left", "21_right"]),
        ("1.png", "", ["left/1", "right/1"]),
        ("Image_01L_1stHO.png", "", ["Image_09R.jpg"]),
    ],
)
def test_a_map_of_another_photograph_is_not_looked_at(
    tmp_path: Path, file: str, owner: str, others: list[str]
) -> None:
    _touch(tmp_path, file)
    maps = MapFolder(tmp_path)
    names = [*others, owner] if owner else others
    assert [name for name in names if maps.find(name, names)] == [owner] * bool(owner)


def test_a_folder_of_maps_is_looked_at_beside(
    service: Service, photograph: bytes, fundus: RGB, finish: Finish, tmp_path: Path
) -> None:
    stored = (7 * np.arange(fundus[..., 0].size)).reshape(fundus.shape[:2])  # below 65536
    probability = (stored / 65535).astype(np.float32)
    (tmp_path / "maps").mkdir()
    write_probability(tmp_path / "maps" / "eye_prob.png", probability)
    client = _client(service, Beside(service, folders=[MapFolder(tmp_path / "maps")]))
    id = _sent(client, photograph, finish)
    (choice,) = client.get(f"/api/photographs/{id}/others").json()
    assert choice == {"key": "folder-0", "name": "maps", "kind": "map"}
    found = _levels(client, f"/api/photographs/{id}/others/folder-0/map")
    assert np.array_equal(found, stored)


def test_results_of_several_classes_have_the_largest_of_their_thresholds(tmp_path: Path) -> None:
    with closing(Tables(tmp_path / ".venule.sqlite")) as tables, tables.transaction():
        tables.keep_settings({"threshold": {"artery": 0.4, "vein": 0.6}})
    assert MapFolder(tmp_path).threshold == 0.6


def test_maps_that_are_not_used_are_let_go_of(
    service: Service,
    photograph: bytes,
    fundus: RGB,
    finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("venule.serve.beside._KEPT_BYTES", 2 * 2 * fundus[..., 0].size)
    client = _client(service, Beside(service))
    id = _sent(client, photograph, finish)
    mask = png(np.zeros_like(fundus))
    keys = [
        client.post(f"/api/photographs/{id}/others", content=mask).json()["key"] for _ in range(3)
    ]
    left = [one["key"] for one in client.get(f"/api/photographs/{id}/others").json()]
    assert left == keys[1:]
    assert client.get(f"/api/photographs/{id}/others/{keys[0]}").status_code == 404
