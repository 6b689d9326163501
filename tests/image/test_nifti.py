import gzip
import math
import struct

import numpy as np
import pytest

from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.nifti import LABELS, decode_nifti, encode_nifti, labels_of


def _mask() -> Mask:
    return np.random.default_rng(0).random((5, 7)) > 0.5


def test_a_label_image_is_read_back() -> None:
    mask = _mask()
    assert np.array_equal(decode_nifti(encode_nifti(labels_of(mask)), (5, 7)), mask)
    assert np.array_equal(
        decode_nifti(gzip.decompress(encode_nifti(labels_of(mask))), (5, 7)), mask
    )


def test_nibabel_reads_the_same_pixels_and_the_scale() -> None:
    nibabel = pytest.importorskip("nibabel", reason="nibabel is not installed")
    mask = _mask()
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(encode_nifti(labels_of(mask), 12.5)))
    assert image.shape == (7, 5, 1)
    assert np.array_equal(np.asarray(image.dataobj)[..., 0].T, mask)
    assert image.header.get_zooms() == pytest.approx((0.0125, 0.0125, 1))
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")


def test_what_another_program_saved_is_read() -> None:
    nibabel = pytest.importorskip("nibabel", reason="nibabel is not installed")
    mask = _mask()
    labels = (mask.T[..., None] * 3).astype(np.int16)
    content = nibabel.Nifti1Image(labels, np.eye(4)).to_bytes()
    assert np.array_equal(decode_nifti(content, (5, 7)) > 0, mask)


def _broken_inside() -> bytes:
    content = bytearray(encode_nifti(labels_of(_mask())))
    content[14:40] = bytes(byte ^ 255 for byte in content[14:40])
    return bytes(content)


def _labels_at(offset: float) -> bytes:
    content = bytearray(gzip.decompress(encode_nifti(labels_of(_mask()))))
    struct.pack_into("<f", content, 108, offset)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing at all",
        b"\x1f\x8b and no more",
        bytes(400),
        _broken_inside(),
        *map(_labels_at, (math.inf, math.nan, 1e30, -1)),
    ],
)
def test_what_is_no_label_image_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError):
        decode_nifti(content, (5, 7))


def test_a_label_image_of_another_size_is_refused() -> None:
    with pytest.raises(ImageError, match="not 7 x 6"):
        decode_nifti(encode_nifti(labels_of(_mask())), (6, 7))


def test_the_labels_have_itk_snaps_eight_columns() -> None:
    rows = [line for line in LABELS.splitlines() if not line.startswith("#")]
    assert [len(row.split('"')[0].split()) for row in rows] == [7] * 5
