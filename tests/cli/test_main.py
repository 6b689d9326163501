import errno
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from PIL import Image

from support.commands import Run
from venule import __version__
from venule.cli import main as cli
from venule.errors import ImageError

COMMANDS = [
    "train",
    "pretrain",
    "convert",
    "evaluate",
    "visualize",
    "plot",
    "predict",
    "export",
    "models",
    "bench",
    "calibrate",
    "data",
    "measure",
    "merge",
    "serve",
    "report",
]


def _failing(error: BaseException) -> Callable[..., None]:
    def app(**_: object) -> None:
        raise error

    return app


def test_help_lists_every_command(venule: Run) -> None:
    ran = venule("--help")
    assert ran.code == 0
    listed = [line.split()[0] for line in ran.out.partition("Commands:")[2].strip().splitlines()]
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(venule: Run, command: str) -> None:
    ran = venule(command, "--help")
    assert ran.code == 0
    assert f"Usage: venule {command}" in ran.out
    assert "[default: ()]" not in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.split()[:2] == ["venule", command]]


def test_the_version_is_printed(venule: Run) -> None:
    ran = venule("--version")
    assert (ran.code, ran.out) == (0, f"venule {__version__}\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["predict"], ["predict", "--nonsense"], []])
def test_a_wrong_command_line_exits_with_2(venule: Run, arguments: list[str]) -> None:
    assert venule(*arguments).code == 2


def test_a_known_error_is_one_line_and_exit_code_2(
    venule: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "app", _failing(ImageError("a.png: no such file")))
    ran = venule("predict")
    assert (ran.code, ran.out, ran.err) == (2, "", "venule: error: a.png: no such file\n")


def test_names_in_errors_and_warnings_neither_steer_the_terminal_nor_begin_a_line(
    venule: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", _failing(ImageError("no\nsuch\x1b[31m.jpg: no such file")))
    assert venule("predict").err == "venule: error: no\\nsuch\\x1b[31m.jpg: no such file\n"
    cli._show_warning("in/ev\x1b[31mil\nvenule: error: passed over")
    said = capsys.readouterr().err
    assert said == "venule: warning: in/ev\\x1b[31mil\\nvenule: error: passed over\n"


def test_a_bug_names_the_traceback_variable_and_exits_with_1(
    venule: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENULE_TRACEBACK", raising=False)
    monkeypatch.setattr(cli, "app", _failing(ZeroDivisionError("division by zero")))
    ran = venule("predict")
    assert ran.code == 1
    assert ran.err.startswith("venule: bug: ZeroDivisionError: division by zero\n")
    assert "VENULE_TRACEBACK=1" in ran.err
    assert "Traceback" not in ran.err


def test_the_traceback_is_shown_on_request(venule: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENULE_TRACEBACK", "1")
    monkeypatch.setattr(cli, "app", _failing(ZeroDivisionError("division by zero")))
    assert "Traceback (most recent call last)" in venule("predict").err


@pytest.mark.parametrize("name", ["torch", "matplotlib.pyplot", "accelerate"])
def test_a_missing_extra_is_one_line_that_says_what_to_install(
    venule: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    error = ModuleNotFoundError(f"No module named {name!r}", name=name)
    monkeypatch.setattr(cli, "app", _failing(error))
    ran = venule("train")
    package = name.partition(".")[0]
    assert ran.code == 2
    assert ran.err == (
        f"venule: error: this needs {package}, which is not installed: "
        "pip install 'venule[train]'\n"
    )


def test_a_module_of_our_own_that_is_missing_is_a_bug(
    venule: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ModuleNotFoundError("No module named 'venule.nonsense'", name="venule.nonsense")
    monkeypatch.setattr(cli, "app", _failing(error))
    assert venule("predict").code == 1


def test_a_full_disk_is_an_error_of_the_user(venule: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "out/a.png")
    monkeypatch.setattr(cli, "app", _failing(error))
    ran = venule("predict")
    assert (ran.code, ran.err) == (2, "venule: error: No space left on device: out/a.png\n")


def test_a_path_longer_than_names_can_be_is_an_error_of_the_user(venule: Run) -> None:
    ran = venule("predict", "a" * 300, "-o", "out")
    assert ran.code == 2
    assert ran.err.startswith("venule: error: File name too long: aaa")


def test_names_that_stdout_cannot_spell_stop_nothing(tmp_path: Path) -> None:
    code = "from venule.cli.main import main; main()"
    image = tmp_path / "\u773c.png"
    Image.new("RGB", (64, 64), (90, 40, 10)).save(image)
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", str(image), "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\\u773c_mask.png\n")


def test_an_interruption_exits_with_130(venule: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "app", _failing(KeyboardInterrupt()))
    assert venule("predict").code == 130


def test_the_command_is_installed() -> None:
    found = entry_points(group="console_scripts", name="venule")
    assert {entry.value for entry in found} == {"venule.cli.main:main"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train"], "name a configuration, such as"),
        (["train", "--resume", "run", "a.toml"], "give nothing else with it"),
        (["export", "general", "-o", "x.onnx"], "export writes .onnx from .safetensors"),
        (["export", "general", "-o", "there.safetensors"], "replace it with --overwrite"),
    ],
)
def test_mistakes_of_training_and_exporting_are_one_line(
    venule: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.safetensors").touch()
    ran = venule(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("venule: error: ")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_the_command_runs() -> None:
    code = "from venule.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"venule {__version__}\n")
