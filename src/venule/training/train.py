"""From a configuration to a finished run: what `venule train` calls."""

from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from venule.data.catalog import open_dataset
from venule.data.loader import EpochBatches, TrainingSet, derive_seed, training_loader
from venule.data.protocols import Selection, select
from venule.errors import ConfigError
from venule.models.pretrained import load_pretrained
from venule.models.zoo import model_config
from venule.training.config import TrainConfig, read_config
from venule.training.loop import Loop, Report, make_accelerator
from venule.training.run import Run, environment
from venule.training.segmentation import SegmentationTask, TrainingHeads


def train(config: TrainConfig, *, root: Path, report: Report) -> Run:
    """A new run under `root` by one configuration, trained to its end.

    Raises:
        ConfigError, DatasetError, WeightsError: something named in the configuration is not there.
    """
    accelerator = make_accelerator(config.schedule)
    selections = _selections(config)
    model_config(config.network.model, config.network.options)  # complain before making a folder
    run = _shared_run(root, config.name, main=accelerator.is_main_process)
    if accelerator.is_main_process:
        run.write_config(config)
        run.write_json("environment.json", environment())
    loop = _loop(config, selections, run, accelerator)
    loop.fit(report)
    return run


def resume(path: Path, *, report: Report) -> Run:
    """Carry an interrupted run on to its end, as if it had never stopped."""
    run = Run.open(path)
    config = read_config(path / "config.toml", (), TrainConfig)
    accelerator = make_accelerator(config.schedule)
    loop = _loop(config, _selections(config), run, accelerator)
    loop.resume()
    loop.fit(report)
    return run


def _selections(config: TrainConfig) -> tuple[Selection, Selection]:
    dataset = open_dataset(config.data.dataset)
    train = select(dataset, config.data.protocol, config.data.train)
    val = select(dataset, config.data.protocol, config.data.val)
    shared = {record.id for record in train.records} & {record.id for record in val.records}
    if shared:
        names = ", ".join(sorted(shared))
        raise ConfigError(f"data.train and data.val share images ({names}); name disjoint splits")
    return train, val


def _shared_run(root: Path, name: str, *, main: bool) -> Run:
    """A new folder, made by the main process and known to all."""
    path = [str(Run.create(root, name).path) if main else ""]
    return Run(Path(broadcast_object_list(path)[0]))


def _loop(
    config: TrainConfig,
    selections: tuple[Selection, Selection],
    run: Run,
    accelerator: Accelerator,
) -> Loop:
    train, val = selections
    schedule = config.schedule
    torch.manual_seed(derive_seed(schedule.seed))
    network = model_config(config.network.model, config.network.options).build()
    task = SegmentationTask(config, train, val)
    if accelerator.is_main_process:
        run.write_json("data.json", [seen.model_dump() for seen in task.record.seen])
    if config.network.pretrained is not None:
        taken = load_pretrained(network, config.network.pretrained)
        if accelerator.is_main_process:
            run.write_json("pretrained.json", taken.summary())
    samples = TrainingSet(
        train.records,
        config.input.preprocessing(),
        config.augmentation,
        crop_px=config.input.crop_px,
        crops_per_image=config.input.crops_per_image,
        expert=config.data.expert,
        seed=schedule.seed,
    )
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
