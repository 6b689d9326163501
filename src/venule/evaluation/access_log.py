"""The test-set access log: a test set that is scored often is no longer a test.

A log is written only to a file named by the caller. Further facts about an access, such as the
commit, are passed as `context`.
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
measurements of predicted vessels with those of an annotator's."""

Context = Mapping[str, str | None]
"""Further entries of a log line, by name."""


def holds_test_images(dataset: Dataset, selection: Selection) -> bool:
    """Tell whether an evaluation of this split accesses test images.

    A split named `test...` does, as does a split of another protocol than the data set's default if
    it contains one of its test images (DRIVE's `ddrnet` validates on ten, `all` contains all).
    """
    if is_test(selection.split):
        return True
    if selection.protocol == next(iter(protocols_of(dataset))):
        return False
    tested = test_images(dataset)
    return any(case.id in tested for case in selection.cases)


def require_writable(file: Path) -> None:
    """Raise OutputError unless an access can be recorded; checked before anything is scored."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise OutputError(
            f"{file}: cannot be written ({error.strerror}), and accesses to test images must be "
            f"recorded there; give another file with --access-log"
        ) from None


def record_access(
    result: Result, file: Path, *, purpose: Purpose = "evaluation", context: Context | None = None
) -> None:
    """Append one JSON line: date, purpose, predictor, images, SHA-256 of the weights, scores.

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
    """Append one JSON line, as `record_access`, for a task other than vessel segmentation."""
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
    """Append one JSON line, as `record_access`, without scores: for a sheet of errors, say."""
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
    # A single append, so that lines of concurrent evaluations are not interleaved.
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    with os.fdopen(descriptor, "ab", buffering=0) as stream:
        stream.write(f"{line}\n".encode())


def _defined(scores: dict[str, float]) -> dict[str, float | None]:
    """Replace nan, which JSON lacks, by None."""
    return {name: None if math.isnan(value) else round(value, 6) for name, value in scores.items()}
