"""Reading of request bodies, with limits on length and time."""

import asyncio
import re

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from venule.image.kinds import is_gzip
from venule.serve.limits import Limits
from venule.serve.sniff import check_content, unzipped


async def received(request: Request, limits: Limits) -> bytes:
    """The body of a request, within the limits on length and time."""
    parts, length = [], 0
    too_long = HTTPException(413, f"larger than {limits.upload_bytes / 2**20:.0f} MiB")
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limits.upload_bytes:
        raise too_long
    try:
        async with asyncio.timeout(limits.upload_s):
            async for part in request.stream():
                length += len(part)
                if length > limits.upload_bytes:
                    raise too_long
                parts.append(part)
    except TimeoutError:
        raise HTTPException(408, f"took longer than {limits.upload_s:g} s to send") from None
    return b"".join(parts)


async def received_image(request: Request, limits: Limits) -> bytes:
    """As `received`, for the file of an image, unzipped; another file is refused."""
    content = await received(request, limits)
    if is_gzip(content):
        content = await run_in_threadpool(unzipped, content, limits.upload_bytes)
    check_content(content, limits.pixels)
    return content


async def drain(request: Request, limits: Limits) -> None:
    """Read and discard a rejected body, so that its sender receives the reason."""
    length = 0
    try:
        async with asyncio.timeout(5):
            async for part in request.stream():
                length += len(part)
                if length > limits.upload_bytes:
                    return
    except TimeoutError:
        return


def shown(name: str) -> str:
    """The last component of a file name, without control characters."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:120] or "photograph"
