import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from venule.dicom.elements import FrameError
from venule.dicom.rle import decode_rle


def frame(*segments: bytes) -> bytes:
    starts = np.cumsum([64, *map(len, segments)])[: len(segments)]
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(
        segments
    )


def test_literal_and_repeated_runs_are_unpacked() -> None:
    # PS3.5 G.3.1: n in 0..127 copies n + 1 bytes, 257 - n in 129..255 repeats one, 128 is nothing.
    packed = frame(bytes([2, 10, 20, 30, 128, 254, 7]))
    assert decode_rle(packed, 2, 3, samples=1, sample_bytes=1).tolist() == [[10, 20, 30], [7, 7, 7]]


def test_segments_of_16_bits_hold_the_upper_bytes_first() -> None:
    packed = frame(bytes([1, 1, 2]), bytes([1, 3, 4]))
    found = decode_rle(packed, 1, 2, samples=1, sample_bytes=2)
    assert found.tolist() == [[1 * 256 + 3, 2 * 256 + 4]]


def test_padding_is_passed_over_and_never_unpacked() -> None:
    padded = frame(bytes([255, 9]) + bytes([129, 0]) * 1000)
    assert decode_rle(padded, 1, 2, samples=1, sample_bytes=1).tolist() == [[9, 9]]


@pytest.mark.parametrize(
    "packed",
    [b"", frame(b"\0"), frame(bytes([5, 1])), frame(b"\0\1", b"\0\1"), b"\xff" * 64],
)
def test_what_is_cut_off_or_of_another_shape_is_refused(packed: bytes) -> None:
    with pytest.raises(FrameError, match="segment"):
        decode_rle(packed, 1, 2, samples=1, sample_bytes=1)


@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays(dtype, st.sampled_from([(3, 5), (1, 1), (4, 7, 3)]))
    )
)
def test_what_pydicom_packs_is_unpacked(pixels: np.ndarray) -> None:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPInstanceUID = "1.2.3"
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    made.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.PixelRepresentation = 0
    made.PixelData = pixels.tobytes()
    made.compress(RLELossless)
    found = decode_rle(
        get_frame(made.PixelData, 0, number_of_frames=1),
        *pixels.shape[:2],
        samples=made.SamplesPerPixel,
        sample_bytes=pixels.dtype.itemsize,
    )
    assert np.array_equal(found, pixels)
