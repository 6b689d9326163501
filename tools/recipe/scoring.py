"""The step that scores; every access to test images stands in the log before a score is seen."""

from typing import TYPE_CHECKING

import checkout
from recipe.place import Place
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.evaluation.access_log import holds_test_images, record_access, require_writable
from venule.evaluation.evaluate import evaluate, require_truth
from venule.evaluation.predictor import open_predictors
from venule.evaluation.report import to_json
from venule.evaluation.result import compare
from venule.files.atomic import write_bytes

if TYPE_CHECKING:
    from recipe.steps import Evaluate


def score(step: "Evaluate", place: Place) -> None:
    """Write the report of `venule evaluate --json` on the step's models.

    Raises:
        DatasetError, WeightsError: something named is not there.
        OutputError: the log or the report cannot be written.
    """
    from recipe.steps import say

    dataset = open_dataset(step.data)
    selection = select(dataset, step.protocol, step.split)
    require_truth(selection, "first")
    recorded = holds_test_images(dataset, selection)
    if recorded:
        require_writable(place.access_log)
    (place.results / step.out).parent.mkdir(parents=True, exist_ok=True)
    predictors = open_predictors(
        step.models, selection, device=place.device, checkpoint=step.checkpoint
    )
    results = []
    for predictor in predictors:
        result = evaluate(predictor, selection, progress=say)
        if recorded and predictor.kind != "expert":
            record_access(result, place.access_log, context=checkout.context())
        results.append(result)
    write_bytes(place.results / step.out, to_json(compare(tuple(results))))
