"""Every kind of file that a camera, a viewer or a data set leaves behind."""

import gzip
import hashlib
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from venule.errors import ImageError, OutputError
from venule.files.atomic import write_bytes
from venule.image.encode import encode_mask, encode_strips
from venule.image.io import (
    pixel_hash,
    read_mask,
    read_probability,
    read_texts,
    write_png,
    write_probability,
)
from venule.image.levels import strips
from venule.image.photograph import NO_COLOR, read_photograph

ORIENTATION = 0x0112


@pytest.fixture
def colors() -> NDArray[np.uint8]:
    """(6, 8, 3): every pixel another colour."""
    row, column = np.mgrid[:6, :8]
    return np.stack([row * 40 + 5, column * 30, row * column + 100], axis=2).astype(np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_16_bit(pixels: NDArray[np.uint16]) -> bytes:
    """A PNG with 16 bits a channel, by the letter of the PNG specification: Pillow writes none."""
    height, width, channels = pixels.shape
    color_type = {3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


# Photographs


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "bmp", "ppm", "webp", "PNG"])
def test_a_lossless_photograph_is_read_as_it_was_saved(
    tmp_path: Path, colors: NDArray[np.uint8], suffix: str
) -> None:
    path = tmp_path / f"eye.{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(colors).save(path, **options)
    np.testing.assert_array_equal(read_photograph(path).pixels, colors)


def test_a_jpeg_photograph_is_read_within_its_loss(tmp_path: Path) -> None:
    path = tmp_path / "eye.JPG"
    Image.new("RGB", (32, 24), (180, 90, 40)).save(path, "JPEG", quality=95)
    image = read_photograph(path).pixels
    assert image.shape == (24, 32, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - (180, 90, 40)).max() <= 3


def test_a_gif_photograph_is_read_with_its_palette_colours(tmp_path: Path) -> None:
    path = tmp_path / "eye.gif"
    picture = Image.new("RGB", (5, 4), (200, 100, 50))
    picture.putpixel((0, 0), (10, 20, 30))
    picture.save(path)
    image = read_photograph(path).pixels
    assert tuple(image[0, 0]) == (10, 20, 30)
    assert tuple(image[3, 4]) == (200, 100, 50)


def test_a_gzipped_ppm_is_read_like_the_ppm(tmp_path: Path, colors: NDArray[np.uint8]) -> None:
    path = tmp_path / "im0001.ppm.gz"
    path.write_bytes(gzip.compress(b"P6\n8 6\n255\n" + colors.tobytes()))
    np.testing.assert_array_equal(read_photograph(path).pixels, colors)


def test_the_content_counts_not_the_ending(tmp_path: Path, colors: NDArray[np.uint8]) -> None:
    path = tmp_path / "eye.jpg"
    Image.fromarray(colors).save(path, "PNG")
    np.testing.assert_array_equal(read_photograph(path).pixels, colors)


@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("tif", {}), ("tif", "lzw")])
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        # EXIF 2.3, tag 274: 3 = turned by 180 degrees, 6 = to be turned clockwise, 8 = against it.
        (3, lambda a: a[::-1, ::-1]),
        (6, lambda a: np.rot90(a, -1)),
        (8, lambda a: np.rot90(a, 1)),
        (2, lambda a: a[:, ::-1]),
    ],
)
def test_the_exif_orientation_is_applied_once(
    tmp_path: Path,
    colors: NDArray[np.uint8],
    suffix: str,
    options: Any,
    orientation: int,
    expected: Any,
) -> None:
    path = tmp_path / f"eye.{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    extra = {"compression": "tiff_lzw"} if options else {}
    Image.fromarray(colors).save(path, exif=exif, **extra)
    np.testing.assert_array_equal(read_photograph(path).pixels, expected(colors))


def test_the_exif_orientation_of_a_jpeg_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "eye.jpg"
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture = Image.new("RGB", (64, 32), (200, 60, 20))
    picture.paste((20, 60, 200), (0, 0, 16, 32))
    picture.save(path, exif=exif, quality=95)
    image = read_photograph(path).pixels
    assert image.shape == (64, 32, 3)
    assert image[4, 16, 2] > 150  # the left end is now on top
    assert image[60, 16, 0] > 150


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["png", "tif", "tif big-endian", "tif zlib", "tif planar"])
def test_16_bit_colour_is_scaled_by_the_bits_that_are_used(
    tmp_path: Path, colors: NDArray[np.uint8], bits: int, kind: str
) -> None:
    top = 2**bits - 1
    pixels = np.rint(colors.astype(float) / 255 * top).astype(np.uint16)
    pixels[0, 0] = top
    path = tmp_path / f"eye.{kind[:3]}"
    if kind == "png":
        path.write_bytes(png_16_bit(pixels))
    elif kind == "tif planar":
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    else:
        tifffile.imwrite(
            path,
            pixels,
            photometric="rgb",
            byteorder=">" if kind == "tif big-endian" else "<",
            compression="zlib" if kind == "tif zlib" else None,
        )
    expected = np.rint(pixels.astype(float) * 255 / top)
    assert np.abs(read_photograph(path).pixels - expected).max() <= 0.51


def test_16_bit_transparency_lies_on_black(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 4), 65535, np.uint16)
    pixels[0, 0] = (65535, 32768, 0, 0)
    pixels[1, 1] = (65535, 32768, 0, 65535)
    path = tmp_path / "eye.png"
    path.write_bytes(png_16_bit(pixels))
    image = read_photograph(path).pixels
    assert tuple(image[0, 0]) == (0, 0, 0)
    assert tuple(image[1, 1]) == (255, 128, 0)


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    path = tmp_path / "eye.png"
    picture = Image.new("RGBA", (3, 1), (200, 100, 50, 255))
    picture.putpixel((0, 0), (200, 100, 50, 0))
    picture.putpixel((1, 0), (200, 100, 50, 51))
    picture.save(path)
    expected = [[[0, 0, 0], [40, 20, 10], [200, 100, 50]]]
    np.testing.assert_array_equal(read_photograph(path).pixels, expected)


def test_a_transparent_palette_colour_is_black(tmp_path: Path) -> None:
    path = tmp_path / "eye.png"
    picture = Image.new("P", (2, 1), 1)
    picture.putpalette([255, 255, 255, 200, 100, 50])
    picture.putpixel((0, 0), 0)
    picture.save(path, transparency=0)
    np.testing.assert_array_equal(read_photograph(path).pixels, [[[0, 0, 0], [200, 100, 50]]])


def test_a_cmyk_photograph_is_read_in_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "eye.tif"
    Image.new("CMYK", (4, 4), (0, 128, 255, 0)).save(path)
    # No ink: 255. Full ink: 0. Half ink: about half.
    assert np.abs(read_photograph(path).pixels.astype(int) - (255, 127, 0)).max() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "RGB"])
def test_a_grey_photograph_is_replicated_with_a_note(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "eye.png"
    grey = np.zeros((4, 5), np.uint8)
    grey[1, 2] = 255
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(grey).convert(mode).save(path)
    photograph = read_photograph(path)
    assert photograph.notes == (NO_COLOR,)
    assert "a photograph without colour" in NO_COLOR
    np.testing.assert_array_equal(photograph.pixels, np.repeat(grey[..., None], 3, axis=2))


# Files that are no photographs


def one_line(error: pytest.ExceptionInfo[ImageError], path: Path) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert str(path) in text
    return text


@pytest.mark.parametrize(
    "options",
    [
        {"format": "PNG"},
        {"format": "JPEG"},
        {"format": "TIFF"},
        {"format": "TIFF", "compression": "tiff_lzw"},
        {"format": "PPM"},
        {"format": "BMP"},
        {"format": "WEBP"},
        {"format": "GIF"},
    ],
    ids=lambda options: "-".join(options.values()),
)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_a_truncated_photograph_is_one_clear_error(
    tmp_path: Path, options: dict[str, str], share: float
) -> None:
    whole = tmp_path / "whole"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(whole, **options)
    path = tmp_path / "cut.png"
    content = whole.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ImageError) as error:
        read_photograph(path)
    one_line(error, path)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file") as error:
        read_photograph(tmp_path / "none.png")
    one_line(error, tmp_path / "none.png")


def test_a_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read") as error:
        read_photograph(tmp_path)
    one_line(error, tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "empty"), (b"patient,eye\n1,left\n", "not an image"), (b"%!PS-Adobe", "not an image")],
)
def test_a_file_that_is_no_image_is_one_clear_error(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "eye.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=complaint) as error:
        read_photograph(path)
    one_line(error, path)


def test_a_broken_gzip_file_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "eye.ppm.gz"
    content = gzip.compress(b"P6\n8 6\n255\n" + bytes(range(144)))
    for broken in (content[:40], b"no gzip", content[:20] + b"\xff\xff\xff" + content[23:]):
        path.write_bytes(broken)
        with pytest.raises(ImageError) as error:
            read_photograph(path)
        one_line(error, path)


def test_a_photograph_beyond_200_megapixels_is_refused_before_decoding(tmp_path: Path) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    path = tmp_path / "eye.png"
    header = struct.pack(">IIBBBBB", 20_000, 10_001, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
    with pytest.raises(ImageError, match=r"20000 x 10001 pixels, more than the 200 megapixels"):
        read_photograph(path)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_the_limit_is_ours_and_not_the_process_wide_one_of_pillow(
    tmp_path: Path, colors: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "eye.png"
    Image.fromarray(colors).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    np.testing.assert_array_equal(read_photograph(path).pixels, colors)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200), magic=st.sampled_from([b"GIF89a", b"II*\0", b"BM", b"P6 "]))
def test_no_broken_file_raises_anything_but_an_image_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, magic: bytes
) -> None:
    path = tmp_path_factory.mktemp("broken") / "eye.png"
    path.write_bytes(magic + content)
    for read in (read_photograph, read_mask, read_probability):
        try:
            read(path)
        except ImageError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most, but not all, of them are broken


# Masks


@pytest.fixture
def truth() -> NDArray[np.bool_]:
    return np.random.default_rng(3).random((9, 7)) < 0.4


def test_a_palette_mask_with_colours_3_and_253_is_read_by_its_index(
    tmp_path: Path, truth: NDArray[np.bool_]
) -> None:
    """DRIVE/test/2nd_manual: as grey values both colours would be above 0."""
    path = tmp_path / "01_manual2.gif"
    picture = Image.fromarray(truth.astype(np.uint8)).convert("P")
    picture.putpalette([3, 3, 3, 253, 253, 253])
    picture.save(path)
    with Image.open(path) as opened:
        assert set(np.unique(np.asarray(opened.convert("L")))) == {3, 253}
    np.testing.assert_array_equal(read_mask(path), truth)


def test_a_three_channel_mask_is_read_as_one(tmp_path: Path, truth: NDArray[np.bool_]) -> None:
    """HRF/mask: three equal channels."""
    path = tmp_path / "01_dr_mask.tif"
    Image.fromarray(np.repeat(truth[..., None] * np.uint8(255), 3, axis=2)).save(path)
    np.testing.assert_array_equal(read_mask(path), truth)


def test_a_one_bit_mask_is_read(tmp_path: Path, truth: NDArray[np.bool_]) -> None:
    """CHASE_DB1: one-bit PNG."""
    path = tmp_path / "Image_01L_1stHO.png"
    Image.fromarray(truth).save(path)
    with Image.open(path) as opened:
        assert opened.mode == "1"
    np.testing.assert_array_equal(read_mask(path), truth)


@pytest.mark.parametrize("value", [1, 128, 255])
@pytest.mark.parametrize("suffix", ["png", "gif", "tif", "ppm.gz"])
def test_any_value_above_0_is_inside(
    tmp_path: Path, truth: NDArray[np.bool_], value: int, suffix: str
) -> None:
    path = tmp_path / f"mask.{suffix}"
    stored = truth * np.uint8(value)
    if suffix == "ppm.gz":
        path.write_bytes(gzip.compress(b"P5\n7 9\n255\n" + stored.tobytes()))
    else:
        Image.fromarray(stored).save(path)
    np.testing.assert_array_equal(read_mask(path), truth)


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_of_one_value_is_all_or_nothing(tmp_path: Path, value: int) -> None:
    path = tmp_path / "mask.png"
    Image.new("L", (4, 3), value).save(path)
    np.testing.assert_array_equal(read_mask(path), np.full((3, 4), value > 0))


def test_a_mask_of_more_than_two_values_names_those_it_found(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 7, 255]], np.uint8)).save(path)
    with pytest.raises(ImageError, match="it stores 0, 7, 255;") as error:
        read_mask(path)
    one_line(error, path)


def test_a_mask_of_very_many_values_names_the_first_and_their_number(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.arange(200, dtype=np.uint8)[None]).save(path)
    with pytest.raises(ImageError, match=r"0, 1, 2, 3, \.\.\. \(200 values\)"):
        read_mask(path)


def test_a_mask_without_a_zero_is_refused_not_read_as_all_inside(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[3, 253]], np.uint8)).save(path)
    with pytest.raises(ImageError, match="it stores 3, 253;"):
        read_mask(path)


def test_a_coloured_mask_is_refused(tmp_path: Path, colors: NDArray[np.uint8]) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(colors).save(path)
    with pytest.raises(ImageError, match="channels differ"):
        read_mask(path)


# Probability maps and PNG files


def test_a_16_bit_map_comes_back_within_half_a_step(tmp_path: Path) -> None:
    probability = np.linspace(0, 1, 63, dtype=np.float32).reshape(7, 9)
    path = tmp_path / "eye_prob.png"
    write_png(path, np.rint(probability * 65535).astype(np.uint16))
    read = read_probability(path)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, probability, atol=0.5001 / 65535)


@pytest.mark.parametrize("at_once", [1, 20, 2**20])
def test_a_map_is_written_in_parts_as_65535_p_rounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(strips, "__defaults__", (at_once,))
    probability = np.random.default_rng(0).random((7, 9), np.float32)
    probability[0, :2] = (0, 1)
    write_probability(tmp_path / "eye_prob.png", probability)
    with Image.open(tmp_path / "eye_prob.png") as image:
        stored = np.asarray(image)
    assert stored.max() == 65535
    np.testing.assert_allclose(stored, probability.astype(float) * 65535, atol=0.51)


def test_writing_a_map_takes_memory_for_what_is_written_only(tmp_path: Path) -> None:
    probability = np.zeros((2000, 2000), np.float32)
    tracemalloc.start()
    try:
        write_probability(tmp_path / "eye_prob.png", probability)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 10**6  # 8 MB are written; a float copy alone has 16


def test_strips_are_written_as_one_image(tmp_path: Path, colors: NDArray[np.uint8]) -> None:
    write_bytes(tmp_path / "eye.png", encode_strips((6, 8), (colors[i : i + 4] for i in (0, 4))))
    np.testing.assert_array_equal(read_photograph(tmp_path / "eye.png").pixels, colors)


def test_8_bit_bool_and_float_maps_are_read(tmp_path: Path) -> None:
    values = np.array([[0, 51, 255]], np.uint8)
    write_png(tmp_path / "a.png", values)
    np.testing.assert_allclose(read_probability(tmp_path / "a.png"), [[0, 0.2, 1]], atol=1e-6)
    Image.fromarray(values > 0).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_probability(tmp_path / "b.png"), [[0, 1, 1]])
    np.save(tmp_path / "c.npy", np.array([[0.0, 0.25, 1.0]]))
    np.testing.assert_array_equal(read_probability(tmp_path / "c.npy"), [[0, 0.25, 1]])


@pytest.mark.parametrize(
    "array",
    [
        np.array([[0.0, 1.5]]),
        np.array([[0.0, np.nan]]),
        np.array([0.5]),
        np.array([[1, 2]]),
        np.zeros((0, 3)),
        np.array([[{}]], dtype=object),
    ],
)
def test_an_array_that_is_no_probability_map_is_one_clear_error(
    tmp_path: Path, array: NDArray[Any]
) -> None:
    path = tmp_path / "map.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(ImageError) as error:
        read_probability(path)
    one_line(error, path)


@settings(max_examples=30, deadline=None)
@given(
    st.one_of(
        arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
        arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))),
        arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    )
)
def test_a_written_png_holds_the_very_pixels(
    tmp_path_factory: pytest.TempPathFactory, array: NDArray[Any]
) -> None:
    path = tmp_path_factory.mktemp("png") / "array.png"
    write_png(path, array)
    with Image.open(path) as opened:
        np.testing.assert_array_equal(np.asarray(opened), array)


def test_a_mask_is_written_as_0_and_255(tmp_path: Path, truth: NDArray[np.bool_]) -> None:
    path = tmp_path / "mask.png"
    write_png(path, truth)
    with Image.open(path) as opened:
        assert opened.mode == "L"
        np.testing.assert_array_equal(np.asarray(opened), truth * 255)
    np.testing.assert_array_equal(read_mask(path), truth)


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    for value in (0, 255):
        write_png(path, np.full((2, 2), value, np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["mask.png"]
    with Image.open(path) as opened:
        assert np.asarray(opened).min() == 255


def test_writing_into_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "none" / "mask.png"
    with pytest.raises(OutputError, match=r"mask\.png: cannot be written") as error:
        write_png(path, np.zeros((2, 2), np.uint8))
    assert "\n" not in str(error.value)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mask.png"
    write_png(path, np.zeros((2, 2), np.uint8))
    before = path.read_bytes()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        write_png(path, np.ones((2, 2), np.uint8))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["mask.png"]


# Identity and names


def test_the_hash_is_of_pixels_and_shape_not_of_the_file(
    tmp_path: Path, colors: NDArray[np.uint8]
) -> None:
    Image.fromarray(colors).save(tmp_path / "eye.png")
    Image.fromarray(colors).save(tmp_path / "eye.tif")
    first, second = (
        read_photograph(tmp_path / "eye.png").pixels,
        read_photograph(tmp_path / "eye.tif").pixels,
    )
    assert pixel_hash(first) == pixel_hash(second)
    expected = hashlib.sha256(b"(6, 8, 3)" + colors.tobytes()).hexdigest()
    assert pixel_hash(first) == expected
    assert pixel_hash(colors.reshape(8, 6, 3)) != expected
    assert pixel_hash(np.asfortranarray(colors)) == expected


@given(
    arrays(np.uint8, (3, 3, 3)),
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
    st.integers(1, 255),
)
def test_one_changed_pixel_changes_the_hash(
    image: NDArray[np.uint8], where: tuple[int, int, int], change: int
) -> None:
    other = image.copy()
    other[where] = (int(other[where]) + change) % 256
    assert pixel_hash(image) != pixel_hash(other)


@pytest.mark.parametrize(("largest", "bits"), [(4095, 12), (65535, 16)])
def test_a_deep_ppm_is_scaled_by_the_bits_it_uses(tmp_path: Path, largest: int, bits: int) -> None:
    levels = np.random.default_rng(0).integers(0, largest, (6, 8, 3)).astype(">u2")
    levels[0, 0, 0] = largest
    content = b"P6\n8 6\n65535\n" + levels.tobytes()
    (tmp_path / "eye.ppm").write_bytes(content)
    (tmp_path / "eye.ppm.gz").write_bytes(gzip.compress(content))
    expected = np.rint(levels * (255 / (2**bits - 1))).astype(np.uint8)
    for name in ("eye.ppm", "eye.ppm.gz"):
        assert np.array_equal(read_photograph(tmp_path / name).pixels, expected)


def test_a_deep_ppm_that_ends_early_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.ppm").write_bytes(b"P6\n8 6\n65535\n" + bytes(100))
    with pytest.raises(ImageError, match=r"short\.ppm"):
        read_photograph(tmp_path / "short.ppm")
    (tmp_path / "short.ppm").write_bytes(b"P3 1 1 65535\n1 2 70000")
    with pytest.raises(ImageError, match=r"short\.ppm"):
        read_photograph(tmp_path / "short.ppm")
    (tmp_path / "short.ppm").write_bytes(b"P3 8 6 65535\n1 2 3")
    with pytest.raises(ImageError, match=r"short\.ppm"):
        read_photograph(tmp_path / "short.ppm")


def test_a_palette_of_many_colours_is_no_probability_map(tmp_path: Path) -> None:
    picture = Image.new("P", (3, 1))
    picture.putpalette([level for level in (0, 128, 255) for _ in range(3)])
    picture.putdata([0, 1, 2])
    picture.save(tmp_path / "map.png")
    with pytest.raises(ImageError, match=r"map\.png: its palette has no order; save it as a grey"):
        read_probability(tmp_path / "map.png")


@pytest.mark.parametrize("wrong", [1.001, -0.1, float("nan")])
def test_what_is_no_probability_is_not_written(tmp_path: Path, wrong: float) -> None:
    with pytest.raises(ImageError, match=r"outside 0\.\.1"):
        write_probability(tmp_path / "p.png", np.array([[0.5, wrong]], np.float32))
    assert not list(tmp_path.iterdir())


def test_what_rounding_made_larger_than_1_is_written_as_1(tmp_path: Path) -> None:
    write_probability(tmp_path / "p.png", np.array([[1.000008, -1e-7]], np.float32))
    assert read_probability(tmp_path / "p.png").tolist() == [[1.0, 0.0]]


def test_a_mask_is_turned_as_its_orientation_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "m.png", exif=exif)
    assert read_mask(tmp_path / "m.png").shape == (6, 4)


@pytest.mark.parametrize("value", [1, 2, 255])
def test_a_mask_of_0_and_a_low_value_is_a_map_of_0_and_1(tmp_path: Path, value: int) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:4] = value
    Image.fromarray(mask).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_probability(tmp_path / "mask.png"), mask > 0)


def test_a_map_of_many_low_values_stays_a_map(tmp_path: Path) -> None:
    levels = np.array([[0, 1, 2, 3]], np.uint8)
    Image.fromarray(levels).save(tmp_path / "map.png")
    np.testing.assert_allclose(read_probability(tmp_path / "map.png"), levels / 255, rtol=1e-6)


def test_text_chunks_are_read_whatever_limit_pillow_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    write_bytes(tmp_path / "a.png", encode_mask(np.ones((9, 9), bool), {"who": "Ada"}))
    assert read_texts(tmp_path / "a.png") == {"who": "Ada"}
    write_bytes(tmp_path / "b.png", encode_mask(np.ones((9, 9), bool), {"who": "Ada"})[:-30])
    with pytest.raises(ImageError, match=r"b\.png: broken or truncated"):
        read_texts(tmp_path / "b.png")
    tifffile.imwrite(tmp_path / "c.tif", np.ones((3, 3), np.uint8))
    assert read_texts(tmp_path / "c.tif") == {}


@pytest.mark.parametrize("order", ["<", ">"])
def test_masks_and_maps_of_16_bits_are_read_in_either_byte_order(
    tmp_path: Path, order: Literal["<", ">"]
) -> None:
    mask = np.eye(9, dtype=bool)
    tifffile.imwrite(tmp_path / "a.tif", mask.astype(f"{order}u2") * 256, byteorder=order)
    assert np.array_equal(read_mask(tmp_path / "a.tif"), mask)
    stored = np.arange(81, dtype=f"{order}u2").reshape(9, 9) * 800
    tifffile.imwrite(tmp_path / "b.tif", stored, byteorder=order)
    expected = (np.arange(81).reshape(9, 9) * 800 / 65535).astype(np.float32)
    assert np.allclose(read_probability(tmp_path / "b.tif"), expected, atol=1e-6)
    assert read_probability(tmp_path / "b.tif").dtype == np.float32
