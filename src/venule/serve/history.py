"""The log of corrections with author and time: one JSON line per change, next to the results."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from venule.analysis.analyse import Analysis
from venule.errors import OutputError


@contextmanager
def appended(
    history: Path, *, who: str, what: str, before: Analysis, after: Analysis
) -> Iterator[None]:
    """Append a change, synced to disk; if that or the body fails, no part of the line remains.

    Raises:
        OutputError: the file cannot be written.
    """
    when = datetime.now(UTC).isoformat(timespec="seconds")
    told = {"when": when, "who": who, "what": what, "revision": after.revision}
    told |= _differences(before, after)
    told |= {"model": after.model, "prediction_sha256": after.prediction_sha256}
    size: int | None = None
    try:
        try:
            with history.open("ab") as file:
                size = file.tell()
                file.write(json.dumps(told).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{history.name}: cannot be written ({error.strerror})") from error
        yield
    except BaseException:
        if size is not None:
            with suppress(OSError):
                os.truncate(history, size)
        raise


def _differences(before: Analysis, after: Analysis) -> dict[str, Any]:
    told: dict[str, Any] = {}
    old, new = before.prediction.vessels, after.prediction.vessels
    told["added_px"] = int(np.count_nonzero(new & ~old))
    told["removed_px"] = int(np.count_nonzero(old & ~new))
    types = after.prediction.types
    if types is not None:
        known = before.prediction.types
        changed = types if known is None else types != known
        told["retyped_px"] = int(np.count_nonzero((changed > 0) & old & new))
    if before.landmarks is not after.landmarks and after.landmarks is not None:
        disc = after.landmarks.disc
        told["disc"] = None if disc is None else [disc.x, disc.y, disc.major_px, disc.minor_px]
    return told
