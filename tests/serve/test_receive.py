"""Request bodies: too long, too slow, broken off, or with values that JSON lacks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from serve.conftest import BASE, DOOR, client_of
from support.segmenters import green
from venule.analysis.analyse import Networks
from venule.serve.app import About, create_app
from venule.serve.limits import Limits
from venule.serve.service import Service

BODIES = [
    "/api/photographs",
    "/api/photographs/abcdefghij/strokes?base=0",
    "/api/photographs/abcdefghij/correction/file?base=0",
    "/api/photographs/abcdefghij/disc?base=0",
    "/api/photographs/abcdefghij/path",
    "/api/measurements.csv",
]
"""Routes that read a body, as bytes or as JSON."""


def _statuses(limits: Limits, path: str, receive: Callable[[], Awaitable[Message]]) -> list[int]:
    """The statuses of the answers to a POST whose body is received so; none if it has none."""
    service = Service(lambda: Networks(green(1)), limits=limits)
    app = create_app(service, about=About("green", {}), door=DOOR)
    path, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", BASE.removeprefix("http://").encode()),
            (b"authorization", f"Bearer {DOOR.secret}".encode()),
            (b"content-type", b"application/json"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    statuses = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    asyncio.run(app(scope, receive, send))
    service.close()
    return statuses


@pytest.mark.parametrize("path", BODIES)
def test_a_body_that_is_broken_off_raises_nothing(path: str, limits: Limits) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    assert _statuses(limits, path, receive) == [400]


@pytest.mark.parametrize("path", BODIES)
def test_a_body_that_takes_too_long_is_refused(path: str, limits: Limits) -> None:
    left = iter(range(100))

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": next(left, None) is not None}

    assert _statuses(replace(limits, upload_s=0.1), path, receive) == [408]


@pytest.mark.parametrize("path", BODIES)
def test_a_body_that_is_too_long_is_refused(path: str, limits: Limits) -> None:
    service = Service(lambda: Networks(green(1)), limits=replace(limits, upload_bytes=1000))
    client = client_of(service)
    headers = {"content-type": "application/json"}

    def parts() -> Iterator[bytes]:
        yield from (b" " * 600, b" " * 600)

    for content in (b" " * 1001, parts()):
        answer = client.post(path, content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["detail"].startswith("larger than ")
    assert client.post(path, content=b" " * 1000, headers=headers).status_code not in (408, 413)
    service.close()


def test_a_disc_of_nan_is_refused(client: TestClient) -> None:
    drawn = b'{"disc": {"x": NaN, "y": 1, "major_px": 2, "minor_px": Infinity, "angle": 0}}'
    answer = client.post(
        "/api/photographs/abcdefghij/disc?base=0",
        content=drawn,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    first = answer.json()["detail"][0]
    assert first["loc"] == ["body", "disc", "x"]
    assert first["msg"] == "Input should be a finite number"
