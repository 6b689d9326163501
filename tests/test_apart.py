"""Tests that want a process in which nothing else has been computed before."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.runtimes import APART


def test_openvino_passes_its_tests_in_a_process_of_its_own(
    pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    # After hours of PyTorch, ONNX Runtime and thousands of tests in one process OpenVINO has
    # crashed, which it does not in a process that has only loaded them.
    tests = pytestconfig.stash.get(APART, [])
    if not tests:
        pytest.skip("OpenVINO is not installed, or its tests are not asked for")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    with capsys.disabled():  # else nobody would know how many tests these were
        sys.stdout.write(f"\n{done.stdout.strip().rpartition(chr(10))[2]}, in a process apart\n")
    assert done.returncode == 0, done.stdout + done.stderr
