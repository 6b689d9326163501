"""DICOM's run-length encoding (PS3.5 annex G), never unpacked beyond the image's size."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from venule.dicom.elements import FrameError


def decode_rle(
    frame: bytes, rows: int, columns: int, *, samples: int, sample_bytes: int
) -> NDArray[Any]:
    """Decode one frame to (H, W) or (H, W, samples), uint8 or uint16.

    Raises:
        FrameError: the frame is truncated, or of another shape.
    """
    count = samples * sample_bytes
    header = struct.unpack("<16I", frame[:64].ljust(64, b"\0"))
    if header[0] != count:
        raise FrameError(f"RLE of {header[0]} segments, expected {count}")
    starts = [*header[1 : count + 1], len(frame)]
    # The bytes of each sample are consecutive, the most significant first.
    planes = np.empty((samples, sample_bytes, rows * columns), np.uint8)
    for plane, start, end in zip(planes.reshape(count, -1), starts, starts[1:], strict=False):
        plane[:] = np.frombuffer(_unpack(frame[start:end], plane.size), np.uint8)
    values = planes[:, 0] if sample_bytes == 1 else _joined(planes)
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    return np.ascontiguousarray(values.T.reshape(shape))


def _joined(planes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    joined: NDArray[np.uint16] = planes[:, 0].astype(np.uint16) * np.uint16(256) + planes[:, 1]
    return joined


def _unpack(packed: bytes, size: int) -> bytearray:
    """Exactly `size` bytes of a PackBits segment; the rest is padding."""
    unpacked, position = bytearray(), 0
    while len(unpacked) < size:
        if position + 1 >= len(packed):
            raise FrameError("an RLE segment is truncated")
        length = packed[position]
        if length < 128:
            unpacked += packed[position + 1 : position + 2 + length]
            position += 2 + length
        else:
            if length > 128:
                unpacked += packed[position + 1 : position + 2] * (257 - length)
            position += 2 if length > 128 else 1
    del unpacked[size:]
    return unpacked
