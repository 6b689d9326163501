"""Files are known by their content, and those that are not read are called what they are."""

import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.photographs import EYE
from venule.batch.plan import plan
from venule.errors import ImageError
from venule.image.kinds import foreign_kind, head_of, is_photograph, is_read, unread_picture
from venule.image.names import IMAGE_SUFFIXES, is_image_path
from venule.image.photograph import read_photograph

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)

FOREIGN = {
    "HEIC": HEIC,
    "HEIF": b"\0\0\0\x18ftypmif1" + bytes(40),
    "AVIF": b"\0\0\0\x1cftypavif" + bytes(40),
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    "PDF": b"%PDF-1.7\n%" + bytes(40),
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n",
    "web page": b"<!DOCTYPE html><html><head><title>404</title>",
    "ZIP archive": b"PK\x03\x04" + bytes(40),
    "film": b"\0\0\0\x18ftypmp42" + bytes(40),
}


def encoded(kind: str) -> bytes:
    file = BytesIO()
    Image.fromarray(EYE).save(file, kind)
    return file.getvalue()


def test_names_of_photographs_are_recognised() -> None:
    for name in ("a.JPG", "a.jpeg", "a.tif", "im0001.ppm.gz", "IM.PPM.GZ", "a.b.png"):
        assert is_image_path(Path(name)), name
    for name in ("a.txt", "a.gz", "a.tar.gz", "png", "a.png.txt"):
        assert not is_image_path(Path(name)), name
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in IMAGE_SUFFIXES)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP", "PPM"])
def test_pictures_that_are_read_are_known_by_their_content(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "eye"
    path.write_bytes(encoded(kind))
    assert is_read(head_of(path))
    assert is_photograph(path)
    assert read_photograph(path).pixels.shape == EYE.shape


@pytest.mark.parametrize("text", [b"P2P notes", b"BMW and others", b"", b"II. Methods", b"GIF"])
def test_letters_that_begin_like_a_picture_are_none(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(text)
    assert not is_photograph(path)
    assert unread_picture(path) is None


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_read_is_called_what_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / "eye.jpg"
    path.write_bytes(FOREIGN[name])
    with pytest.raises(ImageError, match=f"it is an? {name}.*; ") as error:
        read_photograph(path)
    assert "\n" not in str(error.value)


def test_a_folder_gives_every_photograph_even_those_it_cannot_read_and_counts_other_pictures(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name, kind in [("a.jfif", "JPEG"), ("b.jpe", "JPEG"), ("c.pgm", "PPM"), ("d", "PNG")]:
        (folder / name).write_bytes(encoded(kind))
    (folder / "e.heic").write_bytes(HEIC)
    (folder / "f.bin").write_bytes(FOREIGN["JPEG XL"])
    (folder / "g.NEF").write_bytes(b"")
    (folder / "a.heic").write_bytes(HEIC)  # exported as a.jfif
    (folder / "h.pdf").write_bytes(FOREIGN["PDF"])
    (folder / "notes.txt").write_bytes(b"OD, 12 March")
    (folder / "page.html").write_bytes(FOREIGN["web page"])
    with pytest.warns(UserWarning, match=tmp_path.name) as caught:
        jobs = plan([folder], tmp_path / "out")
    read, not_read = ["a.jfif", "b.jpe", "c.pgm", "d"], ["e.heic", "f.bin", "g.NEF"]
    assert [job.source.name for job in jobs] == read + not_read
    assert [job.name for job in jobs[:4]] == ["a", "b", "c", "d"]
    told = [str(one.message) for one in caught]  # a line each
    assert len(told) == 3
    assert told[0] == f"{folder}: 2 images are of unsupported formats"
    assert "a.heic: a HEIC photograph; export the photograph as JPEG" in told[1]
    assert "h.pdf: a PDF document" in told[2]
    assert not any("\n" in line for line in told)


def test_archives_in_a_folder_are_named_in_a_warning_and_documents_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    for name, inner in (
        ("export.zip", "DICOM/IM0001"),
        ("letter.docx", "[Content_Types].xml"),
        ("letter.odt", "mimetype"),
        ("maps.npz", "probability.npy"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inner, b"content")
    with pytest.warns(UserWarning, match=tmp_path.name) as caught:
        jobs = plan([tmp_path], tmp_path / "out")
    assert [job.source.name for job in jobs] == ["a.png"]
    assert [str(one.message) for one in caught] == [
        f"{tmp_path}: 1 archive is not searched",
        f"{tmp_path / 'export.zip'}: a ZIP archive; unpack it",
    ]


def test_of_many_pictures_that_cannot_be_read_ten_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    for number in range(11):
        (tmp_path / f"{number}.pdf").write_bytes(FOREIGN["PDF"])
    with pytest.warns(UserWarning, match=tmp_path.name) as caught:
        plan([tmp_path], tmp_path / "out")
    assert len(caught) == 12
    assert "11 images are of unsupported formats" in str(caught[0].message)
    assert str(caught[-1].message) == f"{tmp_path}: 1 more"


def test_one_picture_that_cannot_be_read_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "b.pdf").write_bytes(FOREIGN["PDF"])
    with pytest.warns(UserWarning, match=tmp_path.name) as caught:
        plan([tmp_path], tmp_path / "out")
    assert str(caught[0].message) == f"{tmp_path}: 1 image is of an unsupported format"


def test_a_folder_of_photographs_alone_is_not_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG"))
    (tmp_path / "notes.txt").write_bytes(b"OD")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(plan([tmp_path], tmp_path / "out")) == 1


def test_unknown_bytes_have_no_kind() -> None:
    assert foreign_kind(np.arange(64, dtype=np.uint8).tobytes()) is None
