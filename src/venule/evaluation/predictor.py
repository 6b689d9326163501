"""Predictors that can be scored or shown: a model, a folder of maps, a human observer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from venule.analysis.analyse import analyse
from venule.data.case import Case, Expert
from venule.data.maps import find_maps, is_mask, read_map_of
from venule.data.protocols import Selection
from venule.data.sample import Sample, load_annotated
from venule.data.truth import VESSEL, of_class
from venule.errors import UsageError
from venule.evaluation.observers import CORRECTED, find_corrected
from venule.evaluation.result import Kind, SeenImage
from venule.files.hashes import file_sha256
from venule.image.arrays import FloatMap
from venule.inference.load import load, weights_file
from venule.inference.segment import Segmenter
from venule.models.record import ClassRecord, ModelRecord

DEFAULT_THRESHOLD = 0.5
FovMode = Literal["found", "given"]
"""The field of view for a network: found from the photograph, or given with it."""

OBSERVERS: Mapping[str, Expert] = {"expert:first": "first", "expert:second": "second"}


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A source of a map for every image of a selection.

    `predict` maps a case and its sample to (H, W) float32 in 0..1 at the photograph's own size.
    `binary`: the maps are masks. `resize_px`: side of the square that photographs are resized to,
    if any. `runtime`: description of the network's runtime; empty for maps and observers.
    `class_name`: the class of the maps. `network_fov`: the field of view used by a network, "found"
    from the photograph as for users, or "given" with it; empty for maps and observers. `seen`: all
    images that the weights were trained or selected on, by the SHA-256 of their pixels.
    """

    name: str
    kind: Kind
    predict: Callable[[Case, Sample], FloatMap]
    threshold: float = DEFAULT_THRESHOLD
    threshold_source: str = "default"
    binary: bool = False
    class_name: str = VESSEL
    network_fov: str = ""
    resize_px: int | None = None
    weights_sha256: str | None = None
    runtime: str = ""
    seen: Mapping[str, tuple[SeenImage, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings for loading and running a network; folders of maps use `threshold` only.

    `device`, `checkpoint` and `runtime` are those of `venule.load`, except for runtime "auto", see
    `load_network`. `threshold` replaces that of the weights. `fov`: the field of view that the
    network gets. `tta`: with test-time augmentation.
    """

    threshold: float | None = None
    device: str = "auto"
    checkpoint: str = "dice"
    runtime: str = "auto"
    fov: FovMode = "found"
    tta: bool = False


DEFAULTS = Options()


def open_predictors(
    models: Sequence[str], selection: Selection, options: Options = DEFAULTS
) -> list[Predictor]:
    """Open a predictor for every name, see `open_predictor`; equal names are shown as typed."""
    predictors = [open_predictor(model, selection, options) for model in models]
    names = [source.name for source in predictors]
    return [
        replace(source, name=f"{source.name} ({model})") if names.count(source.name) > 1 else source
        for source, model in zip(predictors, models, strict=True)
    ]


def open_predictor(model: str, selection: Selection, options: Options = DEFAULTS) -> Predictor:
    """Open the predictor that `model` names.

    It is `expert:first` or `expert:second`, `corrected:FOLDER` for the person who corrected the
    masks in a folder of results, a folder of maps (one without `weights/` in it), or an argument of
    `venule.load`: a shipped name, a weights file or a run's folder.

    Raises:
        WeightsError, DatasetError, UsageError: nothing usable was found.
    """
    threshold = options.threshold
    if threshold is not None and not 0 < threshold < 1:
        raise UsageError(f"threshold {threshold:g}: use a number between 0 and 1, such as 0.5")
    if model in OBSERVERS:
        return expert_predictor(OBSERVERS[model])
    if model.startswith(CORRECTED):
        return corrected_predictor(Path(model.removeprefix(CORRECTED)), selection)
    if model and Path(model).is_dir() and not (Path(model) / "weights").is_dir():
        return maps_predictor(Path(model), selection, threshold=threshold)
    return model_predictor(model, options)


def model_predictor(model: str, options: Options = DEFAULTS) -> Predictor:
    """A predictor by `load_network`, with the same errors."""
    segmenter, digest = load_network(model, options)
    segmenter = segmenter.with_settings(threshold=options.threshold, tta=options.tta)
    return segmenter_predictor(segmenter, weights_sha256=digest, fov=options.fov)


def load_network(model: str, options: Options = DEFAULTS) -> tuple[Segmenter, str]:
    """The network by `venule.load`, with the same errors, and the SHA-256 of its weights file.

    Runtime "auto" is always float32: ONNX Runtime for .onnx, so that everybody gets the same scores
    for the same file.
    """
    file = weights_file(model, checkpoint=options.checkpoint)
    runtime = options.runtime
    if runtime == "auto" and file.suffix == ".onnx":
        runtime = "onnx"
    return load(file, device=options.device, runtime=runtime), file_sha256(file)


def segmenter_predictor(
    segmenter: Segmenter,
    *,
    name: str | None = None,
    weights_sha256: str | None = None,
    fov: FovMode = "found",
) -> Predictor:
    """A segmenter as users run it, with the seen images of its record.

    The threshold is that of `Prediction.vessel_map`, whose mask is the one that users get.
    With `fov` "found", the field of view is found from the photograph; with "given", it is that of
    the data set.
    """
    record, vessels = segmenter.record, _class_of_vessel_map(segmenter.record)

    def predict(_: Case, sample: Sample) -> FloatMap:
        given = sample.fov if fov == "given" else None
        return analyse(sample.image, segmenter, fov=given, steps=()).prediction.probability

    return Predictor(
        name=name or record.name,
        kind="model",
        predict=predict,
        threshold=vessels.threshold,
        threshold_source=vessels.threshold_source,
        resize_px=getattr(record.preprocessing.scaling, "side_px", None),
        weights_sha256=weights_sha256,
        runtime=segmenter.runtime,
        network_fov=fov,
        seen=seen_images(record),
    )


def seen_images(record: ModelRecord) -> dict[str, tuple[SeenImage, ...]]:
    """All images that the weights were trained or selected on, by the SHA-256 of their pixels."""
    seen: dict[str, tuple[SeenImage, ...]] = {}
    for split in record.seen:
        for id, digest in split.images.items():
            image = SeenImage(
                id=id,
                role=split.role,
                seen_as=id,
                dataset=split.dataset,
                protocol=split.protocol,
                split=split.split,
            )
            seen[digest] = (*seen.get(digest, ()), image)
    return seen


def _class_of_vessel_map(record: ModelRecord) -> ClassRecord:
    """The class whose threshold `Prediction.vessel_map` has: vessels, or the highest of several."""
    named = [one for one in record.classes if one.name == VESSEL]
    return max(named or record.classes, key=lambda one: one.threshold)


def maps_predictor(
    folder: Path, selection: Selection, *, threshold: float | None = None
) -> Predictor:
    """Maps or masks in a folder, see `data.maps.find_maps`; threshold 0.5 by default.

    Raises:
        DatasetError: an image has no map; when predicting, a map differs in size from its
            photograph.
    """
    paths = find_maps(folder, selection)
    binary = all(is_mask(path) for path in paths.values())

    def predict(case: Case, sample: Sample) -> FloatMap:
        return read_map_of(sample, paths[case.id], mask=binary)

    given = "default" if threshold is None else "given by the user"
    return Predictor(
        name=str(folder),
        kind="maps",
        predict=predict,
        threshold=DEFAULT_THRESHOLD if threshold is None or binary else threshold,
        threshold_source="the maps are masks" if binary else given,
        binary=binary,
    )


def expert_predictor(observer: Expert) -> Predictor:
    """A human observer of the data set."""

    def predict(case: Case, _: Sample) -> FloatMap:
        plane = of_class(load_annotated(case, expert=observer)[1], VESSEL)[0]
        return plane.astype(np.float32)

    return Predictor(
        name=f"expert:{observer}",
        kind="expert",
        predict=predict,
        threshold_source="the annotation is a mask",
        binary=True,
    )


def corrected_predictor(folder: Path, selection: Selection) -> Predictor:
    """A human observer: the person who corrected the masks in a folder of results.

    Raises:
        DatasetError: an image has no corrected mask; when predicting, one has another size.
    """
    paths = find_corrected(folder, selection)

    def predict(case: Case, sample: Sample) -> FloatMap:
        return read_map_of(sample, paths[case.id], mask=True)

    return Predictor(
        name=f"{CORRECTED}{folder}",
        kind="expert",
        predict=predict,
        threshold_source="the corrections are masks",
        binary=True,
    )
