"""Label maps to and from NIfTI, which ITK-SNAP reads.

The first axis of NIfTI is the column: an image of (H, W) pixels is stored as (W, H, 1). Rows run
downwards and columns to the right, which NIfTI's coordinates (right, anterior, superior) call left
and posterior: a negative first and second step.
"""

import gzip
import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.artery_vein import Types
from venule.image.kinds import is_gzip

_HEADER, _OFFSET = 348, 352
_UINT8 = 2

LABELS = """\
# ITK-SNAP label description: index, red, green, blue, opacity, visible, in the mesh, name
    0     0    0    0        0  0  0    "Clear Label"
    1     0  229  255        1  1  1    "Vessel"
    2   255    0    0        1  1  1    "Artery"
    3     0    0  255        1  1  1    "Vein"
    4     0  255    0        1  1  1    "Artery and vein"
"""
"""The description of the labels, for ITK-SNAP's Segmentation > Import Label Descriptions."""


VESSEL_LABEL, ARTERY_LABEL, VEIN_LABEL, BOTH_LABEL = 1, 2, 3, 4
"""Labels: vessel of unknown type, artery, vein, and where an artery and a vein cross."""

LabelMap = NDArray[np.uint8]
"""(H, W) uint8, 0 outside vessels."""


def labels_of(mask: Mask, types: Types | None = None) -> LabelMap:
    """The labels of a mask (H, W), with the types of its pixels if known."""
    if types is None:
        return mask.astype(np.uint8)
    by_bits = np.array([VESSEL_LABEL, ARTERY_LABEL, VEIN_LABEL, BOTH_LABEL], np.uint8)
    return np.asarray(np.where(mask, by_bits[types & 3], 0), np.uint8)


def types_of_labels(labels: LabelMap) -> Types | None:
    """Arteries and veins among labels, as bits; None if there are neither."""
    if not ((labels >= ARTERY_LABEL) & (labels <= BOTH_LABEL)).any():
        return None
    bits = np.zeros(256, np.uint8)
    bits[[ARTERY_LABEL, VEIN_LABEL, BOTH_LABEL]] = 1, 2, 3
    return np.asarray(bits[labels])


def encode_nifti(labels: LabelMap, um_per_px: float | None = None) -> bytes:
    """Encode labels (H, W) as .nii.gz; without a scale, a pixel is 1 mm."""
    height, width = labels.shape
    side = 1.0 if um_per_px is None else um_per_px / 1000
    header = bytearray(_HEADER)
    struct.pack_into("<i", header, 0, _HEADER)
    struct.pack_into("<8h", header, 40, 3, width, height, 1, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, _UINT8, 8)
    struct.pack_into("<8f", header, 76, 1, side, side, 1, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, _OFFSET, 1, 0)
    header[123] = 2  # millimetres
    struct.pack_into("<2h", header, 252, 0, 1)  # no quaternion; the affine rows below
    for row, values in enumerate(((-side, 0, 0, 0), (0, -side, 0, 0), (0, 0, 1, 0))):
        struct.pack_into("<4f", header, 280 + 16 * row, *values)
    header[344:348] = b"n+1\0"
    content = (
        bytes(header) + bytes(_OFFSET - _HEADER) + np.ascontiguousarray(labels, np.uint8).tobytes()
    )
    return gzip.compress(content, compresslevel=6, mtime=0)


def decode_nifti(content: bytes, shape: tuple[int, int]) -> LabelMap:
    """Read a label image of `shape` (H, W); labels above 255 count as vessels.

    Raises:
        ImageError: not a NIfTI file of integers, or of another shape.
    """
    expected = _OFFSET + 65536 + 8 * shape[0] * shape[1]
    try:
        if is_gzip(content):
            with gzip.open(BytesIO(content)) as file:
                content = file.read(expected)
        order = "<" if struct.unpack_from("<i", content)[0] == _HEADER else ">"
        sides = struct.unpack_from(f"{order}8h", content, 40)
        kind = {2: "u1", 4: "i2", 8: "i4", 256: "i1", 512: "u2", 768: "u4"}.get(
            struct.unpack_from(f"{order}h", content, 70)[0]
        )
        offset = int(struct.unpack_from(f"{order}f", content, 108)[0])
        if kind is None or content[344:347] != b"n+1":
            raise ImageError("not a NIfTI label image; save it as .nii or .nii.gz of integers")
        if sides[1:4] != (shape[1], shape[0], 1) and sides[:3] != (2, shape[1], shape[0]):
            raise ImageError(
                f"a label image of {sides[1]} x {sides[2]}, not {shape[1]} x {shape[0]}"
            )
        labels = np.frombuffer(content, f"{order}{kind}", shape[0] * shape[1], offset=offset)
    except (struct.error, zlib.error, OSError, EOFError, ValueError, OverflowError) as error:
        raise ImageError(f"not a readable NIfTI file ({error})") from None
    known = (labels >= 0) & (labels <= 255)
    return np.where(known, labels, labels > 0).astype(np.uint8).reshape(shape)
