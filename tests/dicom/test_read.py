"""Photographs out of DICOM objects: pixels, scale, side, and what is said of them."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from support.dicom import (
    CT,
    EYE,
    IDENTITY,
    LOSSLESS,
    OP_16_BIT,
    baseline,
    content,
    encapsulated,
    jpeg,
    photograph,
    ybr,
)
from support.photographs import CASES
from venule.dicom.read import read_dicom
from venule.dicom.recognize import recognizes
from venule.dicom.source import DicomPhotograph
from venule.errors import ImageError
from venule.image.photograph import read_photograph


def read(made: Dataset) -> DicomPhotograph:
    return read_dicom(content(made), "eye.dcm")


def largest_difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_syntaxes_give_the_very_pixels_in_8_bits(syntax: str) -> None:
    assert np.array_equal(read(LOSSLESS[syntax](EYE)).pixels, EYE)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_syntaxes_give_the_very_pixels_in_16_bits(syntax: str) -> None:
    deep = EYE.astype(np.uint16) * 257  # 255 * 257 = 65535
    found = read(LOSSLESS[syntax](deep))
    assert np.array_equal(found.pixels, EYE)
    assert found.source.header.SOPClassUID == OP_16_BIT


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_syntaxes_give_the_very_grey_pixels(syntax: str) -> None:
    grey = np.ascontiguousarray(EYE[..., 1])
    found = read(LOSSLESS[syntax](grey)).pixels
    assert np.array_equal(found, np.repeat(grey[..., None], 3, axis=2))


def test_a_jpeg_inside_dicom_gives_what_the_jpeg_gives_alone() -> None:
    made = baseline(EYE)
    alone = np.asarray(Image.open(BytesIO(jpeg(EYE))))
    assert np.array_equal(read(made).pixels, alone)
    assert read(made).notes == ("10 um a pixel, nominal (PixelSpacing)",)


def test_a_grey_jpeg_is_read() -> None:
    grey = np.ascontiguousarray(EYE[..., 1])
    made = encapsulated(photograph(grey), JPEGBaseline8Bit, jpeg(grey))
    alone = np.asarray(Image.open(BytesIO(jpeg(grey))))
    assert np.array_equal(read(made).pixels[..., 2], alone)


def test_a_frame_in_several_fragments_is_put_together() -> None:
    stream = jpeg(EYE)
    made = baseline(EYE)
    made.PixelData = encapsulate([stream], fragments_per_frame=3)
    made["PixelData"].is_undefined_length = True
    assert np.array_equal(read(made).pixels, np.asarray(Image.open(BytesIO(stream))))


@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_is_converted(planar: int) -> None:
    stored = ybr(EYE)
    data = stored.transpose(2, 0, 1) if planar else stored
    made = photograph(
        stored,
        PhotometricInterpretation="YBR_FULL",
        PlanarConfiguration=planar,
        PixelData=data.tobytes(),
    )
    assert largest_difference(read(made).pixels, EYE) <= 2  # rounded twice
    if not planar:
        made.compress(RLELossless, generate_instance_uid=False)
        assert largest_difference(read(made).pixels, EYE) <= 2


def test_ybr_with_halved_chroma_is_converted() -> None:
    flat = np.repeat(EYE[:, ::2], 2, axis=1)  # pairs of equal pixels lose nothing
    stored = ybr(flat)
    pairs = np.stack(
        [stored[:, ::2, 0], stored[:, 1::2, 0], stored[:, ::2, 1], stored[:, ::2, 2]], axis=-1
    )
    made = photograph(flat, PhotometricInterpretation="YBR_FULL_422", PixelData=pairs.tobytes())
    assert largest_difference(read(made).pixels, flat) <= 2


@pytest.mark.parametrize(("entry_bits", "factor"), [(8, 1), (16, 257), (16, 1)])
def test_a_palette_is_applied(entry_bits: int, factor: int) -> None:
    indexed = Image.fromarray(EYE).quantize(64)
    colors = np.asarray(indexed.getpalette(), np.uint8).reshape(-1, 3)[:64]
    made = photograph(np.asarray(indexed), PhotometricInterpretation="PALETTE COLOR")
    for position, name in enumerate(("Red", "Green", "Blue")):
        entries = colors[:, position].astype(f"<u{entry_bits // 8}") * factor
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [64, 0, entry_bits])
        setattr(made, f"{name}PaletteColorLookupTableData", entries.tobytes())
    assert np.array_equal(read(made).pixels, np.asarray(indexed.convert("RGB")))


def test_monochrome1_is_turned_round() -> None:
    grey = np.ascontiguousarray(EYE[..., 1])
    found = read(photograph(255 - grey, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(found.pixels[..., 0], grey)


def test_bits_are_scaled_by_bits_stored_and_not_by_the_largest_value() -> None:
    twelve = np.array([[[0, 1365, 2048]] * 4] * 4, np.uint16)  # of 4095: 0, 1/3, about 1/2
    found = read(photograph(twelve, BitsStored=12))
    assert found.pixels[0, 0].tolist() == [0, 85, 128]
    assert found.pixels.max() == 128


def test_a_photograph_far_darker_than_its_bits_is_said() -> None:
    dark = EYE.astype(np.uint16) * 4  # 10 of 16 bits
    found = read(photograph(dark))
    assert "uses 10 of its 16 bits, so it is very dark" in found.notes
    assert found.pixels.max() <= 4


def test_what_lies_beside_the_stored_bits_is_no_pixel() -> None:
    twelve = EYE.astype(np.uint16) * 16
    expected = read(photograph(twelve, BitsStored=12)).pixels
    above = twelve | 0xF000  # four overlays
    assert np.array_equal(read(photograph(above, BitsStored=12)).pixels, expected)
    below = twelve << 4 | 0x000F
    shifted = read(photograph(below, BitsStored=12, HighBit=15)).pixels
    assert np.array_equal(shifted, expected)


@pytest.mark.parametrize("syntax", ["native", "RLE", "JPEG"])
def test_of_several_frames_the_first_is_read_and_that_is_said(syntax: str) -> None:
    frames = [EYE, 255 - EYE, EYE // 2]
    made = photograph(EYE, NumberOfFrames=3, PixelData=np.stack(frames).tobytes())
    if syntax == "RLE":
        made.compress(RLELossless, generate_instance_uid=False)
    if syntax == "JPEG":
        made.PhotometricInterpretation = "YBR_FULL_422"
        encapsulated(made, JPEGBaseline8Bit, *map(jpeg, frames))
    found = read(made)
    assert np.abs(found.pixels.astype(int) - EYE).mean() < (3 if syntax == "JPEG" else 1e-9)
    assert "the first of 3 frames" in found.notes


def test_pixels_that_claim_rgb_and_hold_ybr_are_mended_and_the_reverse() -> None:
    lie = photograph(ybr(EYE))
    assert largest_difference(read(lie).pixels, EYE) <= 2
    assert "claims RGB colours but holds YBR; read as YBR" in read(lie).notes
    reverse = photograph(EYE, PhotometricInterpretation="YBR_FULL")
    assert np.array_equal(read(reverse).pixels, EYE)
    assert "claims YBR colours but holds RGB; read as RGB" in read(reverse).notes


def test_a_jpeg_is_believed_before_the_header() -> None:
    plain = np.asarray(Image.open(BytesIO(jpeg(EYE))))
    lie = encapsulated(photograph(EYE), JPEGBaseline8Bit, jpeg(EYE))  # says RGB, is JFIF
    assert np.array_equal(read(lie).pixels, plain)
    assert "claims RGB colours but its JPEG stream holds YBR; read as YBR" in read(lie).notes
    stream = jpeg(EYE, keep_rgb=True)
    kept = np.asarray(Image.open(BytesIO(stream)))
    claimed = photograph(EYE, PhotometricInterpretation="YBR_FULL_422")
    reverse = encapsulated(claimed, JPEGBaseline8Bit, stream)
    assert np.array_equal(read(reverse).pixels, kept)
    assert "claims YBR colours but its JPEG stream holds RGB; read as RGB" in read(reverse).notes


def test_a_jpeg_that_does_not_say_and_a_header_that_lies_are_told_by_the_picture() -> None:
    with_jfif = jpeg(EYE)
    start = with_jfif.index(b"\xff\xe0")
    length = int.from_bytes(with_jfif[start + 2 : start + 4], "big")
    silent = with_jfif[:start] + with_jfif[start + 2 + length :]
    found = read(encapsulated(photograph(EYE), JPEGBaseline8Bit, silent))
    assert np.array_equal(found.pixels, np.asarray(Image.open(BytesIO(with_jfif))))


def test_cold_colours_are_said_and_left_as_they_are() -> None:
    cold = np.ascontiguousarray(EYE[..., ::-1])
    found = read(photograph(cold))
    assert np.array_equal(found.pixels, cold)
    assert "not the warm colours of a fundus photograph; left as they are" in found.notes


def test_the_nominal_scale_and_the_side_come_from_the_header() -> None:
    found = read(photograph(PixelSpacing=[0.0105, 0.0105], ImageLaterality="L"))
    assert found.um_per_px == pytest.approx(10.5)
    assert found.laterality == "left"
    assert "10.5 um a pixel, nominal (PixelSpacing)" in found.notes


@pytest.mark.parametrize(
    ("spacing", "said"),
    [
        (None, None),
        ([1.0, 1.0], "PixelSpacing of 1000 x 1000 um is not that of a retina, not used"),
        ([0.0, 0.0], "PixelSpacing of 0 x 0 um is not that of a retina, not used"),
        ([0.01, 0.02], "pixels of 10 x 20 um are not square, PixelSpacing not used"),
    ],
)
def test_a_scale_is_never_guessed(spacing: list[float] | None, said: str | None) -> None:
    found = read(photograph(PixelSpacing=spacing))
    assert found.um_per_px is None
    assert found.notes == (() if said is None else (said,))


@pytest.mark.parametrize(
    ("spacing", "square"),
    [(None, True), ([0.01, 0.01], True), ([0.01, 0.02], False), ([1.0, 1.5], False)],
)
def test_whether_pixels_are_square_comes_from_the_header(
    spacing: list[float] | None, *, square: bool
) -> None:
    assert read(photograph(PixelSpacing=spacing)).square is square
    assert read_photograph(content(photograph(PixelSpacing=spacing))).square is square


@pytest.mark.parametrize(("ratio", "square"), [([1, 1], True), ([2, 1], False)])
def test_an_aspect_ratio_tells_whether_pixels_are_square(ratio: list[int], *, square: bool) -> None:
    found = read(photograph(PixelSpacing=None, PixelAspectRatio=ratio))
    assert found.square is square
    said = "pixels of 2 : 1 (height to width, PixelAspectRatio) are not square"
    assert found.notes == (() if square else (said,))


def test_the_side_may_be_that_of_the_series_or_unknown() -> None:
    assert read(photograph(ImageLaterality=None, Laterality="R")).laterality == "right"
    assert read(photograph(ImageLaterality="B")).laterality is None
    assert read(photograph(ImageLaterality=None)).laterality is None


def test_a_photograph_stored_on_its_head_is_turned() -> None:
    found = read(photograph(np.ascontiguousarray(EYE[::-1, ::-1]), PatientOrientation=["R", "H"]))
    assert np.array_equal(found.pixels, EYE)
    assert "turned upright as PatientOrientation says" in found.notes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SOPClassUID": CT}, "no photograph but CT Image Storage"),
        ({"SOPClassUID": "1.2.3"}, "no photograph but an object of an unknown class"),
        ({"SOPClassUID": None}, "no photograph but an object of an unknown class"),
        ({"PixelData": None}, "it has no PixelData"),
        ({"Rows": None}, "it has no Rows"),
        ({"Rows": 0}, "it has no Rows"),
        ({"PixelRepresentation": 1}, "signed pixels"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "32 of 32 bits a sample"),
        ({"BitsStored": 9}, "9 of 8 bits a sample"),
        ({"SamplesPerPixel": 4}, "4 samples a pixel, expected 3 of RGB"),
        ({"PhotometricInterpretation": "HSV"}, "unknown pixel format"),
        ({"Rows": 97}, "broken or truncated"),
        ({"Rows": 60000, "Columns": 60000}, "more than the 200 megapixels"),
    ],
)
def test_what_is_no_photograph_is_one_clear_error(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ImageError, match=said) as caught:
        read(photograph(**changes))
    assert str(caught.value).startswith("eye.dcm: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        (JPEGLosslessSV1, "under the GPL and not used; decompress it with dcmtk: dcmdjpeg IN OUT"),
        (JPEGLSLossless, "JPEG-LS, which is not read; decompress it with dcmtk: dcmdjpls IN OUT"),
        ("1.2.840.10008.1.2.4.100", "compressed as MPEG2 .* which is not read"),
    ],
)
def test_what_no_decoder_reads_says_what_to_do(syntax: str, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        read(encapsulated(photograph(), syntax, b"\0" * 64))


def test_a_transfer_syntax_that_nobody_knows_is_one_clear_error() -> None:
    unknown = content(baseline(EYE)).replace(b"1.2.840.10008.1.2.4.50", b"1.2.826.0.1.2.3.4.5.50")
    with pytest.raises(ImageError, match="compressed as an unknown transfer syntax"):
        read_dicom(unknown, "eye.dcm")


def test_a_jpeg_of_12_bits_says_what_to_do() -> None:
    deep = EYE[..., 1].astype(np.uint16)
    made = encapsulated(photograph(deep, BitsStored=12), "1.2.840.10008.1.2.4.51", b"\0" * 64)
    with pytest.raises(ImageError, match=r"JPEG of 12 bits, whose usual decoder .* GPL"):
        read(made)


def test_dicom_is_recognised_with_and_without_its_preamble() -> None:
    whole = content(photograph())
    assert recognizes(whole[:132])
    dataset_start = whole.index(b"\x08\0\x16\0UI")
    for head in (whole[132:], whole[dataset_start:]):
        assert recognizes(head[:256])
    implicit = content(LOSSLESS["implicit little endian"](EYE))
    assert recognizes(implicit[implicit.index(b"\x08\0\x16\0") :][:256])
    big = content(LOSSLESS["explicit big endian"](EYE))
    assert recognizes(big[big.index(b"\0\x08\0\x16UI") :][:256])


def test_an_object_without_a_preamble_is_read() -> None:
    whole = content(photograph())
    bare = whole[whole.index(b"\x08\0\x16\0UI") :]
    assert np.array_equal(read_dicom(bare, "eye").pixels, EYE)


@pytest.mark.parametrize("name", CASES)
def test_other_photographs_are_not_taken_for_dicom(name: str, tmp_path: Path) -> None:
    CASES[name].write(tmp_path / "photograph")
    assert not recognizes((tmp_path / "photograph").read_bytes()[:256])
    assert not recognizes(b"")


def test_neither_notes_nor_errors_nor_repr_name_the_patient() -> None:
    lie = photograph(ybr(EYE), NumberOfFrames=1, PatientOrientation=["R", "H"], PixelSpacing="1\\1")
    found = read(lie)
    told = [*found.notes, repr(found), repr(found.source), found.source.pseudonym]
    for changes in ({"Rows": 97}, {"SOPClassUID": CT}, {"BitsStored": 9}):
        with pytest.raises(ImageError) as caught:
            read(photograph(**changes))
        told.append(str(caught.value))
    for value in IDENTITY.values():
        assert not any(value in each for each in told)


def test_without_pydicom_one_line_says_what_to_install_and_the_rest_works() -> None:
    code = """
import sys
sys.modules["pydicom"] = None
import venule.cli.main
from venule.dicom.read import read_dicom
from venule.dicom.recognize import recognizes
from venule.errors import ImageError
assert recognizes(bytes(128) + b"DICM")
try:
    read_dicom(bytes(128) + b"DICM", "eye.dcm")
except ImageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout == "eye.dcm: a DICOM object; to read it, pip install 'venule[dicom]'\n"
