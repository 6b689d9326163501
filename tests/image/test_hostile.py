"""Files that lie, stop early or never end: each is read, or is one clear error; nothing else.

`VENULE_FUZZ=20000` tries that many mutated files, others at each run, instead of always the same
few thousand.
"""

import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from support.photographs import CASES, EYE, GREY_CASES
from venule.errors import ImageError
from venule.image import container
from venule.image.io import read_mask, read_probability
from venule.image.photograph import MORE_PAGES, NO_COLOR, read_photograph

FUZZ = os.environ.get("VENULE_FUZZ")

SIDE = 14_000
"""Side of a square picture that is just small enough to be read, if there is anything behind."""

READ_ALL = """
import json, pathlib, resource, sys, time, warnings
from venule.errors import ImageError
from venule.image.photograph import read_photograph
warnings.simplefilter("ignore")
told = {}
first, *others = sorted(pathlib.Path(sys.argv[1]).iterdir())
read_photograph(first).pixels
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in others:
    started = time.process_time()
    try:
        told[path.name] = list(read_photograph(path).pixels.shape)
    except ImageError as error:
        told[path.name] = str(error)
    seconds = time.process_time() - started
    assert seconds < 5, (path.name, seconds)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"told": told, "grown_mb": grown / 1024}))
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = chunk(b"IDAT", zlib.compress(bytes(3 * width + 1) if width < 2**16 else b"\0"))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + row + chunk(b"IEND", b"")
    )


def tiff(
    tags: Mapping[int, tuple[int, ...]], pixels: bytes = bytes(256), *, after: int = 0
) -> bytes:
    """A little-endian TIFF of the given tags (TIFF 6.0, section 2), `pixels` at byte 8."""
    usual = {259: (1,), 262: (2,), 277: (3,), 258: (8, 8, 8), 273: (8,), 279: (len(pixels),)}
    tags = {**usual, **tags}
    start = 8 + len(pixels)
    end = start + 2 + 12 * len(tags) + 4
    directory, values = struct.pack("<H", len(tags)), b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            values, packed = values + packed, struct.pack("<I", end + len(values))
        directory += struct.pack("<HHI", tag, 4, len(numbers)) + packed
    return (
        b"II*\0" + struct.pack("<I", start) + pixels + directory + struct.pack("<I", after) + values
    )


def jpeg(width: int, height: int, *, scans: int = 1) -> bytes:
    """A JPEG by Pillow with its size overwritten, its (first) scan repeated."""
    encoded = BytesIO()
    Image.fromarray(EYE).save(encoded, "JPEG", progressive=scans > 1)
    content = bytearray(encoded.getvalue())
    at = content.find(b"\xff\xc2" if scans > 1 else b"\xff\xc0")
    struct.pack_into(">HH", content, at + 5, height, width)
    first = content.find(b"\xff\xda")
    second = content.find(b"\xff\xda", first + 1) if scans > 1 else len(content)
    scan = bytes(content[first:second])
    return bytes(content[:first]) + scan * scans + b"\xff\xd9"


def webp(kind: bytes, head: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(head)) + head + bytes(30)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bits24(value: int) -> bytes:
    return value.to_bytes(3, "little")


WIDE = {256: (SIDE,), 257: (SIDE,)}
SMALL = {256: (8,), 257: (8,)}
ONE_MB_OF_NOTHING = gzip.compress(bytes(2**20))

BOMBS = {
    "png header.png": png(SIDE, SIDE),
    "png header of 4 thousand million.png": png(2**31 - 1, 2**31 - 1),
    "png no width.png": png(0, 8),
    "png pixels.png": png(8, 8, chunk(b"IDAT", zlib.compress(bytes(2**27)))),
    "png profile.png": png(8, 1, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**27)))),
    "png text.png": png(8, 1, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27)))),
    "png texts.png": png(8, 1, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20 - 1)))] * 200),
    "png international text.png": png(
        8, 1, chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2**27)))
    ),
    "jpeg header.jpg": jpeg(SIDE, SIDE),
    "jpeg header of 4 thousand million.jpg": jpeg(65535, 65535),
    "jpeg scans.jpg": jpeg(4000, 4000, scans=600),
    "gif screen.gif": b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0, 0, 0) + b";",
    "gif frame.gif": b"GIF89a"
    + struct.pack("<HHBBB", 8, 8, 0, 0, 0)
    + b","
    + struct.pack("<HHHHB", 0, 0, SIDE, SIDE, 0)
    + b"\x08\x01\0\0;",
    "gif screen of 4 thousand million.gif": b"GIF89a" + b"\xff" * 4 + bytes(3) + b";",
    "bmp header.bmp": b"BM"
    + struct.pack("<IIIIiiHHIIIIII", 0, 0, 54, 40, SIDE, SIDE, 1, 24, *[0] * 6),
    "bmp run lengths.bmp": b"BM"
    + struct.pack("<IIIIiiHHIIIIII", 0, 0, 54, 40, SIDE, SIDE, 1, 8, 1, *[0] * 5)
    + bytes(99),
    "ppm header.ppm": b"P6 %d %d 255\n" % (SIDE, SIDE) + bytes(99),
    "ppm width of many digits.ppm": b"P6 " + b"9" * 10**6 + b" 1 255\n",
    "ppm digits.ppm": b"P3 %d %d 255\n" % (SIDE, SIDE) + b"1 " * 99,
    "webp canvas.webp": webp(b"VP8X", bytes(4) + bits24(SIDE - 1) + bits24(SIDE - 1)),
    "webp canvas of 280 million.webp": webp(b"VP8X", bytes(4) + bits24(16_800) * 2),
    "webp lossless.webp": webp(
        b"VP8L", b"\x2f" + ((SIDE - 1) * 16385).to_bytes(4, "little") + bytes(9)
    ),
    "webp lossy.webp": webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", SIDE, SIDE)),
    "tiff size.tif": tiff(WIDE),
    "tiff size with codes.tif": tiff(WIDE | {259: (5,)}),
    "tiff one strip many times.tif": tiff(
        {256: (2000,), 257: (2000,), 278: (1999,), 273: (8,) * 20_000, 279: (256,) * 20_000}
    ),
    "tiff tile.tif": tiff(
        SMALL | {259: (5,), 322: (30_000,), 323: (30_000,), 324: (8,), 325: (256,)}
    ),
    "tiff negative tile.tif": tiff(SMALL | {322: (2**32 - 1,), 323: (16,), 324: (8,), 325: (256,)}),
    "tiff samples.tif": tiff(SMALL | {277: (65535,)}),
    "tiff bits.tif": tiff(SMALL | {258: (2**31,) * 3}),
    "tiff zlib.tif": tiff(SMALL | {259: (8,)}, zlib.compress(bytes(2**27))),
    "tiff directory without end.tif": b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 99,
    "tiff directory of itself.tif": tiff(SMALL | {34665: (264,), 330: (264,)}, after=264),
    "tiff two directories of each other.tif": tiff(SMALL, after=8),
    "zeros.ppm.gz": ONE_MB_OF_NOTHING * 200,
    "black.ppm.gz": gzip.compress(b"P6 8000 8000 255\n") + ONE_MB_OF_NOTHING * 180,
    "zipped twice.ppm.gz": gzip.compress(ONE_MB_OF_NOTHING * 100),
}

READ_ALL_THE_SAME = {
    "png pixels.png",  # what is too much is not unpacked
    "tiff zlib.tif",
    "tiff directory of itself.tif",
    "tiff two directories of each other.tif",
    "png texts.png",
}


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module")
def test_bombs_take_neither_memory_nor_time(tmp_path: Path) -> None:
    Image.fromarray(EYE).save(tmp_path / "- an honest photograph.tif", compression="tiff_lzw")
    for name, content in BOMBS.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    found = json.loads(done.stdout)
    assert found["told"].keys() == BOMBS.keys()
    read = {name for name, told in found["told"].items() if not isinstance(told, str)}
    assert read <= READ_ALL_THE_SAME
    for name, told in found["told"].items():
        if name not in read:
            assert told.startswith(f"{tmp_path / name}: "), told
            assert "\n" not in told
            assert len(told) < len(str(tmp_path)) + 300
    # 16 megapixels are given the benefit of the doubt; 200 would take 1200 MB.
    assert found["grown_mb"] < 300


# Things in a folder that are no files


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and links")
@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: path.mkdir(), "it is a folder"),
        (os.mkfifo if hasattr(os, "mkfifo") else None, "not a regular file"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: path.symlink_to(path.parent / "nowhere"), "no such file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.touch(), "empty"),
        (lambda path: path.write_text("patient,eye\n1,left\n"), r"not an image|it is an? "),
        (lambda path: path.write_bytes(bytes(4096)), r"not an image|it is an? "),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\0v\0{}"), r"not an image|it is an? "),
        (
            lambda path: path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            "it is an SVG",
        ),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(40)), r"not an image|it is an? "),
        (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n"), r"not an image|it is an? "),
    ],
)
def test_what_is_no_image_file_is_one_clear_error(
    tmp_path: Path, make: Callable[[Path], object], complaint: str
) -> None:
    path = tmp_path / "eye.png"
    make(path)
    for read in (read_photograph, read_mask, read_probability):
        with pytest.raises(ImageError, match=complaint) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: ")
        assert "\n" not in str(error.value)


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "eye.png"
    with path.open("wb") as file:
        file.truncate(container.MAX_FILE_BYTES + 1)  # sparse: no byte of it is on the disk
    with pytest.raises(ImageError, match="larger than 1616 MB"):
        read_photograph(path)


# Files that stop early, and files of which a few bytes are others


def contents() -> dict[str, bytes]:
    """A small file of every kind, by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "eye"
        made = {}
        for group, cases in (("", CASES), ("grey ", GREY_CASES)):
            for name, case in cases.items():
                case.write(path)
                made[group + name] = path.read_bytes()
        made["png.gz"] = gzip.compress(made["png"])
    return made


CONTENTS = contents()


def is_read_or_one_clear_error(content: bytes, path: Path) -> bool:
    """Tell whether it is read; fail unless it is that, or an ImageError of one line."""
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            photograph = read_photograph(path)
        except ImageError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 - not all of them are broken
            assert "\n" not in str(error)  # noqa: PT017
            assert len(str(error)) < len(str(path)) + 300  # noqa: PT017
            photograph = None
    for warning in caught:  # Pillow's about EXIF are of no class of their own
        assert warning.category is UserWarning, warning
    if photograph is None:
        return False
    image = photograph.pixels
    assert {*photograph.notes} <= {NO_COLOR, MORE_PAGES}
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    return True


@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_a_file_that_stops_early_is_read_or_one_clear_error(tmp_path: Path, name: str) -> None:
    content = CONTENTS[name]
    path = tmp_path / ("eye.gz" if name.endswith(".gz") else "eye")
    assert is_read_or_one_clear_error(content, path)
    lengths = {*range(0, 64, 7), *np.linspace(64, len(content) - 1, 10).astype(int).tolist()}
    read = [is_read_or_one_clear_error(content[:length], path) for length in sorted(lengths)]
    assert not any(read[:8])  # headers alone are no photograph


NUMBERS = [
    b"\0" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\1\0",
    b"\0\1\0\0",
]
NUMBERS += [b"\0\0", b"\xff\xff", b"\x7f\xff", b"\xff\x7f", b"\xff\xda", b"\xff\xd9", b"9999999999"]

where = st.one_of(st.integers(0, 64), st.integers(0, 400), st.integers(0, 2**16))
"""Most of what a file says of itself lies at its start; taken modulo the file's length."""

what = st.one_of(st.sampled_from(NUMBERS), st.binary(min_size=1, max_size=6))

mutation = st.tuples(st.sampled_from(["put", "insert", "delete", "repeat", "cut"]), where, what)


def mutate(content: bytes, mutations: list[tuple[str, int, bytes]]) -> bytes:
    for kind, position, data in mutations:
        at = position % (len(content) + 1)
        if position % 3 == 0:  # TIFF keeps its directory at the end
            at = len(content) - at
        if kind == "put":
            content = content[:at] + data + content[at + len(data) :]
        elif kind == "insert":
            content = content[:at] + data + content[at:]
        elif kind == "delete":
            content = content[:at] + content[at + len(data) ** 2 :]
        elif kind == "repeat":
            content = content[:at] + content[max(0, at - 40) : at] * len(data) + content[at:]
        elif len(data) > 5:
            content = content[:at]
    return content


def with_checksums(content: bytes) -> bytes:
    """A PNG with the sums that its chunks should have, so that what is wrong in them is met."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return content
    fixed, at = content[:8], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        fixed += chunk(kind, data)
        at += 12 + length
    return fixed


@settings(
    max_examples=int(FUZZ or 2500),
    derandomize=FUZZ is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    name=st.sampled_from(sorted(CONTENTS)),
    mutations=st.lists(mutation, min_size=1, max_size=5),
    sums=st.booleans(),
)
def test_a_mutated_file_is_read_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    mutations: list[tuple[str, int, bytes]],
    sums: bool,
) -> None:
    content = mutate(CONTENTS[name], mutations)
    path = tmp_path_factory.getbasetemp() / ("eye.gz" if name.endswith(".gz") else "eye")
    is_read_or_one_clear_error(with_checksums(content) if sums else content, path)
