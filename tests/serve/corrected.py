"""Results of a network that needs no training, and a client that corrects them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from serve.conftest import BASE, DOOR, LINK, Finish
from support.networks import write_network
from venule.analysis.analyse import Networks
from venule.batch.predict import predict_folder
from venule.image.arrays import Mask
from venule.models.record import ModelRecord
from venule.serve.app import About, create_app
from venule.serve.catalog import Library
from venule.serve.corrections import Corrections
from venule.serve.limits import Limits
from venule.serve.service import Service
from venule.synth.fundus import synthesize_fundus

WIDTH = 96
"""Of the photographs, in pixels."""


def _no_networks() -> Networks:
    raise AssertionError("no network is needed")


def results(folder: Path) -> Path:
    """Results of two photographs, in folder/out."""
    (folder / "in").mkdir()
    for seed in range(2):
        Image.fromarray(synthesize_fundus(seed, size_px=96).image).save(
            folder / "in" / f"eye-{seed}.png"
        )
    predict(folder)
    return folder / "out"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Results of two photographs."""
    return results(tmp_path)


@pytest.fixture
def client(out: Path) -> Iterator[TestClient]:
    """A client that corrects them."""
    made = client_on(out)
    yield made
    made.close()


def predict(folder: Path, **more: Any) -> None:
    """Predict folder/in to folder/out."""
    network = write_network(folder / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))
    outputs = ("prob", "mask")
    predict_folder(
        folder / "in", folder / "out", model=network, outputs=outputs, engine="inline", **more
    )


def client_on(out: Path, who: str = "Ada", rest_s: float = 0.01) -> TestClient:
    """A client of a service of a folder of results, which has opened the page."""
    library = Library(out)
    limits = Limits(rest_s=rest_s)
    service = Service(
        _no_networks,
        limits=limits,
        listed=library.items,
        renewed=library.renewed,
        groups=("measure",),
    )
    app = create_app(
        service,
        about=About("tiny", {}),
        door=DOOR,
        corrections=Corrections(service, library.corrections, who),
    )
    client = TestClient(app, base_url=BASE)
    client.get(LINK)
    return client


def opened(client: TestClient, finish: Finish, name: str = "eye-0") -> str:
    """The id of a photograph of that name, which has been opened and measured."""
    entries = client.get("/api/photographs").json()["entries"]
    id = next(str(one["id"]) for one in entries if one["name"] == name)
    client.post(f"/api/photographs/{id}/analysis")
    assert finish(client, id, complete=True)["state"] == "done"
    return id


def send_stroke(
    client: TestClient,
    id: str,
    part: Mask,
    *,
    left: int,
    top: int,
    base: int,
    tool: str = "brush",
    width: int = WIDTH,
) -> Any:
    """The answer to a stroke that sets a rectangle of the mask of a photograph of that width."""
    rows, columns = np.nonzero(np.ones_like(part))
    places = (rows + top) * width + columns + left
    return _send(client, id, places, part.ravel().astype("u1"), "mask", base, tool)


def send_patch(client: TestClient, id: str, layer: str, where: Mask, values: Any, base: int) -> Any:
    """The answer to values of some pixels of a layer."""
    kind = "u1" if layer == "types" else "<u2"
    given = np.broadcast_to(np.asarray(values, kind), where.shape)[where]
    tool = "type" if layer == "types" else "likelier"
    return _send(client, id, np.flatnonzero(where), given, layer, base, tool)


def _send(
    client: TestClient, id: str, places: Any, values: Any, layer: str, base: int, tool: str
) -> Any:
    """Each pixel is a run of its own."""
    runs = np.stack([places, np.ones_like(places)], axis=1).astype("<u4")
    content = len(places).to_bytes(4, "little") + runs.tobytes() + values.tobytes()
    query: dict[str, str | int] = {"layer": layer, "base": base, "tool": tool}
    return client.post(f"/api/photographs/{id}/strokes", params=query, content=content)
