"""Refusals before anything in a results folder is changed."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from venule.errors import OutputError

Settings = Mapping[str, Any]
"""All that results depend on besides the photograph, as JSON: model, hash, threshold, ..."""


def refuse_overwriting(targets: Iterable[Path]) -> None:
    """Raise OutputError if one of the files exists already."""
    existing = filter(os.path.lexists, targets)
    first = next(existing, None)
    if first is not None:
        more = sum(1 for _ in existing)
        others = f" and {more} more" if more else ""
        raise OutputError(
            f"{first}{others} {'exist' if others else 'exists'} already; replace them with "
            "--overwrite or choose another folder for -o"
        )


def refuse_other_settings(out: Path, before: Settings, now: Settings) -> None:
    """Raise OutputError if the results in `out` have other settings."""
    if not before or before == now:
        return
    changed = ", ".join(_differences(before, now))
    raise OutputError(
        f"{out} holds results of other settings ({changed}); replace them with --overwrite or "
        "choose another folder for -o"
    )


def refuse_mixing(out: Path, others: Sequence[str]) -> None:
    """Raise OutputError if results of other settings, given by name, would stay in `out`."""
    if others:
        raise OutputError(
            f"{out} holds results of other settings that are not predicted now ({min(others)}, "
            f"{len(others)} in all), which --overwrite would leave among the new ones; predict "
            "them too, delete them, or choose another folder for -o"
        )


def _differences(before: Settings, now: Settings) -> Iterator[str]:
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from (f"{name}.{difference}" for difference in _differences(old, new))
        elif old != new:
            # Quoted, because a runtime's name contains commas.
            yield f"{name} {old!r}, now {new!r}"
