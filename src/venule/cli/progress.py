"""Progress on stderr: a bar on a terminal, otherwise one line per step; results on stdout."""

import os
import sys
import time
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self
from unicodedata import category

if TYPE_CHECKING:
    import rich.progress


_STEERING = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories of control characters, surrogates, and line and paragraph separators."""

_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional controls, which can make one name read as another."""


def _steers(letter: str) -> bool:
    return category(letter) in _STEERING or letter in _TURNS


def say(text: str) -> None:
    """Print a line to stderr; if it has been closed, work continues."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # a closed pipe or terminal
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def shown(name: object) -> str:
    r"""A file name safe to print: control characters escaped, as in \x1b."""
    return "".join(
        letter.encode("unicode_escape").decode() if _steers(letter) else letter
        for letter in str(name)
    )


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as 1 photograph and 2 photographs."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Progress:
    """Counts the steps of a batch on stderr, kept apart from the results on stdout."""

    def __init__(self, *, total: int) -> None:
        self.total = total
        self.done = 0
        self.skipped = 0
        self._bar: rich.progress.Progress | None = None
        self._first = self._last = time.monotonic()
        self._skipping = 0.0  # seconds

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar
            from rich.progress import TimeRemainingColumn as Remaining

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}", markup=False),
                Remaining(),
                TextColumn("{task.fields[now]}", markup=False),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), redirect_stdout=False)
            self._bar.add_task("", total=self.total, now="", rate="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with suppress(OSError):  # the terminal was closed
                self._bar.stop()

    def advance(self, step: str, seconds: float | None = None) -> None:
        """Count and name a completed step; pass its seconds if steps run in parallel."""
        step = shown(step)
        self.done += 1
        now = time.monotonic()
        rate = (self.done - self.skipped) / max(now - self._first - self._skipping, 1e-6)
        pace = f"{3600 * rate:,.0f} an hour"
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, now=step, rate=pace)
        else:
            took = f"{now - self._last if seconds is None else seconds:.1f} s"
            count = f"[{self.done}/{self.total}]"
            left = timedelta(seconds=round((self.total - self.done) / rate))
            rest = f"; {pace}, {left} left" if left else ""
            say(f"{count} {step} ({took}{rest})")
        self._last = now

    def skip(self) -> None:
        """Count a completed step that took no work."""
        self.done += 1
        self.skipped += 1
        now = time.monotonic()
        self._skipping += now - self._last
        self._last = now
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1)

    def line(self, text: str) -> None:
        """Print a line of progress to stderr, above the bar if there is one."""
        text = shown(text)
        if self._bar is None:
            say(text)
            return
        with suppress(OSError):
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def result(self, *names: object) -> None:
        """Print results to stdout, one per line, above the bar if both share a terminal."""
        if self._bar is not None and sys.stdout.isatty():
            for name in names:
                self.line(str(name))
            return
        try:
            print(*map(shown, names), sep="\n", flush=True)
        except OSError:  # stdout was closed; work continues
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
