"""DICOM objects that lie, nest, swell or never end: each is read, or is one clear error."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openjpeg.utils import encode_array
from PIL import Image
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from support.dicom import EYE, LOSSLESS, baseline, content, encapsulated, jpeg, photograph
from venule.dicom.read import read_dicom
from venule.dicom.recognize import recognizes
from venule.dicom.segmentation import encode_seg
from venule.errors import ImageError, OutputError

FUZZ = os.environ.get("VENULE_FUZZ")

READ_ALL = """
import json, pathlib, resource, sys, time
from venule.dicom.read import read_dicom
from venule.dicom.segmentation import encode_seg
from venule.errors import ImageError, OutputError
told = {}
first, *others = sorted(pathlib.Path(sys.argv[1]).iterdir())
read_dicom(first.read_bytes(), first.name)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in others:
    content = path.read_bytes()
    started = time.process_time()
    try:
        told[path.name] = list(read_dicom(content, path.name).pixels.shape)
    except ImageError as error:
        told[path.name] = str(error)
    seconds = time.process_time() - started
    assert seconds < 10, (path.name, seconds)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"told": told, "grown_mb": grown / 1024}))
"""

HEAD = content(photograph())
START = HEAD.index(b"\x08\0\x05\0") if b"\x08\0\x05\0" in HEAD else HEAD.index(b"\x08\0\x16\0UI")
META = HEAD[:START]
"""Preamble and file meta information of explicit little endian."""


def element(tag: int, vr: bytes, length: int, value: bytes = b"") -> bytes:
    """One element of explicit little endian with a long length field; the length may lie."""
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, length) + value


def nested(depth: int) -> bytes:
    """Sequences of undefined length, each in the only item of the one before."""
    opening = element(0x00091010, b"SQ", 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 2**32 - 1
    )
    return opening * depth


def nested_defined(depth: int) -> bytes:
    """Sequences whose lengths are right, innermost first."""
    inner = b""
    for _ in range(depth):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
        inner = element(0x00081115, b"SQ", len(item), item)
    return inner


def many(count: int) -> bytes:
    """Private elements of 8 bytes."""
    tags = (
        (group, number) for group in range(0x0009, 0x0FFF, 2) for number in range(0x1000, 0x10FF)
    )
    return b"".join(
        struct.pack("<HH2sH", *tag, b"LO", 0) for tag, _ in zip(tags, range(count), strict=False)
    )


def deflated(inner: bytes) -> bytes:
    """`inner` after the file meta information of a deflated object."""
    whole = content(LOSSLESS["deflated"](EYE))
    head = whole[: whole.index(b"1.2.840.10008.1.2.1.99") + 22]
    end = head + whole[len(head) : 132 + 12 + int.from_bytes(whole[140:144], "little")]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return end + packer.compress(inner) + packer.flush()


def rle_bomb() -> bytes:
    """A segment of a million runs for a picture of 96 x 120."""
    segment = bytes([129, 0]) * 10**6
    frame = struct.pack("<16I", 3, 64, 64 + 10, 64 + 20, *[0] * 12) + segment
    return content(encapsulated(photograph(), RLELossless, frame))


def far_larger_jpeg() -> bytes:
    """A JPEG of 65000 x 65000 pixels, by its own header, in a small photograph."""
    stream = bytearray(jpeg(EYE))
    start = stream.index(b"\xff\xc0")
    stream[start + 5 : start + 9] = struct.pack(">HH", 65000, 65000)
    made = photograph(PhotometricInterpretation="YBR_FULL_422")
    return content(encapsulated(made, JPEGBaseline8Bit, bytes(stream)))


def empty_jpeg(side: int = 14_000) -> bytes:
    """As large by both headers, with nothing behind it."""
    stream = bytearray(jpeg(EYE))
    start = stream.index(b"\xff\xc0")
    stream[start + 5 : start + 9] = struct.pack(">HH", side, side)
    made = photograph(PhotometricInterpretation="YBR_FULL_422", Rows=side, Columns=side)
    return content(encapsulated(made, JPEGBaseline8Bit, bytes(stream)))


def empty_jpeg2000(side: int = 14_000) -> bytes:
    stream = bytearray(encode_array(EYE, photometric_interpretation=1, codec_format=0))
    size = stream.index(b"\xff\x51")
    # Xsiz, Ysiz and the tile's size (ISO/IEC 15444-1 A.5.1).
    for offset in (6, 22):
        stream[size + offset : size + offset + 8] = struct.pack(">II", side, side)
    made = photograph(PhotometricInterpretation="YBR_RCT", Rows=side, Columns=side)
    return content(encapsulated(made, JPEG2000Lossless, bytes(stream)))


def scans() -> bytes:
    """A progressive JPEG with its scans over and over."""
    stream = jpeg(EYE, progressive=True)
    start = stream.index(b"\xff\xda")
    body = stream[start:-2]
    made = photograph(PhotometricInterpretation="YBR_FULL_422")
    return content(encapsulated(made, JPEGBaseline8Bit, stream[:start] + body * 2000 + b"\xff\xd9"))


def palette_bomb() -> bytes:
    """Segments of a palette that repeat each other 65535 times (PS3.3 C.7.9.2)."""
    made = photograph(np.zeros((96, 120), np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [0, 0, 16])
        segment = struct.pack("<HHH", 1, 65535, 9) * 20_000
        setattr(made, f"Segmented{name}PaletteColorLookupTableData", segment)
    return content(made)


def fragments() -> bytes:
    """A million empty fragments of a frame that claims to be one of many."""
    made = baseline(EYE)
    made.NumberOfFrames = 1000
    empty = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    made.PixelData = empty * 10**6
    made["PixelData"].is_undefined_length = True
    return content(made)


BODY = HEAD[START:]
MADE: dict[str, Callable[[], bytes]] = {
    "a length of 4 GB": lambda: META + element(0x00091010, b"UN", 0xFFFFFFF0, b"x") + BODY,
    "a value without an end": lambda: META + element(0x00091010, b"OB", 0xFFFFFFFF) + bytes(10**6),
    "pixels of 4 GB": lambda: (
        HEAD[: HEAD.index(b"\xe0\x7f\x10\0")] + element(0x7FE00010, b"OB", 0xFFFFFFF0, b"x")
    ),
    "nested a thousand deep": lambda: META + nested(1000) + BODY,
    "nested a hundred thousand deep": lambda: META + nested(10**5) + BODY,
    "nested with lengths": lambda: META + nested_defined(3000) + BODY,
    "a hundred thousand private elements": lambda: (
        META
        + BODY[: BODY.index(b"\x10\0\x10\0")]
        + many(10**5)
        + BODY[BODY.index(b"\x10\0\x10\0") :]
    ),
    "half a million private elements": lambda: META + many(500_000) + BODY,
    "a deflated bomb": lambda: deflated(bytes(400 * 2**20)),
    "a deflated bomb in a value": lambda: deflated(
        element(0x00091010, b"OB", 300 * 2**20, bytes(300 * 2**20)) + BODY
    ),
    "an RLE bomb": rle_bomb,
    "a JPEG far larger inside": far_larger_jpeg,
    "a JPEG with nothing behind it": empty_jpeg,
    "a JPEG 2000 with nothing behind it": empty_jpeg2000,
    "a JPEG of thousands of scans": scans,
    "a palette bomb": palette_bomb,
    "a million fragments": fragments,
    "60000 x 3000 pixels without any": lambda: content(
        photograph(Rows=60000, Columns=3000, NumberOfFrames=2**31 - 1)
    ),
    "frames without number": lambda: content(photograph(NumberOfFrames=12345678)).replace(
        b"12345678", b"x" * 8
    ),
    "numbers without end": lambda: HEAD.replace(b"0.01\\0.01", b"nan\\1e999"),
}


BOMBS = {
    "a deflated bomb": "it unpacks to more than 67 MB",
    "a deflated bomb in a value": "it unpacks to more than 67 MB",
    "a JPEG far larger inside": "decompression bomb",
    "a JPEG with nothing behind it": "decompression bomb",
    "a JPEG 2000 with nothing behind it": "decompression bomb",
    "a JPEG of thousands of scans": "more than 500 scans",
    "an RLE bomb": "RLE segment is truncated",
    "half a million private elements": "more elements than any photograph",
    "a million fragments": "more elements than any photograph",
}
"""That they are refused for what they are, not by chance."""


@pytest.mark.slow
def test_hostile_objects_take_little_memory_and_time(tmp_path: Path) -> None:
    (tmp_path / "0 first").write_bytes(content(baseline(EYE)))
    for number, (name, make) in enumerate(MADE.items(), 1):
        (tmp_path / f"{number:02} {name}").write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ_ALL, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    found = json.loads(done.stdout)
    told = {name[3:]: said for name, said in found["told"].items()}
    assert set(told) == set(MADE)
    readable = {
        "a hundred thousand private elements",
        "nested with lengths",
        "numbers without end",
        "frames without number",
    }
    for name, said in told.items():
        if name in readable:
            assert said == [96, 120, 3], name
        else:
            assert isinstance(said, str), (name, said)
            assert BOMBS.get(name, "") in said
            assert len(said) < 250
            assert "\n" not in said
    assert found["grown_mb"] < 300, found["grown_mb"]


def outcome(content: bytes) -> tuple[tuple[int, ...], str]:
    """The shape of what is read, or the error; what is read can be answered, or is an error too."""
    try:
        found = read_dicom(content, "x.dcm")
    except ImageError as error:
        return (), str(error)
    with suppress(OutputError):  # it has lost the UIDs of an answer
        mask = found.pixels[..., 0] > 100
        answer = dcmread(BytesIO(encode_seg(found.source, {"vessel": mask})))
        stored = found.source.turn.stored(mask)
        assert np.array_equal(answer.pixel_array.reshape(stored.shape) > 0, stored)
    return found.pixels.shape, ""


@pytest.mark.parametrize("cut", [0.05, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("syntax", [*LOSSLESS, "baseline"])
def test_a_file_that_stops_early_is_read_or_one_clear_error(syntax: str, cut: float) -> None:
    whole = content((LOSSLESS | {"baseline": baseline})[syntax](EYE))
    short = whole[: int(len(whole) * cut)]
    shape, said = outcome(short)
    assert shape == EYE.shape or said.startswith("x.dcm: ")
    assert "\n" not in said


SMALL = np.ascontiguousarray(EYE[30:70, 40:88])
WHOLE = [content(write(SMALL)) for write in (*LOSSLESS.values(), baseline)]


@settings(
    max_examples=int(FUZZ or 150),
    deadline=None,
    derandomize=FUZZ is None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.integers(0, len(WHOLE) - 1),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 255), st.sampled_from(["set", "insert", "cut"])),
        min_size=1,
        max_size=6,
    ),
)
def test_a_mutated_file_is_read_or_one_clear_error(
    which: int, changes: list[tuple[float, int, str]]
) -> None:
    mutated = bytearray(WHOLE[which])
    for share, value, how in changes:
        # Mostly in the header, whose bytes mean most.
        position = min(len(mutated) - 1, int(share**2 * len(mutated)))
        if how == "set":
            mutated[position] = value
        elif how == "insert":
            mutated[position:position] = bytes([value] * (1 + value % 4))
        else:
            del mutated[position : position + 1 + value % 8]
    recognizes(bytes(mutated[:256]))
    shape, said = outcome(bytes(mutated))
    assert len(shape) == 3 or said.startswith("x.dcm: ")
    assert len(said) < 250
    assert "\n" not in said
    assert "Lovelace" not in said


def test_a_jpeg_in_the_small_is_the_jpeg_in_the_large() -> None:
    # The bombs above are refused for their size, not because their makers broke them otherwise.
    whole = np.asarray(Image.open(BytesIO(jpeg(EYE))))
    assert np.array_equal(read_dicom(content(baseline(EYE)), "x").pixels, whole)
    assert read_dicom(deflated(BODY), "x").pixels.shape == EYE.shape
