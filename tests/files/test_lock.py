import subprocess
import sys
from pathlib import Path

import pytest

from venule.errors import OutputError
from venule.files.lock import locked

PROGRAM = """
import sys
from pathlib import Path
from venule.files.lock import locked
print("ready", flush=True)
with locked(Path(sys.argv[1])):
    print("has it", flush=True)
"""


def test_another_process_waits_for_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "lock")]
    with locked(tmp_path / "lock"):
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=0.5)
    assert other.communicate(timeout=30)[0] == "has it\n"
    assert other.returncode == 0


def test_a_lock_in_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"), locked(tmp_path / "no" / "lock"):
        raise AssertionError
