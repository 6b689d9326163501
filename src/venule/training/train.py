"""Training from a configuration to a finished run, as `venule train` runs it."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from pydantic import BaseModel
from torch import nn

from venule.data.loader import EpochBatches, TrainingSet, derive_seed, training_loader
from venule.data.sound import require_sound_labels
from venule.errors import ConfigError, DatasetError
from venule.files.hashes import file_sha256
from venule.inference.load import weights_file
from venule.models.base import SegmentationModel
from venule.models.pretrained import DOWNLOADS, LoadReport, Source, load_pretrained, read_source
from venule.models.record import SeenImages
from venule.models.zoo import model_config
from venule.training.config import TrainConfig
from venule.training.config_file import read_config
from venule.training.loop import Loop, Report, make_accelerator
from venule.training.run import DATA, PRETRAINED, STATE, Run, environment
from venule.training.seen import read_seen, together
from venule.training.segmentation import (
    Chosen,
    SegmentationTask,
    TrainingHeads,
    choose,
    classes_of,
    training_set,
)
from venule.viz.curves import plot_curves, read_curves


def train(config: TrainConfig, *, root: Path, report: Report) -> Run:
    """Train by a configuration in a new run under `root`.

    Raises:
        ConfigError, DatasetError, WeightsError: something named in the configuration is missing.
    """
    accelerator = make_accelerator(config.schedule)
    selections = choose(config, "train"), choose(config, "val")
    for chosen in (*selections[0], *selections[1]):
        if chosen.maps is None:
            require_sound_labels(chosen.selection.cases, expert=chosen.source.expert)
    source = open_source(config.network.pretrained)
    config = _shaped(config, source)
    network = _network(config, classes_of(*selections))
    task = SegmentationTask(config, *selections)
    _require_unseen(task, source)
    loaded = load_pretrained(network, source) if source is not None else None
    del source  # its tensors have been copied
    samples = training_set(config, selections[0])
    run = shared_run(root, config.name, main=accelerator.is_main_process)
    if accelerator.is_main_process:
        begin(run, config, _account(task, selections), loaded, report)
    loop = _loop(task, network, samples, loaded.seen if loaded else (), run, accelerator)
    fit_and_draw(loop, report)
    return run


def resume(path: Path, *, report: Report) -> Run:
    """Resume an interrupted run and finish it, as if it had never been interrupted.

    Raises:
        DatasetError: photographs or annotations differ from those the run began with.
        ConfigError: its configuration differs from the one it was trained with.
        OutputError: another process trains it.
        WeightsError: a file of the run is missing or damaged.
    """
    run = Run.open(path)
    run.require_kind(pretraining=False)
    config = read_config(path / "config.toml", (), TrainConfig)
    accelerator = make_accelerator(config.schedule)
    selections = choose(config, "train"), choose(config, "val")
    network = _network(config, classes_of(*selections))
    task = SegmentationTask(config, *selections)
    _require_same(_account(task, selections), run)
    seen = start_again(network, config.network.pretrained, run)
    samples = training_set(config, selections[0])
    loop = _loop(task, network, samples, seen, run, accelerator)
    fit_and_draw(loop, report, resumed=True)
    return run


def begin(
    run: Run, config: BaseModel, account: object, loaded: LoadReport | None, report: Report
) -> None:
    """Write the initial files of a run to its new folder."""
    run.write_json("environment.json", environment())
    run.write_json(DATA, account)
    if loaded is not None:
        run.write_json(PRETRAINED, loaded.summary())
        counts = {
            "loaded": loaded.loaded,
            "mismatched": loaded.mismatched,
            "missing": loaded.missing,
        }
        report("pretrained", {part: len(names) for part, names in counts.items()})
    run.write_config(config)  # last: it makes the folder a run that can be resumed


def start_again(network: nn.Module, pretrained: str | None, run: Run) -> tuple[SeenImages, ...]:
    """The images seen by the initial weights of a run that is to be resumed.

    If the run has saved a state, nothing else is needed: the weights may have moved since. If it
    was killed before that, the matching weights are loaded into `network` again.
    """
    if pretrained is None:
        return ()
    if (run.path / STATE).exists():
        return read_seen(run.path / PRETRAINED)
    loaded = load_pretrained(network, read_source(pretrained_source(pretrained)))
    if loaded.sha256 != run.read_json(PRETRAINED).get("sha256"):
        raise ConfigError(
            f"{run.path}: {loaded.source} is no longer the file it began with; begin a new run"
        )
    return loaded.seen


def fit_and_draw(loop: Loop, report: Report, *, resumed: bool = False) -> None:
    """Train to the end, and plot the run's curves beside its log."""
    main = loop.accelerator.is_main_process
    with loop.run.claimed() if main else nullcontext():
        if resumed:
            loop.resume()
        loop.fit(report)
        if main:
            plot_curves([read_curves(loop.run.path)], loop.run.path / "curves.png")


def _shaped(config: TrainConfig, source: Source | None) -> TrainConfig:
    """The configuration with the options of the initial weights, if it gives none."""
    record = source.record if source is not None else None
    network = config.network
    if network.options or record is None or record.model != network.model:
        return config
    options = network.model_copy(update={"options": dict(record.options)})
    return config.model_copy(update={"network": options})


def shared_run(root: Path, name: str, *, main: bool) -> Run:
    """A new folder, created by the main process and shared with all."""
    path = [str(Run.create(root, name).path) if main else ""]
    return Run(Path(broadcast_object_list(path)[0]))


def pretrained_source(name: str) -> str:
    """The file that `network.pretrained` names, or the name of torchvision's weights.

    A shipped name, a weights file, a run's folder (the weights best by Dice, or for a pretraining
    by accuracy), "imagenet" or "coco".
    """
    if name in DOWNLOADS:
        return name
    classifier = Path(name) / "weights" / "best_accuracy.safetensors"
    return str(classifier if classifier.is_file() else weights_file(name))


def open_source(pretrained: str | None) -> Source | None:
    """Open what `network.pretrained` names, if it names anything."""
    return read_source(pretrained_source(pretrained)) if pretrained is not None else None


def _require_unseen(task: SegmentationTask, source: Source | None) -> None:
    """Raise ConfigError if the initial weights were trained on validation images."""
    learnt = {
        pixels
        for seen in (source.seen if source is not None else ())
        if seen.role == "trained"
        for pixels in seen.images.values()
    }
    known = [
        id for seen in task.selecting for id, pixels in seen.images.items() if pixels in learnt
    ]
    if known:
        raise ConfigError(
            f"network.pretrained = {task.config.network.pretrained}: was trained on validation "
            f"images ({', '.join(known)}), which can no longer select epoch and threshold; "
            "validate on others, or on none with data.val = []"
        )


def _account(task: SegmentationTask, selections: Sequence[Sequence[Chosen]]) -> dict[str, object]:
    """The content of data.json: the photographs by their pixels, and the target of each."""
    labels = [
        [{id: file_sha256(path) for id, path in chosen.labels()} for chosen in part]
        for part in selections
    ]
    return {"seen": [images.model_dump() for images in task.record.seen], "labels": labels}


def _require_same(account: dict[str, object], run: Run) -> None:
    """Raise DatasetError unless a resumed run has the data recorded in its data.json."""
    if run.read_json(DATA) != account:
        raise DatasetError(
            f"{run.path}: photographs or annotations are no longer those that it began with, which "
            f"{DATA} lists by their SHA-256; restore them, or begin a new run"
        )


def _network(config: TrainConfig, classes: tuple[str, ...]) -> SegmentationModel:
    """The network, randomly initialised; the configured seed determines all later draws too."""
    torch.manual_seed(derive_seed(config.schedule.seed))
    planes = len(classes) + (config.output.activation == "softmax")
    options = config.network.options | ({"classes": planes} if planes > 1 else {})
    return model_config(config.network.model, options).build()


def _loop(
    task: SegmentationTask,
    network: SegmentationModel,
    samples: TrainingSet,
    earlier: tuple[SeenImages, ...],
    run: Run,
    accelerator: Accelerator,
) -> Loop:
    config, schedule = task.config, task.config.schedule
    seen = together(task.record.seen, earlier)
    task.record = task.record.model_copy(update={"seen": seen})
    batches = EpochBatches(
        len(samples),
        schedule.batch_size,
        seed=schedule.seed,
        rank=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    return Loop(
        task,
        TrainingHeads(network),
        training_loader(samples, batches, workers=schedule.workers),
        batches,
        run,
        accelerator=accelerator,
        schedule=schedule,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        settings=config.model_dump(mode="json"),
    )
