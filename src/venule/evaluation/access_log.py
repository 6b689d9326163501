"""The record of every look at test images: scores that are looked at often are no longer a test."""

import json
import math
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from venule.data.case import Dataset, Expert
from venule.data.protocols import Selection, is_test, protocols_of, test_images
from venule.errors import OutputError
from venule.evaluation.predictor import Predictor
from venule.evaluation.result import Result

DEFAULT_FILE = Path("results") / "test_access.jsonl"

Purpose = Literal["evaluation", "card recheck", "sheet"]
"""Why test images were looked at: for scores, to see that published ones hold, for a picture."""


def holds_test_images(dataset: Dataset, selection: Selection) -> bool:
    """Whether a look at this split must be recorded.

    A split named `test...` must, and any split of another protocol than the data set's default
    with one of its test images (DRIVE's `ddrnet` validates on ten, `all` holds all).
    """
    if is_test(selection.split):
        return True
    if selection.protocol == next(iter(protocols_of(dataset))):
        return False
    tested = test_images(dataset)
    return any(record.id in tested for record in selection.cases)


def default_file() -> Path:
    """results/test_access.jsonl at the top of the current git checkout, or of this folder."""
    return checkout() / DEFAULT_FILE


def checkout() -> Path:
    """The top of the current git checkout; this folder outside of one."""
    top = _git("rev-parse", "--show-toplevel")
    return Path(top) if top else Path.cwd()


def require_writable(file: Path) -> None:
    """Raise OutputError unless a look can be recorded; asked before anything is scored."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise OutputError(
            f"{file}: cannot be written ({error.strerror}), and an access to test images must be "
            f"recorded; give another file with --access-log"
        ) from None


def record_access(result: Result, file: Path, *, purpose: Purpose = "evaluation") -> None:
    """Append one JSON line: date, commit, why, what was scored on what, weights' hash, scores."""
    _append(
        file,
        purpose=purpose,
        dataset=result.dataset,
        protocol=result.protocol,
        split=result.split,
        images=len(result.images),
        expert=result.expert,
        model=result.model,
        weights_sha256=result.weights_sha256,
        threshold=result.threshold,
        threshold_source=result.threshold_source,
        scores={
            "mean": _defined({name: score.mean for name, score in result.mean.items()}),
            "pooled": _defined(result.pooled),
        },
    )


def record_sheet(source: Predictor, selection: Selection, file: Path, *, expert: Expert) -> None:
    """Append one JSON line as `record_access` does, without scores, of a sheet of errors."""
    _append(
        file,
        purpose="sheet",
        dataset=selection.dataset,
        protocol=selection.protocol,
        split=selection.split,
        images=len(selection.cases),
        expert=expert,
        model=source.name,
        weights_sha256=source.weights_sha256,
        threshold=source.threshold,
        threshold_source=source.threshold_source,
    )


def _append(file: Path, *, purpose: Purpose, **looked_at: object) -> None:
    date = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"date": date, "commit": _commit(), "purpose": purpose, **looked_at})
    require_writable(file)
    # One write at the end of the file, so that two evaluations at a time keep their lines whole.
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    with os.fdopen(descriptor, "ab", buffering=0) as stream:
        stream.write(f"{line}\n".encode())


def _defined(scores: dict[str, float]) -> dict[str, float | None]:
    """JSON has no nan."""
    return {name: None if math.isnan(value) else round(value, 6) for name, value in scores.items()}


def _commit() -> str | None:
    """The commit of the current checkout, with `-dirty` if files differ from it."""
    commit = _git("rev-parse", "HEAD")
    others = (":(top)", f":(top,exclude){DEFAULT_FILE.as_posix()}")  # a look changes its own file
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *others)
    return f"{commit}-dirty" if commit and changed else commit


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
