import csv
import errno
import os
import stat
from pathlib import Path

import pytest

from venule.dicom.key import write_key
from venule.errors import OutputError


def test_a_number_stays_one_and_other_text_is_no_formula(tmp_path: Path) -> None:
    names = ("-7", "=1+1", "-a", "a\r=1")
    write_key(tmp_path / "key.csv", [(name, tmp_path / "gone") for name in names], overwrite=False)
    with (tmp_path / "key.csv").open(encoding="utf-8", newline="") as file:
        assert [line["name"] for line in csv.DictReader(file)] == ["-7", "'=1+1", "'-a", "a\r=1"]


def test_a_key_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    key = tmp_path / "key.csv"
    write_key(key, [("a", tmp_path / "a.dcm")], overwrite=False)
    old = key.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("os.fdopen", full)
        with pytest.raises(OutputError, match="No space left on device"):
            write_key(key, [], overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["key.csv"]
    assert key.read_bytes() == old
    with pytest.raises(OutputError, match="exists already, with other photographs"):
        write_key(key, [], overwrite=False)
    key.chmod(0o644)
    write_key(key, [], overwrite=True)
    assert key.read_text(encoding="utf-8").startswith("name,path,")
    if os.name != "nt":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_key_of_a_run_that_goes_on_is_written_again(tmp_path: Path) -> None:
    key, one, two = tmp_path / "key.csv", ("a", tmp_path / "a.dcm"), ("=b", tmp_path / "b.dcm")
    write_key(key, [one, two], overwrite=False)
    before = key.read_bytes()
    write_key(key, [one, two], overwrite=False)
    assert key.read_bytes() == before


def test_a_file_that_is_no_key_is_never_replaced(tmp_path: Path) -> None:
    photograph = tmp_path / "eye.dcm"
    photograph.write_bytes(bytes(range(256)))
    with pytest.raises(OutputError, match="is no key; name a new file"):
        write_key(photograph, [], overwrite=True)
    assert photograph.read_bytes() == bytes(range(256))
