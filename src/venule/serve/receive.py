"""Reading of request bodies, with limits on length and time."""

import asyncio
import re
from contextlib import suppress

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from venule.image.kinds import is_gzip
from venule.serve.limits import Limits
from venule.serve.sniff import check_content, unzipped


class Receiving:
    """Refuses request bodies of every route that are too long, or take too long to send."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and int(stated) > self._limits.upload_bytes:
            answer = JSONResponse({"detail": _too_long(self._limits)}, status_code=413)
            await answer(scope, receive, send)
            return
        await self._app(scope, _limited(receive, self._limits), send)


def _limited(receive: Receive, limits: Limits) -> Receive:
    """`receive`, raising HTTPException while the body exceeds the limits on length and time."""
    length, deadline, whole = 0, 0.0, False

    async def limited() -> Message:
        nonlocal length, deadline, whole
        if whole:  # what follows is awaited for as long as the client stays
            return await receive()
        deadline = deadline or asyncio.get_running_loop().time() + limits.upload_s
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"took longer than {limits.upload_s:g} s to send") from None
        whole = not message.get("more_body", False)
        length += len(message.get("body", b""))
        if length > limits.upload_bytes:
            raise HTTPException(413, _too_long(limits))
        return message

    return limited


def _too_long(limits: Limits) -> str:
    return f"larger than {limits.upload_bytes / 2**20:.0f} MiB"


async def received_image(request: Request, limits: Limits) -> bytes:
    """The body of a request, the file of an image, unzipped; another file is refused."""
    content = await request.body()
    if is_gzip(content):
        content = await run_in_threadpool(unzipped, content, limits.upload_bytes)
    check_content(content, limits.pixels)
    return content


async def drain(request: Request) -> None:
    """Read and discard a rejected body, so that its sender receives the reason."""
    with suppress(TimeoutError, HTTPException):
        async with asyncio.timeout(5):
            async for _ in request.stream():
                pass


def shown(name: str) -> str:
    """The last component of a file name, without control characters."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:120] or "photograph"
