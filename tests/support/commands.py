"""The command line as a user runs it, and a network that needs no training: fixtures."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.networks import write_network
from venule.cli.main import main
from venule.models.record import ClassRecord, ModelRecord


@dataclass(frozen=True)
class Ran:
    """A command's output, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]
"""Runs `venule ARGUMENTS...`."""


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let commands be interrupted even where the tests were started in a shell's background.

    Such a shell has SIGINT ignored, and every process below it inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def venule(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `venule ARGUMENTS...` in this process."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["venule", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def tiny_onnx(tmp_path: Path) -> Path:
    """A network of one 1 x 1 convolution whose logit is minus the normalised green channel."""
    record = ModelRecord(name="tiny", model="tiny", classes=(ClassRecord(threshold=0.6),))
    return write_network(tmp_path / "tiny.onnx", record)
