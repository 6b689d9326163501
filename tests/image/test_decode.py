"""One table of kinds of files, each compared with the pixels that were put in."""

import gzip
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from support.photographs import CASES, EYE, GREY_CASES, SEPARATE, Pixels, deep, planes, ppm
from venule.errors import ImageError
from venule.image import decode
from venule.image.photograph import MORE_PAGES, NO_COLOR, read_photograph


@pytest.mark.parametrize("name", CASES)
def test_a_photograph_is_read_as_it_was_put_in(tmp_path: Path, name: str) -> None:
    case, path = CASES[name], tmp_path / "eye"
    case.write(path)
    photograph = read_photograph(path)
    image = photograph.pixels
    assert photograph.notes == ()
    assert image.dtype == np.uint8
    assert image.shape == case.expected.shape
    assert np.abs(image.astype(int) - case.expected).max() <= case.tolerance


@pytest.mark.parametrize("name", GREY_CASES)
def test_a_grey_photograph_is_read_with_a_note(tmp_path: Path, name: str) -> None:
    case, path = GREY_CASES[name], tmp_path / "eye"
    case.write(path)
    photograph = read_photograph(path)
    image = photograph.pixels
    assert photograph.notes == (NO_COLOR,)
    assert image.shape == case.expected.shape
    assert np.abs(image.astype(int) - case.expected).max() <= case.tolerance


@pytest.mark.parametrize(
    "name", ["jpeg", "png", "tiff", "tiff 16", "png 16 rgba", "tiff 16 planes", "tiff 16 cmyk"]
)
def test_a_large_photograph_is_read_in_parts_without_a_seam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "eye"
    CASES[name].write(path)
    whole = read_photograph(path).pixels
    monkeypatch.setattr(decode, "_AT_ONCE", 7 * EYE.shape[1])
    np.testing.assert_array_equal(read_photograph(path).pixels, whole)


# Orientation: what EXIF 2.3 says of the first row and first column, for each value of tag 274.

TURNED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_photograph_is_turned_as_its_orientation_says(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 98}
    path = tmp_path / "eye"
    Image.fromarray(EYE).save(path, kind, exif=exif, **options)
    expected = TURNED[orientation](EYE)
    image = read_photograph(path).pixels
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= (25 if kind == "JPEG" else 0)


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name", ["contiguous", "planes", "tiles"])
def test_a_16_bit_photograph_is_turned_as_its_orientation_says(
    tmp_path: Path, name: str, orientation: int
) -> None:
    path = tmp_path / "eye"
    options: dict[str, Any] = {"planes": SEPARATE, "tiles": {"tile": (16, 16)}}.get(name, {})
    pixels = planes(deep(EYE)) if name == "planes" else deep(EYE)
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[tag], **options)
    np.testing.assert_array_equal(read_photograph(path).pixels, TURNED[orientation](EYE))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_garbage_for_exif_and_colour_profile_does_not_hide_the_pixels(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "eye"
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 98}
    exif, profile = b"Exif\0\0" + bytes(range(200)), bytes(range(250))
    Image.fromarray(EYE).save(path, kind, exif=exif, icc_profile=profile, **options)
    assert np.abs(read_photograph(path).pixels.astype(int) - EYE).max() <= (
        25 if kind == "JPEG" else 0
    )


# Several pages


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP"])
def test_of_several_pages_the_first_is_read_and_it_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "eye"
    first = Image.new("RGB", (8, 6), (200, 90, 30))
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    others = [Image.new("RGB", (8, 6), (0, level, 200)) for level in (0, 100)]
    first.save(path, kind, save_all=True, append_images=others, **options)
    photograph = read_photograph(path)
    image = photograph.pixels
    assert photograph.notes == (MORE_PAGES,)
    assert "a file of several pages; the first one" in MORE_PAGES
    assert image.shape == (6, 8, 3)
    assert (image == (200, 90, 30)).all()


def test_a_preview_behind_a_jpeg_is_no_page(tmp_path: Path) -> None:
    path = tmp_path / "eye.jpg"
    image = Image.fromarray(EYE)
    image.save(path, "MPO", save_all=True, append_images=[image.resize((10, 6))], quality=98)
    photograph = read_photograph(path)
    assert np.abs(photograph.pixels.astype(int) - EYE).max() <= 25
    assert photograph.notes == ()


def test_a_chain_of_pages_that_is_a_loop_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "eye.tif"
    tifffile.imwrite(path, EYE, photometric="rgb")
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * entries, start)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_photograph(path).pixels, EYE)


# Pixels of no known range


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint32, np.uint64])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_that_are_no_grey_levels_are_one_clear_error(
    tmp_path: Path, dtype: Any, channels: int
) -> None:
    path = tmp_path / "eye.tif"
    pixels = EYE.astype(dtype) * dtype(257)
    if np.dtype(dtype).kind == "f":
        pixels[0, :3] = (np.nan, np.inf, -np.inf)
    else:
        pixels[0] = np.iinfo(dtype).max
    if channels == 3:
        tifffile.imwrite(path, pixels, photometric="rgb")
    else:
        tifffile.imwrite(path, pixels[..., 0], photometric="minisblack")
    with pytest.raises(ImageError, match=r"unsupported pixel type|expected 0 to 65535") as error:
        read_photograph(path)
    assert "\n" not in str(error.value)


def test_a_zipped_grey_photograph_is_not_read_from_the_zipped_bytes(tmp_path: Path) -> None:
    """Pillow maps such a file into memory if it is told the path."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 40)).astype(np.uint8)
    path = tmp_path / "eye.ppm.gz"
    path.write_bytes(gzip.compress(ppm("P5", 255, noise)) + bytes(64))
    photograph = read_photograph(path)
    assert photograph.notes == (NO_COLOR,)
    np.testing.assert_array_equal(photograph.pixels[..., 0], noise)


def test_pillows_own_limit_neither_counts_nor_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for name in ("jpeg", "png", "tiff", "tiff lzw", "tiff 16", "tiff 16 planes", "ppm", "bmp"):
        path = tmp_path / name
        CASES[name].write(path)
        assert np.abs(read_photograph(path).pixels.astype(int) - EYE).max() <= CASES[name].tolerance
    assert Image.MAX_IMAGE_PIXELS == 10


def test_content_without_a_path_on_disk_is_decoded(tmp_path: Path) -> None:
    encoded = BytesIO()
    Image.fromarray(EYE).save(encoded, "PNG")
    photograph = decode.decode_photograph(encoded.getvalue(), Path("upload.png"))
    np.testing.assert_array_equal(photograph.pixels, EYE)
    assert not photograph.more_pages


def test_separate_deep_planes_that_cannot_be_decoded_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "eye.tif"
    tifffile.imwrite(file, planes(deep(EYE)), photometric="rgb", planarconfig="separate")
    with tifffile.TiffFile(file, mode="r+") as written:
        written.pages.first.tags["Compression"].overwrite(5)  # LZW
    with pytest.raises(ImageError, match=r"eye\.tif: separate 16-bit planes .* interleaved"):
        read_photograph(file)
