import errno
import os
import stat
import struct
from pathlib import Path

import pytest

from venule.errors import OutputError
from venule.files.atomic import require_folder, write_bytes, writing, writing_together

NOBODY = 0xFFFFFFFF


def _permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a.png", b"1")
        (tmp_path / "plain").write_bytes(b"1")
    finally:
        os.umask(before)
    assert _permissions(tmp_path / "a.png") == _permissions(tmp_path / "plain") == 0o640


def test_a_folder_that_shuts_others_out_does_so_for_its_results(tmp_path: Path) -> None:
    # A default POSIX ACL: owner, group and group 1234 may do everything, others nothing.
    entries = ((1, 7, NOBODY), (4, 7, NOBODY), (8, 7, 1234), (16, 7, NOBODY), (32, 0, NOBODY))
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", packed)
    except (AttributeError, OSError) as error:
        pytest.skip(f"no POSIX ACLs here ({error})")
    write_bytes(tmp_path / "a.png", b"1")
    assert _permissions(tmp_path / "a.png") == 0o660


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_what_is_not_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(_: int) -> None:
        raise error

    (tmp_path / "a.png").write_bytes(b"old")
    monkeypatch.setattr("venule.files.atomic.os.fsync", fail)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_bytes(tmp_path / "a.png", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_a_disk_that_fails_twice_is_still_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("venule.files.atomic.os.fsync", fail)
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(OutputError, match=r"a\.png: cannot be written \(Input/output error\)"):
        write_bytes(tmp_path / "a.png", b"new")


@pytest.mark.parametrize("links", [True, False])
def test_files_that_are_written_together_are_all_new_or_all_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def no_link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr("venule.files.atomic.os.link", no_link)
    old, new, folder = tmp_path / "old", tmp_path / "new", tmp_path / "folder"
    old.write_bytes(b"1")
    folder.mkdir()

    def found() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    def written(*paths: Path, fail: bool = False) -> None:
        with writing_together(dict.fromkeys(paths, b"2")):
            assert [path.read_bytes() for path in paths] == [b"2"] * len(paths)
            if fail:
                raise KeyError

    with pytest.raises(OutputError, match="cannot be written"):
        written(old, new, folder)
    assert found() == {"old": b"1"}
    with pytest.raises(KeyError):
        written(old, new, fail=True)
    assert found() == {"old": b"1"}
    written(old, new)
    assert found() == {"old": b"2", "new": b"2"}


def test_a_folder_that_takes_no_file_is_said_before_long_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_folder(tmp_path / "scores.json")
    with pytest.raises(OutputError, match="does not exist"):
        require_folder(tmp_path / "missing" / "scores.json")
    with pytest.raises(OutputError, match="is a folder"):
        require_folder(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write into any folder
    with pytest.raises(OutputError, match="read-only"):
        require_folder(tmp_path / "scores.json")


@pytest.mark.parametrize("name", ["M" * 251 + ".csv", "眼" * 83 + ".csv"])
def test_the_longest_names_that_a_disk_allows_can_be_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    try:
        path.touch()
    except OSError as error:
        pytest.skip(f"no name of {len(os.fsencode(name))} bytes here ({error.strerror})")
    write_bytes(path, b"1")
    with writing(path) as file:
        file.write("2")
    with writing_together({path: b"3"}):
        pass
    assert path.read_bytes() == b"3"
    assert [one.name for one in tmp_path.iterdir()] == [name]
