"""Output files of commands: checks of what they may not replace."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from venule.errors import OutputError, UsageError


def check_outputs(outputs: Sequence[Path], inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse outputs that would replace an input, results or each other; called before any work.

    With `overwrite`, other existing files may be replaced.

    Raises:
        UsageError: an output is an input, a file of a results folder, or named twice.
        OutputError: an output exists, without `overwrite`.
    """
    from venule.batch.own_files import results_among

    places: set[str] = set()
    for output in outputs:
        if (place := os.path.realpath(output)) in places:
            raise UsageError(f"{output}: two outputs would be written there; name two files")
        places.add(place)
    existing = {_identity(output): output for output in outputs if output.exists()}
    if not existing:
        return
    for path in inputs:
        if path.exists() and _identity(path) in existing:
            output = existing[_identity(path)]
            raise UsageError(f"{output}: is an input; name another file for the output")
    if (found := results_among(existing.values())) is not None:
        output, folder = found
        raise UsageError(
            f"{output}: belongs to the results in {folder}; name another file for the output"
        )
    if not overwrite:
        first = next(iter(existing.values()))
        raise OutputError(f"{first} exists already; replace it with --overwrite")


def _identity(path: Path) -> tuple[int, int]:
    """Identity of the file itself, under whatever name or link."""
    status = path.stat()
    return (status.st_dev, status.st_ino)
