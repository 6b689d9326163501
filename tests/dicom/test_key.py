import csv
import errno
import os
import stat
from pathlib import Path

import pytest

from venule.dicom.key import write_key
from venule.errors import OutputError


def test_a_number_stays_one_and_other_text_is_no_formula(tmp_path: Path) -> None:
    names = ("-7", "=1+1", "-a")
    write_key(tmp_path / "key.csv", [(name, tmp_path / "gone") for name in names], overwrite=False)
    with (tmp_path / "key.csv").open(encoding="utf-8", newline="") as file:
        assert [line["name"] for line in csv.DictReader(file)] == ["-7", "'=1+1", "'-a"]


def test_a_key_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    key = tmp_path / "key.csv"
    key.write_text("old", encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr("os.fdopen", full)
        with pytest.raises(OutputError, match="No space left on device"):
            write_key(key, [], overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["key.csv"]
    assert key.read_text(encoding="utf-8") == "old"
    with pytest.raises(OutputError, match="exists already"):
        write_key(key, [], overwrite=False)
    key.chmod(0o644)
    write_key(key, [], overwrite=True)
    assert key.read_text(encoding="utf-8").startswith("name,path,")
    if os.name != "nt":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
