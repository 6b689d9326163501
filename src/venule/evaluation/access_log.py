"""The test-set access log: scores that are looked at often are no longer a test.

A log is written where a file is named, and only there: nothing here knows of a repository. What
else its keeper wants to know of an access, such as the commit, comes as `context`.
"""

import json
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from venule.data.case import Dataset, Expert
from venule.data.protocols import Selection, is_test, protocols_of, test_images
from venule.errors import OutputError
from venule.evaluation.predictor import Predictor
from venule.evaluation.result import Result
from venule.evaluation.tasks import TaskResult

Purpose = Literal["evaluation", "card recheck", "sheet", "measurements"]
"""Why test images were used: for scores, to confirm those of a card, for a picture, or to compare
measurements of the vessels that were found with those of an annotator's."""

Context = Mapping[str, str | None]
"""Further facts of a line of the log, by name."""


def holds_test_images(dataset: Dataset, selection: Selection) -> bool:
    """Tell whether an evaluation of this split is an access to test images.

    A split named `test...` is, and any split of another protocol than the data set's default
    with one of its test images (DRIVE's `ddrnet` validates on ten, `all` holds all).
    """
    if is_test(selection.split):
        return True
    if selection.protocol == next(iter(protocols_of(dataset))):
        return False
    tested = test_images(dataset)
    return any(record.id in tested for record in selection.cases)


def require_writable(file: Path) -> None:
    """Raise OutputError unless an access can be recorded; asked before anything is scored."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise OutputError(
            f"{file}: cannot be written ({error.strerror}), and accesses to test images are to be "
            f"recorded there; give another file with --access-log"
        ) from None


def record_access(
    result: Result, file: Path, *, purpose: Purpose = "evaluation", context: Context | None = None
) -> None:
    """Append one JSON line: date, why, what was scored on what, weights' SHA-256, scores.

    Raises:
        OutputError: `file` cannot be written.
    """
    _append(
        file,
        context,
        purpose=purpose,
        dataset=result.dataset,
        protocol=result.protocol,
        split=result.split,
        images=len(result.images),
        expert=result.expert,
        model=result.model,
        weights_sha256=result.weights_sha256,
        runtime=result.runtime,
        threshold=result.threshold,
        threshold_source=result.threshold_source,
        scores={
            "mean": _defined({name: score.mean for name, score in result.mean.items()}),
            "pooled": _defined(result.pooled),
        },
    )


def record_task_access(result: TaskResult, file: Path, *, context: Context | None = None) -> None:
    """Append one JSON line as `record_access` does, of a task that is no vessel map."""
    _append(
        file,
        context,
        purpose="evaluation",
        task=result.task,
        dataset=result.dataset,
        protocol=result.protocol,
        split=result.split,
        images=len(result.images),
        model=result.model,
        weights_sha256=result.weights_sha256,
        scores={"mean": _defined({name: score.mean for name, score in result.mean.items()})},
    )


def record_sheet(
    source: Predictor,
    selection: Selection,
    file: Path,
    *,
    expert: Expert,
    purpose: Purpose = "sheet",
    context: Context | None = None,
) -> None:
    """Append one JSON line as `record_access` does, without scores: of a sheet of errors, say."""
    _append(
        file,
        context,
        purpose=purpose,
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


def _append(file: Path, context: Context | None, *, purpose: Purpose, **accessed: object) -> None:
    date = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"date": date, **(context or {}), "purpose": purpose, **accessed})
    require_writable(file)
    # One write at the end of the file, so that two evaluations at a time keep their lines whole.
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    with os.fdopen(descriptor, "ab", buffering=0) as stream:
        stream.write(f"{line}\n".encode())


def _defined(scores: dict[str, float]) -> dict[str, float | None]:
    """JSON has no nan."""
    return {name: None if math.isnan(value) else round(value, 6) for name, value in scores.items()}
