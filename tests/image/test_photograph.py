"""A photograph is checked once, and knows what reading it told."""

import gzip
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.photographs import CASES, EYE, GREY
from venule.errors import ImageError
from venule.image.photograph import (
    MORE_PAGES,
    NO_COLOR,
    READERS,
    Photograph,
    as_photograph,
    read_photograph,
)


def png(pixels: Any) -> bytes:
    encoded = BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


@pytest.mark.parametrize(
    "pixels",
    [EYE[..., 0], np.dstack([EYE, EYE[..., :1]]), EYE.astype(np.float32), EYE[:0], EYE.tolist()],
)
def test_pixels_of_another_shape_or_kind_make_no_photograph(pixels: Any) -> None:
    with pytest.raises(ImageError, match="expected an RGB photograph"):
        Photograph(pixels)


@pytest.mark.parametrize("um_per_px", [0.0, -4.2, 0.02, 1000, float("inf"), float("nan")])
def test_the_length_of_a_pixel_is_that_of_a_retina(um_per_px: float) -> None:
    with pytest.raises(ImageError, match=r"um_per_px = .*: give micrometres per pixel, 0.5 to"):
        Photograph(EYE, um_per_px=um_per_px)


def test_what_nobody_said_is_not_guessed() -> None:
    photograph = Photograph(EYE)
    assert photograph.shape == EYE.shape[:2]
    assert (photograph.um_per_px, photograph.laterality) == (None, None)
    assert (photograph.notes, photograph.origin) == ((), None)
    assert Photograph(EYE, um_per_px=4.2, laterality="left").um_per_px == 4.2


def test_photographs_are_compared_by_identity_for_arrays_have_no_truth() -> None:
    assert Photograph(EYE) != Photograph(EYE)
    assert len({Photograph(EYE), Photograph(EYE)}) == 2


@pytest.mark.parametrize("name", ["png", "jpeg", "tiff 16 planes", "png 16 rgba", "ppm 12"])
def test_a_file_its_name_and_its_bytes_are_one_photograph(tmp_path: Path, name: str) -> None:
    path = tmp_path / "eye"
    CASES[name].write(path)
    first = read_photograph(path)
    for source in (str(path), path.read_bytes()):
        again = read_photograph(source)
        np.testing.assert_array_equal(again.pixels, first.pixels)
        assert again.notes == first.notes == ()


def test_a_grey_file_of_several_pages_has_both_notes(tmp_path: Path) -> None:
    path = tmp_path / "eye.tif"
    pages = [Image.fromarray(page) for page in (GREY, EYE)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    photograph = read_photograph(path)
    np.testing.assert_array_equal(photograph.pixels, GREY)
    assert photograph.notes == (MORE_PAGES, NO_COLOR)


@pytest.mark.parametrize(("difference", "notes"), [(8, (NO_COLOR,)), (9, ())])
def test_one_pixel_of_colour_makes_a_photograph_of_colour(
    difference: int, notes: tuple[str, ...]
) -> None:
    pixels = np.full((200, 300, 3), 90, np.uint8)
    pixels[77, 123, 2] += difference
    assert read_photograph(png(pixels)).notes == notes


@pytest.mark.parametrize("content", [b"", b"not an image", png(EYE)[:100], png(EYE)[:-60]])
def test_bytes_that_are_no_photograph_are_one_clear_error(content: bytes) -> None:
    with pytest.raises(ImageError, match=r"^photograph: ") as error:
        read_photograph(content)
    assert "\n" not in str(error.value)


def test_bytes_are_what_lies_in_the_file_not_what_is_zipped_in_it(tmp_path: Path) -> None:
    path = tmp_path / "eye.ppm.gz"
    path.write_bytes(gzip.compress(b"P6\n40 24\n255\n" + EYE.tobytes()))
    np.testing.assert_array_equal(read_photograph(path).pixels, EYE)
    with pytest.raises(ImageError, match=r"not an image of a supported type \(JPEG, .*, DICOM\)"):
        read_photograph(path.read_bytes())


def test_whatever_a_photograph_is_given_as_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "eye.png"
    path.write_bytes(png(EYE))
    for source in (path, str(path), path.read_bytes(), EYE, Photograph(EYE)):
        np.testing.assert_array_equal(as_photograph(source).pixels, EYE)
    photograph = Photograph(EYE, um_per_px=4.2)
    assert as_photograph(photograph) is photograph


def test_a_pillow_image_is_refused_with_the_way_to_read_it() -> None:
    with pytest.raises(ImageError, match=r"got Image; read it with venule\.read_photograph"):
        as_photograph(Image.fromarray(EYE))  # type: ignore[arg-type]


def test_some_reader_takes_any_content() -> None:
    for content in (b"", b"\0", png(EYE)):
        assert any(reader.recognizes(content) for reader in READERS)
    names = [reader.name for reader in READERS]
    assert len(set(names)) == len(names)


def test_the_largest_page_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "eye.tif"
    large = Image.fromarray(EYE)
    large.resize((8, 6)).save(path, save_all=True, append_images=[large, large.resize((10, 8))])
    photograph = read_photograph(path)
    np.testing.assert_array_equal(photograph.pixels, EYE)
    assert photograph.notes == ("a file of several pages; the largest one was read, page 2",)


def twelve_bits(marked: int, value: int) -> tuple[bytes, Any]:
    """A 16-bit PPM whose retina uses 12 bits, with `marked` pixels of another value."""
    levels = np.random.default_rng(0).integers(100, 4000, (200, 300, 3)).astype(">u2")
    levels[:1, :marked] = value
    return b"P6\n300 200\n65535\n" + levels.tobytes(), levels


@pytest.mark.parametrize(("marked", "value"), [(0, 0), (1, 60000), (1, 65535), (250, 65535)])
def test_writing_and_hot_pixels_do_not_darken_twelve_bits(marked: int, value: int) -> None:
    content, levels = twelve_bits(marked, value)
    expected = np.rint(levels[1:].astype(float) * 255 / 4095)
    np.testing.assert_array_equal(read_photograph(content).pixels[1:], expected)


def test_sixteen_bits_with_bright_parts_are_scaled_by_sixteen_bits() -> None:
    levels = np.random.default_rng(0).integers(100, 4000, (200, 300, 3)).astype(">u2")
    levels[:4] = np.random.default_rng(1).integers(4000, 65535, (4, 300, 3))
    content = b"P6\n300 200\n65535\n" + levels.tobytes()
    expected = np.rint(levels.astype(float) * 255 / 65535)
    np.testing.assert_array_equal(read_photograph(content).pixels, expected)
