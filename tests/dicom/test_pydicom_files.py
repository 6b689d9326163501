"""pydicom's own test files: which are read, and why the others are not, as docs/dicom.md says."""

import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import dcmread
from pydicom.pixels.processing import apply_color_lut

from venule.dicom.read import read_dicom
from venule.dicom.recognize import recognizes
from venule.errors import ImageError

FILES = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))
DOCS = Path(__file__).parents[2] / "docs" / "dicom.md"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

EXPECTED = {
    **dict.fromkeys(
        (
            *("693_J2KI", "CT_small", "J2K_pixelrep_mismatch", "JPEG2000", "MR_small"),
            *("JPEG2000-embedded-sequence-delimiter", "MR_small_RLE", "MR_small_bigendian"),
            *("MR_small_expb", "MR_small_implicit", "MR_small_jp2klossless", "MR_small_padded"),
            *("MR_small_jpeg_ls_lossless", "MR_truncated"),
        ),
        "signed pixels",
    ),
    **dict.fromkeys(
        (
            *("SC_rgb_rle_32bit", "SC_rgb_rle_32bit_2frame", "liver_1frame", "liver_expb_1frame"),
            *("badVR", "rtdose", "rtdose_1frame", "rtdose_expb", "rtdose_expb_1frame"),
            *("rtdose_rle", "rtdose_rle_1frame"),
        ),
        "bits a sample",
    ),
    **dict.fromkeys(("meta_missing_tsyntax", "nested_priv_SQ"), "it has no BitsStored"),
    **dict.fromkeys(("SC_rgb_jpeg_gdcm", "JPEG-lossy", "JPGExtended"), "under the GPL"),
    **dict.fromkeys(
        (
            *("JPEGLSNearLossless_08", "JPEGLSNearLossless_16"),
            *("SC_rgb_jls_lossy_line", "SC_rgb_jls_lossy_sample"),
        ),
        "JPEG-LS",
    ),
}
"""Files that are refused even as secondary capture."""


def outcomes() -> Iterator[tuple[str, str]]:
    """Each file's name with "read" or the reason, without the file's name and what follows `;`."""
    for path in FILES:
        try:
            read_dicom(path.read_bytes(), "x")
        except ImageError as error:
            yield path.name, str(error).removeprefix("x: ").partition(";")[0]
        else:
            yield path.name, "read"


def table() -> str:
    """The outcomes as in docs/dicom.md: one line a reason, with its files."""
    by_reason: dict[str, list[str]] = {}
    for name, said in outcomes():
        by_reason.setdefault(said, []).append(f"`{name.removesuffix('.dcm')}`")
    lines = ["| outcome | files |", "| --- | --- |"]
    for said in sorted(by_reason, key=lambda each: (each != "read", each)):
        lines.append(f"| {said} | {', '.join(by_reason[said])} |")
    return "\n".join(lines)


def test_the_page_tells_of_every_file() -> None:
    assert len(FILES) > 70
    assert table() in DOCS.read_text(encoding="utf-8")


def pixels_by_pydicom(content: bytes) -> np.ndarray:
    """(H, W, 3) uint8 as pydicom decodes them, the first of several frames."""
    made = dcmread(BytesIO(content))
    array = made.pixel_array
    if made.get("NumberOfFrames", 1) > 1:
        array = array[0]
    if made.PhotometricInterpretation == "PALETTE COLOR":
        array = apply_color_lut(array, made) >> 8
    elif array.dtype != np.uint8:
        array = np.rint(array * (255 / (2**made.BitsStored - 1))).astype(np.uint8)
    return np.repeat(array[..., None], 3, axis=2) if array.ndim == 2 else array


def holds_pixels(path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of its own files
        return "PixelData" in dcmread(path, force=True)


@pytest.mark.parametrize("path", [*filter(holds_pixels, FILES)], ids=lambda path: path.stem)
def test_what_is_read_of_each_file_is_what_pydicom_decodes(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of its own files
        made = dcmread(path, force=True)
        # Ultrasound has the colours that photographs may have: read as if it were one.
        file = BytesIO(path.read_bytes())
        if made.get("SOPClassUID") != SECONDARY_CAPTURE:
            made.SOPClassUID = SECONDARY_CAPTURE
            file = BytesIO()
            made.save_as(file)
        expected = EXPECTED.get(path.stem)
        if expected is not None:
            with pytest.raises(ImageError, match=expected):
                read_dicom(file.getvalue(), "x")
            return
        found = read_dicom(file.getvalue(), "x").pixels
        assert np.array_equal(found, pixels_by_pydicom(file.getvalue()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_recognized(path: Path) -> None:
    # no_meta begins in the middle, with an element of group 0010.
    assert recognizes(path.read_bytes()[:256]) is (path.name != "no_meta.dcm")
