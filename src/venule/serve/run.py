"""Start the service: networks, folder, address, browser."""

import json
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from venule.analysis.analyse import Networks, Step
from venule.analysis.columns import COLUMNS
from venule.analysis.marks import LANDMARKS, LANDMARKS_MODEL, TYPES, TYPES_MODEL
from venule.errors import UsageError
from venule.inference.load import load, shipped_marks, shipped_weights
from venule.serve.app import About, create_app
from venule.serve.beside import Beside, MapFolder
from venule.serve.catalog import Library
from venule.serve.corrections import Corrections
from venule.serve.door import Door
from venule.serve.limits import Limits
from venule.serve.service import Service

STARTS_WITHIN_S = 30


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Settings of the service."""

    folder: Path | None = None
    model: str
    host: str = "127.0.0.1"
    port: int = 8765
    example: bool = False
    who: str = ""
    compare: tuple[Path, ...] = ()
    photographs: Path | None = None
    limits: Limits = field(default_factory=Limits)


def build(serving: Serving, door: Door) -> FastAPI:
    """Create the application.

    Raises:
        UsageError, WeightsError, OutputError: the folder or the weights cannot be used.
    """
    networks = Networks(load(serving.model))  # warnings and errors appear now, not in the worker
    library = Library(serving.folder, serving.photographs) if serving.folder is not None else None

    service = Service(
        lambda: networks,
        limits=serving.limits,
        listed=library.items if library is not None else (),
        renewed=library.renewed if library is not None else tuple,
        later=later_steps(),
        groups=tuple(COLUMNS),
    )
    if serving.example:
        service.add(_example(), "example.png")
    return create_app(
        service,
        about=About(serving.model, _licences()),
        door=door,
        places=library.places if library is not None else {},
        corrections=Corrections(
            service, library.corrections if library is not None else {}, serving.who
        ),
        beside=Beside(
            service,
            models={name: partial(load, name) for name in shipped_weights()},
            folders=[MapFolder(folder) for folder in serving.compare],
        ),
    )


def later_steps() -> tuple[Step, ...]:
    """The steps after the vessels for which this installation has networks."""
    steps = {LANDMARKS_MODEL: LANDMARKS, TYPES_MODEL: TYPES}  # the faster one first
    have = shipped_marks()
    return tuple(step for name, step in steps.items() if name in have)


def _licences() -> dict[str, str]:
    """The licence of each shipped model, from its card."""
    licences = {}
    for name, path in shipped_weights().items():
        card = path.with_suffix(".json")
        text = card.read_text(encoding="utf-8") if card.is_file() else "{}"
        licences[name] = str(json.loads(text).get("weights", {}).get("licence", ""))
    return licences


def _example() -> bytes:
    """scikit-image's retinal photograph, which is in the public domain (CC0)."""
    from skimage.data import retina

    from venule.image.encode import encode_rgb

    return encode_rgb(retina())  # type: ignore[no-untyped-call]


def serve(
    serving: Serving,
    *,
    opened: Callable[[str], None],
    browser: bool,
) -> None:
    """Serve until stopped; `opened` is called with the address.

    Raises:
        UsageError: the address cannot be used.
    """
    listening = _listen(serving.host, serving.port)
    port = listening.getsockname()[1]
    door = Door(host=serving.host, port=port)
    app = build(serving, door)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_keep_alive=75
    )
    server = uvicorn.Server(config)
    opened(door.url)
    if browser:
        threading.Thread(target=_browse, args=(door, server), daemon=True).start()
    server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        reason = error.strerror or error
        raise UsageError(
            f"{host}:{port}: cannot listen there ({reason}); give another --port"
        ) from None
    listening.listen(512)
    return listening


def _browse(door: Door, server: uvicorn.Server) -> None:
    """Open the page once the server responds."""
    wait = threading.Event()
    for _ in range(STARTS_WITHIN_S * 10):
        if server.started:
            with suppress(Exception):  # no browser: the address has been printed
                webbrowser.open(door.url_once())
            return
        wait.wait(0.1)
