"""Rows of a contact sheet: each photograph with its ground truth and all predictions."""

from collections.abc import Iterator, Sequence

import numpy as np

from venule.data.case import Case, Expert
from venule.data.protocols import Selection
from venule.data.sample import Sample, load_sample
from venule.evaluation.predictor import Predictor
from venule.image.arrays import RGB, Mask
from venule.viz.overlay import errors, overlay, probability_image


def sheet_headings(predictors: Sequence[Predictor]) -> list[str]:
    """The headings of the columns of `sheet_rows`."""
    columns = [[f"{source.name}: probability", "mask, errors"] for source in predictors]
    return ["photograph", "truth", *(heading for pair in columns for heading in pair)]


def sheet_rows(
    predictors: Sequence[Predictor], selection: Selection, *, expert: Expert = "first"
) -> Iterator[tuple[str, list[RGB]]]:
    """Yield the id and the pictures of each image, (H, W, 3) uint8 at the photograph's own size.

    Without an annotation, the ground truth is empty and the mask is shown over the photograph.
    """
    for case in selection.cases:
        sample = load_sample(case, expert=expert)
        truth = np.zeros(sample.fov.shape, bool) if sample.vessels is None else sample.vessels
        pictures = [sample.image, probability_image((truth & sample.fov).astype(np.float32))]
        for source in predictors:
            pictures += _pictures(source, case, sample)
        label = case.id if sample.vessels is not None else f"{case.id} (no truth)"
        yield label, pictures


def _pictures(source: Predictor, case: Case, sample: Sample) -> list[RGB]:
    probability = source.predict(case, sample)
    vessels: Mask = (probability >= source.threshold) & sample.fov
    if sample.vessels is None:
        second = overlay(sample.image, vessels)
    else:
        second = errors(vessels, sample.vessels, sample.fov)
    return [probability_image(probability), second]
