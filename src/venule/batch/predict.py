"""Photographs to files: probability map, mask and overlay, one bad file at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from venule.batch.plan import Job
from venule.errors import ImageError, OutputError
from venule.image.io import read_image, write_png
from venule.inference.segment import Segmenter
from venule.viz.overlay import overlay


@dataclass(frozen=True)
class Written:
    """The job's three files have been written."""

    job: Job


@dataclass(frozen=True)
class Failed:
    """The job wrote nothing more, for a reason that the user can act on."""

    job: Job
    reason: str


def run(jobs: Iterable[Job], segmenter: Segmenter) -> Iterator[Written | Failed]:
    """What became of each job, as soon as it is known; a bad photograph does not stop the rest.

    Raises:
        OutputError: a result cannot be written; the next one could not either.
    """
    for job in jobs:
        try:
            predict_file(job, segmenter)
        except ImageError as error:
            yield Failed(job, str(error).removeprefix(f"{job.source}: "))
        except MemoryError:
            yield Failed(job, "too large for this computer's memory")
        else:
            yield Written(job)


def predict_file(job: Job, segmenter: Segmenter) -> None:
    """Write the probability (16-bit grey), mask (0 or 255) and overlay of one photograph.

    Each has the photograph's own size; probability p is stored as round(65535 p).

    Raises:
        ImageError: the photograph cannot be read.
        OutputError: a result cannot be written.
    """
    image = read_image(job.source)
    prediction = segmenter.segment(image)
    make_folder(job.probability.parent)
    try:
        write_png(job.probability, np.rint(prediction.probability * 65535).astype(np.uint16))
        write_png(job.mask, prediction.vessels)
        write_png(job.overlay, overlay(image, prediction.vessels))
    except BaseException:  # Ctrl-C too: all three results, or none
        for target in job.targets:
            target.unlink(missing_ok=True)
        raise


def make_folder(folder: Path) -> None:
    """Make the folder of results and those above it; OutputError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
