"""The step that scores; every access to test images is logged before a score is seen."""

from typing import TYPE_CHECKING

import checkout
from recipe.place import Place
from venule.analysis.analyse import Networks
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.evaluation.access_log import (
    holds_test_images,
    record_access,
    record_task_access,
    require_writable,
)
from venule.evaluation.evaluate import evaluate, require_truth
from venule.evaluation.predictor import Options, load_network, open_predictors
from venule.evaluation.report import to_json
from venule.evaluation.result import compare
from venule.evaluation.tasks import TaskReport, evaluate_task
from venule.files.atomic import write_bytes
from venule.inference.load import load

if TYPE_CHECKING:
    from recipe.judging import Evaluate


def score(step: "Evaluate", place: Place) -> None:
    """Write the report of `venule evaluate --json` for the step's models.

    Raises:
        DatasetError, WeightsError: something named is missing.
        OutputError: the log or the report cannot be written.
    """
    from recipe.step import say

    dataset = open_dataset(step.data)
    selection = select(dataset, step.protocol, step.split)
    require_truth(selection, "first")
    recorded = holds_test_images(dataset, selection)
    if recorded:
        require_writable(place.access_log)
    (place.results / step.out).parent.mkdir(parents=True, exist_ok=True)
    predictors = open_predictors(
        step.models,
        selection,
        Options(device=place.device, checkpoint=step.checkpoint, tta=step.tta),
    )
    results = []
    for predictor in predictors:
        result = evaluate(predictor, selection, progress=say)
        if recorded and predictor.kind != "expert":
            record_access(result, place.access_log, context=checkout.context())
        results.append(result)
    write_bytes(place.results / step.out, to_json(compare(tuple(results))))


def score_task(step: "Evaluate", place: Place) -> None:
    """Write the report of `venule evaluate --task --json` for the step's network.

    Raises:
        DatasetError, WeightsError: something named is missing.
        OutputError: the log or the report cannot be written.
    """
    from recipe.step import say

    assert step.task is not None
    dataset = open_dataset(step.data)
    selection = select(dataset, step.protocol, step.split, expert=step.task)
    recorded = holds_test_images(dataset, selection)
    if recorded:
        require_writable(place.access_log)
    (place.results / step.out).parent.mkdir(parents=True, exist_ok=True)
    (model,) = step.models
    options = Options(device=place.device, checkpoint=step.checkpoint)
    network, digest = load_network(model, options)
    vessels = load("general", device=place.device, runtime="onnx")
    networks = (
        Networks(vessels, types=network)
        if step.task == "av"
        else Networks(vessels, landmarks=network)
    )
    result = evaluate_task(step.task, networks, selection, weights_sha256=digest, progress=say)
    if recorded:
        record_task_access(result, place.access_log, context=checkout.context())
    report = TaskReport(results=(result,)).model_dump_json(indent=2)
    write_bytes(place.results / step.out, f"{report}\n".encode())
