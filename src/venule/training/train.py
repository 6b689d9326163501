"""From a configuration to a finished run: what `venule train` calls."""

import json
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn

from venule.data.loader import EpochBatches, derive_seed, training_loader
from venule.errors import ConfigError, DatasetError
from venule.inference.load import weights_file
from venule.models.pretrained import DOWNLOADS, load_pretrained, read_record, seen_by
from venule.models.record import SeenImages
from venule.models.zoo import model_config
from venule.training.config import TrainConfig
from venule.training.config_file import read_config
from venule.training.loop import Loop, Report, make_accelerator
from venule.training.run import DATA, STATE, Run, environment
from venule.training.segmentation import (
    Chosen,
    SegmentationTask,
    TrainingHeads,
    choose,
    training_set,
)
from venule.viz.curves import plot_curves, read_curves


def train(config: TrainConfig, *, root: Path, report: Report) -> Run:
    """A new run under `root` by one configuration, trained to its end.

    Raises:
        ConfigError, DatasetError, WeightsError: something named in the configuration is not there.
    """
    accelerator = make_accelerator(config.schedule)
    selections = _selections(config)
    model_config(config.network.model, config.network.options)  # complain before making a folder
    config = _shaped(config)
    task = SegmentationTask(config, *selections)
    _require_unseen(task, config.network.pretrained)
    run = shared_run(root, config.name, main=accelerator.is_main_process)
    if accelerator.is_main_process:
        run.write_json("environment.json", environment())
        run.write_config(config)  # last: it makes the folder a run that can be resumed
    fit_and_draw(_loop(task, selections, run, accelerator, report), report)
    return run


def resume(path: Path, *, report: Report) -> Run:
    """Carry an interrupted run on to its end, as if it had never stopped.

    Raises:
        DatasetError: the photographs are no longer those that the run began with.
    """
    run = Run.open(path)
    run.require_kind(pretraining=False)
    config = read_config(path / "config.toml", (), TrainConfig)
    accelerator = make_accelerator(config.schedule)
    selections = _selections(config)
    task = SegmentationTask(config, *selections)
    loop = _loop(task, selections, run, accelerator, report)
    loop.resume()
    fit_and_draw(loop, report)
    return run


def fit_and_draw(loop: Loop, report: Report) -> None:
    """Train to the end; the run's curves are drawn beside its log."""
    loop.fit(report)
    if loop.accelerator.is_main_process:
        plot_curves([read_curves(loop.run.path)], loop.run.path / "curves.png")


def _shaped(config: TrainConfig) -> TrainConfig:
    """The configuration with the options of the weights that it starts from, if it gives none."""
    network = config.network
    if network.pretrained is None:
        return config
    source = pretrained_source(network.pretrained)  # complain before making a folder
    record = None if network.options else read_record(source)
    if record is None or record.model != network.model:
        return config
    options = network.model_copy(update={"options": dict(record.options)})
    return config.model_copy(update={"network": options})


def _selections(config: TrainConfig) -> tuple[tuple[Chosen, ...], tuple[Chosen, ...]]:
    train, val = choose(config, "train"), choose(config, "val")
    if not train:
        raise ConfigError("data.train = []: name at least one split to train on")
    return train, val


def shared_run(root: Path, name: str, *, main: bool) -> Run:
    """A new folder, made by the main process and known to all."""
    path = [str(Run.create(root, name).path) if main else ""]
    return Run(Path(broadcast_object_list(path)[0]))


def pretrained_source(name: str) -> str:
    """The file that `network.pretrained` names, or the name of torchvision's weights.

    A shipped name, a weights file, a run's folder (the weights best by Dice; of a pretraining, by
    accuracy), "imagenet" or "coco".
    """
    if name in DOWNLOADS:
        return name
    classifier = Path(name) / "weights" / "best_accuracy.safetensors"
    return str(classifier if classifier.is_file() else weights_file(name))


def take_pretrained(
    network: nn.Module, name: str, run: Run, *, main: bool, report: Report
) -> tuple[SeenImages, ...]:
    """Put what fits of the named weights into `network`; the images that they have seen.

    The run's pretrained.json says what was taken. A run that goes on from a state of its own reads
    that account only: the weights may have moved since.
    """
    account = run.path / "pretrained.json"
    if (run.path / STATE).exists() and account.exists():
        seen = json.loads(account.read_text(encoding="utf-8"))["seen"]
        return tuple(SeenImages.model_validate(images) for images in seen)
    taken = load_pretrained(network, pretrained_source(name))
    if main:
        run.write_json(account.name, taken.summary())
    counts = {"taken": taken.taken, "mismatched": taken.mismatched, "fresh": taken.fresh}
    report("pretrained", {part: len(names) for part, names in counts.items()})
    return taken.seen


def _require_unseen(task: SegmentationTask, pretrained: str | None) -> None:
    """Raise ConfigError if the weights to start from were trained on validation images."""
    earlier = seen_by(pretrained_source(pretrained)) if pretrained is not None else ()
    learnt = {
        pixels for seen in earlier if seen.role == "trained" for pixels in seen.images.values()
    }
    known = [
        id
        for seen in task.record.seen
        if seen.role == "selected"
        for id, pixels in seen.images.items()
        if pixels in learnt
    ]
    if known:
        raise ConfigError(
            f"network.pretrained = {pretrained}: was trained on validation images "
            f"({', '.join(known)}), which cannot choose epoch and threshold any more; validate on "
            "others, or on none with data.val = []"
        )


def _keep_account(task: SegmentationTask, run: Run, *, main: bool) -> None:
    """Write data.json, which photographs the run has seen; one that goes on has it already."""
    seen = [images.model_dump() for images in task.record.seen]
    if (run.path / STATE).exists() and (run.path / DATA).exists():
        if json.loads((run.path / DATA).read_text(encoding="utf-8")) != seen:
            raise DatasetError(
                f"{run.path}: the photographs of its configuration are no longer those that it "
                f"began with, which {DATA} lists by id and pixels; put them back, or begin a new "
                "run"
            )
    elif main:
        run.write_json(DATA, seen)


def _loop(
    task: SegmentationTask,
    selections: tuple[tuple[Chosen, ...], tuple[Chosen, ...]],
    run: Run,
    accelerator: Accelerator,
    report: Report,
) -> Loop:
    config, schedule = task.config, task.config.schedule
    torch.manual_seed(derive_seed(schedule.seed))
    network = model_config(config.network.model, config.network.options).build()
    _keep_account(task, run, main=accelerator.is_main_process)
    if config.network.pretrained is not None:
        seen = take_pretrained(
            network, config.network.pretrained, run, main=accelerator.is_main_process, report=report
        )
        own = task.record.seen
        seen = (*own, *(images for images in seen if images not in own))
        task.record = task.record.model_copy(update={"seen": seen})
    samples = training_set(config, selections[0])
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
    )
