"""Scores of artery/vein classification and of landmarks, on one split each."""

from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import BaseModel

import venule
from venule.analysis.analyse import Analysis, Networks, analyse
from venule.analysis.marks import LANDMARKS, TYPES
from venule.data.case import Case, Expert
from venule.data.protocols import Selection
from venule.data.sample import Sample, load_annotated
from venule.data.truth import GroundTruth, Landmarks
from venule.errors import DatasetError
from venule.evaluation import landmarks_task, types_task
from venule.evaluation.evaluate import require_truth
from venule.evaluation.intervals import DESCRIPTION, Interval, bootstrap
from venule.evaluation.predictor import seen_images
from venule.evaluation.result import ImageScores, SeenImage
from venule.image.io import pixel_hash

Task = Literal["av", "landmarks"]

LABELS: Mapping[Task, Mapping[str, str]] = {
    "av": types_task.LABELS,
    "landmarks": landmarks_task.LABELS,
}

Progress = Callable[[str], None]


class TaskResult(BaseModel, frozen=True, extra="forbid"):
    """A network's scores on one split; `vessels` names the network whose mask was classified."""

    task: Task
    model: str
    weights_sha256: str | None = None
    runtime: str = ""
    vessels: str = ""
    dataset: str
    protocol: str
    split: str
    split_source: str
    images: tuple[ImageScores, ...]
    mean: dict[str, Interval]
    seen: tuple[SeenImage, ...] = ()
    package_version: str


class TaskReport(BaseModel, frozen=True, extra="forbid"):
    """Results, with a description of their intervals."""

    results: tuple[TaskResult, ...]
    interval: str = DESCRIPTION


def evaluate_task(
    task: Task,
    networks: Networks,
    selection: Selection,
    *,
    weights_sha256: str | None = None,
    progress: Progress | None = None,
) -> TaskResult:
    """Score a network by the analysis that users run, in the data set's fields of view.

    Raises:
        DatasetError: an image has no annotation for the task, or the selection is empty.
        ImageError: a file cannot be read.
        UsageError: the network is for another task.
    """
    expert: Expert = "av" if task == "av" else "landmarks"
    require_truth(selection, expert)
    network = (networks.types if task == "av" else networks.landmarks) or networks.vessels
    before = seen_images(network.record)
    images: list[ImageScores] = []
    seen: list[SeenImage] = []
    for case in selection.cases:
        sample, truth = load_annotated(case, expert=expert)
        hits = before.get(pixel_hash(sample.image), ())
        seen += [hit.model_copy(update={"id": case.id}) for hit in hits]
        step = TYPES if task == "av" else LANDMARKS
        found = analyse(sample.image, networks, steps=(step,))
        scores = _types(found, truth, sample) if task == "av" else _landmarks(found, truth, case)
        images.append(ImageScores(id=case.id, scores=scores))
        if progress is not None:
            progress(case.id)
    return TaskResult(
        task=task,
        model=network.record.name,
        weights_sha256=weights_sha256,
        runtime=network.runtime,
        vessels=networks.vessels.record.name,
        dataset=selection.dataset,
        protocol=selection.protocol,
        split=selection.split,
        split_source=selection.source,
        images=tuple(images),
        mean={name: bootstrap([one.scores[name] for one in images]) for name in LABELS[task]},
        seen=tuple(seen),
        package_version=venule.__version__,
    )


def _types(found: Analysis, truth: GroundTruth, sample: Sample) -> dict[str, float]:
    maps, mask = found.prediction.maps, found.prediction.vessels
    return types_task.score_types(maps["artery"].mask, maps["vein"].mask, mask, truth, sample.fov)


def _landmarks(found: Analysis, truth: GroundTruth, case: Case) -> dict[str, float]:
    annotation = case.landmarks
    if found.landmarks is None or annotation is None:
        raise DatasetError(f"{case.image}: has no disc and fovea to compare with")
    assert isinstance(annotation.codec, Landmarks)
    return landmarks_task.score_landmarks(found.landmarks, truth, annotation.codec)
