"""Scoring of a segmenter, a folder of maps or a human observer on one split, image by image.

The scoring protocol: inside the field of view, at the photograph's own size, against one expert, at
the threshold stored with the weights. Nothing is chosen on the scored images.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import venule
from venule.data.case import Case, Expert
from venule.data.protocols import Selection
from venule.data.sample import load_annotated
from venule.data.truth import of_class
from venule.errors import DatasetError, UsageError
from venule.evaluation.intervals import bootstrap
from venule.evaluation.legacy import SIDE_PX, LegacyScorer
from venule.evaluation.predictor import Predictor
from venule.evaluation.result import ImageScores, Result, SeenImage
from venule.evaluation.score import Scorer
from venule.image.arrays import RGB
from venule.image.io import pixel_hash
from venule.metrics.metric import Scored, labels

Progress = Callable[[str], None]
"""Called with the id of every image that has been scored."""


@dataclass(frozen=True, eq=False)
class ScoredImage:
    """One scored image: its photograph (H, W, 3) uint8, masks and scores."""

    id: str
    photograph: RGB
    scored: Scored
    scores: Mapping[str, float]


Watch = Callable[[ScoredImage], None]
"""Called with every scored image, whose pixels are released afterwards."""


def evaluate(
    source: Predictor,
    selection: Selection,
    *,
    expert: Expert = "first",
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Result:
    """The scores of `source` on the images of `selection`, against the annotations of `expert`.

    Raises:
        DatasetError: an image has no annotation by the expert, or the selection is empty.
        UsageError: an observer against itself.
        ImageError: a file cannot be read.
    """
    require_truth(selection, expert)
    if source.name == f"expert:{expert}":
        raise UsageError(f"{source.name} against itself; give the other expert with --expert")
    scorer = Scorer(binary=source.binary)
    legacy = LegacyScorer(side_px=source.resize_px or SIDE_PX)
    images: list[ImageScores] = []
    seen: list[SeenImage] = []
    for case in selection.cases:
        sample, truth = load_annotated(case, expert=expert)
        if source.seen:
            hits = source.seen.get(pixel_hash(sample.image), ())
            seen += [hit.model_copy(update={"id": case.id}) for hit in hits]
        probability = source.predict(case, sample)
        plane, counts = of_class(truth, source.class_name)
        scored = Scored(probability, plane, sample.fov & counts, threshold=source.threshold)
        scores = scorer.score(scored)
        legacy.add(probability, plane)
        images.append(ImageScores(id=case.id, scores=scores))
        if watch is not None:
            watch(ScoredImage(case.id, sample.image, scored, scores))
        if progress is not None:
            progress(case.id)
    names = [name for name in labels() if name in images[0].scores]
    return Result(
        model=source.name,
        kind=source.kind,
        weights_sha256=source.weights_sha256,
        runtime=source.runtime,
        dataset=selection.dataset,
        protocol=selection.protocol,
        split=selection.split,
        split_source=selection.source,
        expert=expert,
        class_name=source.class_name,
        fov_rule=_fov_rule(selection.cases),
        network_fov=source.network_fov,
        threshold=source.threshold,
        threshold_source=source.threshold_source,
        images=tuple(images),
        mean={name: bootstrap([image.scores[name] for image in images]) for name in names},
        pooled=scorer.pooled(),
        legacy=legacy.result(),
        recall_by_width=scorer.recall_by_width(),
        calibration=scorer.calibration(),
        seen=tuple(seen),
        package_version=venule.__version__,
    )


def require_truth(selection: Selection, expert: Expert) -> None:
    """Raise DatasetError unless every image of the selection has an annotation by `expert`."""
    where = f"{selection.dataset} {selection.protocol} {selection.split}"
    if not selection.cases:
        raise DatasetError(f"{where}: holds no image, so there is nothing to score")
    truths = [(case, case.truth(expert)) for case in selection.cases]
    bare = [case for case, truth in truths if truth is None or not truth.is_file()]
    if bare:
        raise DatasetError(
            f"{where}: {len(bare)} of {len(selection.cases)} images have no annotation of the "
            f"{expert} expert (the first is {bare[0].image}); score a split or protocol with truth"
        )


def _fov_rule(cases: tuple[Case, ...]) -> str:
    found = sum(case.fov is None for case in cases)
    if not found:
        return "mask files of the data set"
    if found == len(cases):
        return "found from each photograph"
    return f"mask files of the data set; found from the photograph for {found}"
