"""The command `venule`: its subcommands, and the reporting of errors.

Exit codes: 0 all done, 1 a bug, 2 usage or configuration, 3 some inputs failed, 4 none worked,
130 interrupted, 143 and 129 ended by SIGTERM and SIGHUP, 141 stdout was closed. The modules
imported here are light, so that `venule --help` is instant.
"""

import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType
from typing import Annotated

import typer

from venule import __version__
from venule.cli import (
    bench,
    calibrate,
    convert,
    data,
    evaluate,
    export,
    measure,
    merge,
    models,
    plot,
    predict,
    pretrain,
    report,
    serve,
    train,
    visualize,
)
from venule.cli.progress import say, shown
from venule.errors import VenuleError

BUG, MISTAKE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141

TRAIN_EXTRA = frozenset(
    {
        "accelerate",
        "matplotlib",
        "onnx",
        "onnxscript",
        "safetensors",
        "tensorboard",
        "torch",
        "torchvision",
    }
)

_OF_THE_DISK = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EMFILE,
        errno.ENAMETOOLONG,
    }
)
"""Errors of the disk, its permissions and its limits concern the user; any other is a bug."""

app = typer.Typer(
    help="Segment the blood vessels in colour fundus photographs. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train.train)
app.command()(pretrain.pretrain)
app.command()(convert.convert)
app.command()(predict.predict)
app.command()(merge.merge)
app.command()(evaluate.evaluate)
app.command()(measure.measure)
app.command()(visualize.visualize)
app.command()(plot.plot)
app.command()(export.export)
app.command()(calibrate.calibrate)
app.command()(models.models)
app.command()(bench.bench)
app.command()(serve.serve)
app.command()(report.report)
app.add_typer(data.app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"venule {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Handle the options before a command."""


def main() -> None:
    """Run the command line and exit with a documented exit code."""
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, TextIOWrapper):  # which may not encode every file name
        sys.stdout.reconfigure(errors="backslashreplace")
    received: list[int] = []
    try:
        with _signals_end_it(received):
            code = app(prog_name="venule", standalone_mode=False) or 0
    except Exception as error:
        code = _report(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as stopped:
        # Typer exits by itself only if stdout was closed.
        code = BROKEN_PIPE if stopped.code == 1 else stopped.code
    if code == INTERRUPTED:
        say("venule: interrupted; finished results are kept")
    sys.exit(128 + received[0] if code == INTERRUPTED and received else code)


@contextmanager
def _signals_end_it(received: list[int]) -> Iterator[None]:
    """Treat the end requested by a scheduler or a closed terminal like Ctrl-C.

    The signal is appended to `received`; one that is ignored (nohup) stays ignored.
    """
    process = os.getpid()

    def stop(number: int, _: FrameType | None) -> None:
        if os.getpid() != process:  # a process forked by a library
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        received.append(number)
        raise KeyboardInterrupt

    numbers = (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP"))  # no HUP on Windows
    ours = [n for n in numbers if n is not None and signal.getsignal(n) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line, without the code location that raised it."""
    say(f"venule: warning: {shown(message)}")


def _report(error: Exception) -> int:
    """Print to stderr what the user can do about `error`; return the exit code."""
    if os.environ.get("VENULE_TRACEBACK") == "1":
        traceback.print_exception(error)
    if type(error).__name__ == "NoArgsIsHelpError":  # Typer's own, private
        error.show()  # type: ignore[attr-defined]
        return MISTAKE
    message = _mistake(error)
    if message is not None:
        say(f"venule: error: {message}")
        return MISTAKE
    say(
        f"venule: bug: {type(error).__name__}: {_in_one_line(str(error))}\n"
        "  This is a fault in venule. Run the command again with VENULE_TRACEBACK=1 to see the "
        "traceback, and report it as CONTRIBUTING.md says."
    )
    return BUG


def _mistake(error: Exception) -> str | None:
    """The message if `error` is for the user to fix; None if it is a bug."""
    if isinstance(error, VenuleError):
        return shown(error)
    if hasattr(error, "format_message"):  # Typer's own, about the arguments
        return f"{_in_one_line(error.format_message())}; see venule --help"
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        if missing in TRAIN_EXTRA:
            return f"this needs {missing}, which is not installed: pip install 'venule[train]'"
        return None
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return shown(f"{error.strerror}: {error.filename}" if error.filename else error)
    return None


def _in_one_line(text: str) -> str:
    return shown(" ".join(text.split()).rstrip("."))
