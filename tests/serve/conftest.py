"""A service with a network that needs no training, and a client of it."""

import time
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from PIL import Image

from support.segmenters import green
from venule.analysis.analyse import Networks
from venule.image.arrays import RGB
from venule.synth.fundus import synthesize_fundus

pytest.importorskip("fastapi", reason="the service is not installed: pip install 'venule[web]'")

from fastapi.testclient import TestClient

from venule.serve.app import About, create_app
from venule.serve.door import Door
from venule.serve.limits import Limits
from venule.serve.service import Service

BASE = "http://127.0.0.1:8000"
DOOR = Door()
LINK = f"/?token={DOOR.secret}"
"""Of the printed address, which starts a session."""


def png(pixels: RGB) -> bytes:
    """The pixels as a PNG file."""
    encoded = BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


@pytest.fixture(scope="session")
def fundus() -> RGB:
    return synthesize_fundus(0, size_px=96).image


@pytest.fixture(scope="session")
def photograph(fundus: RGB) -> bytes:
    return png(fundus)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service(lambda: Networks(green(1)), groups=("quality", "measure"))
    yield made
    made.close()


def client_of(service: Service, door: Door = DOOR, base: str = BASE) -> TestClient:
    """A client that has opened the page."""
    app = create_app(service, about=About("green", {"green": "CC0"}), door=door)
    client = TestClient(app, base_url=base)
    client.get(f"/?token={door.secret}")
    return client


@pytest.fixture
def client(service: Service) -> TestClient:
    return client_of(service)


Finish = Callable[..., dict[str, object]]


def wait_for(client: TestClient, id: str, *, complete: bool = False) -> dict[str, object]:
    """Wait until a photograph is done or failed, with `complete` until it is measured too."""
    for _ in range(600):
        found: dict[str, object] = client.get(f"/api/photographs/{id}").json()
        over = found["state"] not in ("waiting", "running")
        if over and (found["complete"] or not complete):
            return found
        time.sleep(0.05)
    raise AssertionError(f"not finished: {found}")


@pytest.fixture
def finish() -> Finish:
    return wait_for


@pytest.fixture
def limits() -> Limits:
    return Limits()
