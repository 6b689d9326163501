"""Progress as lines, and as a bar on a terminal."""

import sys
from types import SimpleNamespace

import pytest

from venule.cli.progress import Progress
from venule.cli.train import TrainingProgress


def test_pace_and_rest_are_those_of_the_work_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 4.0, 14.0])
    monkeypatch.setattr("venule.cli.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with Progress(total=4) as progress:
        progress.skip()
        progress.advance("eye.png")
    assert capsys.readouterr().err == "[2/4] eye.png (10.0 s; 360 an hour, 0:00:20 left)\n"


def test_a_step_beside_others_has_seconds_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 4.0])
    monkeypatch.setattr("venule.cli.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with Progress(total=1) as progress:
        progress.advance("eye.png", 7.5)
    assert capsys.readouterr().err == "[1/1] eye.png (7.5 s)\n"


def pass_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stderr be one, as pytest has it while a test runs."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def test_a_bar_counts_and_lines_and_results_stand_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pass_for_a_terminal(monkeypatch)
    with Progress(total=2) as progress:
        progress.skip()
        progress.advance("eye.png")
        progress.line("[grey]")
        progress.result("a")
    said = capsys.readouterr()
    assert said.out == "a\n"
    assert "━" in said.err
    assert "2/2" in said.err
    assert "[grey]" in said.err


def test_a_training_counts_the_steps_of_an_epoch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pass_for_a_terminal(monkeypatch)
    with TrainingProgress() as progress:
        progress.report("step", {"epoch": 1, "step": 1, "steps": 4})
    said = capsys.readouterr().err
    assert "1/4" in said
    assert "epoch 1" in said
