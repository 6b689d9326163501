"""Pretraining of a backbone on a tree of class folders, as `venule pretrain` runs it."""

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader

from venule.data.classes import ClassTree, open_class_tree
from venule.data.loader import EpochBatches, derive_seed
from venule.data.patches import ABOUT
from venule.errors import ConfigError, DatasetError
from venule.models.ddrnet import DDRNetClassifier, DDRNetConfig
from venule.models.pretrained import load_pretrained
from venule.models.record import SeenImages
from venule.models.zoo import MODELS, model_config
from venule.training.classification import (
    ClassificationTask,
    ClassPhotographs,
    training_transform,
)
from venule.training.config import NetworkConfig, PretrainConfig
from venule.training.config_file import read_config
from venule.training.loop import Loop, Report, make_accelerator
from venule.training.run import DATA, Run
from venule.training.seen import read_seen, together
from venule.training.train import begin, fit_and_draw, open_source, shared_run, start_again


def pretrain(config: PretrainConfig, *, root: Path, report: Report) -> Run:
    """Pretrain a backbone by classification in a new run under `root`.

    Raises:
        ConfigError, DatasetError, WeightsError: something named in the configuration is missing.
    """
    accelerator = make_accelerator(config.schedule)
    tree = _tree(config)
    classifier = _classifier(config, tree)
    source = open_source(config.network.pretrained)
    loaded = load_pretrained(classifier, source) if source is not None else None
    del source  # its tensors have been copied
    run = shared_run(root, config.name, main=accelerator.is_main_process)
    if accelerator.is_main_process:
        begin(run, config, _account(tree), loaded, report)
    loop = _loop(config, tree, classifier, loaded.seen if loaded else (), run, accelerator)
    fit_and_draw(loop, report)
    return run


def resume(path: Path, *, report: Report) -> Run:
    """Resume an interrupted run and finish it, as if it had never been interrupted.

    Raises:
        DatasetError: the photographs, by name, differ from those the run began with.
        ConfigError: its configuration differs from the one it was trained with.
        OutputError: another process trains it.
        WeightsError: a file of the run is missing or damaged.
    """
    run = Run.open(path)
    run.require_kind(pretraining=True)
    config = read_config(path / "config.toml", (), PretrainConfig)
    accelerator = make_accelerator(config.schedule)
    tree = _tree(config)
    begun = run.read_json(DATA)
    if begun["sha256"] != tree.digest():
        raise DatasetError(
            f"{tree.root}: holds {len(tree.train)} + {len(tree.val)} photographs, not the "
            f"{begun['train']} + {begun['val']} by name that {path} began with; begin a new run"
        )
    classifier = _classifier(config, tree)
    seen = start_again(classifier, config.network.pretrained, run)
    loop = _loop(config, tree, classifier, seen, run, accelerator)
    fit_and_draw(loop, report, resumed=True)
    return run


def seen_in_parts(root: Path) -> tuple[SeenImages, ...]:
    """The photographs that `venule data patches` cut into `root`, or into its parent folder.

    Raises:
        DatasetError: its patches.json cannot be read.
    """
    return read_seen(root / ABOUT) or read_seen(root.absolute().parent / ABOUT)


def _tree(config: PretrainConfig) -> ClassTree:
    return open_class_tree(
        Path(config.data.folder), val_share=config.data.val_share, seed=config.schedule.seed
    )


def _backbone(network: NetworkConfig) -> DDRNetConfig:
    config = model_config(network.model, network.options)
    if not isinstance(config, DDRNetConfig):
        names = [name for name, known in MODELS.items() if isinstance(known, DDRNetConfig)]
        raise ConfigError(
            f"network.model = {network.model}: torchvision has its backbone pretrained "
            f'(network.pretrained = "imagenet"); pretrain takes {" or ".join(names)}'
        )
    return config


def _account(tree: ClassTree) -> dict[str, Any]:
    return {
        "folder": str(tree.root),
        "classes": list(tree.classes),
        "train": len(tree.train),
        "val": len(tree.val),
        "sha256": tree.digest(),
    }


def _classifier(config: PretrainConfig, tree: ClassTree) -> DDRNetClassifier:
    """The backbone with a new head; the configured seed determines it and all later draws."""
    backbone = _backbone(config.network)
    torch.manual_seed(derive_seed(config.schedule.seed))
    return backbone.build_classifier(len(tree.classes))


def _loop(
    config: PretrainConfig,
    tree: ClassTree,
    classifier: nn.Module,
    earlier: tuple[SeenImages, ...],
    run: Run,
    accelerator: Accelerator,
) -> Loop:
    schedule = config.schedule
    seen = together(seen_in_parts(tree.root), earlier)
    photographs = ClassPhotographs(tree.train, training_transform(config.data), seed=schedule.seed)
    batches = EpochBatches(
        len(photographs),
        schedule.batch_size,
        seed=schedule.seed,
        rank=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    return Loop(
        ClassificationTask(config, tree, seen),
        classifier,
        DataLoader(photographs, batch_sampler=batches, num_workers=schedule.workers),
        batches,
        run,
        accelerator=accelerator,
        schedule=schedule,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        settings=config.model_dump(mode="json"),
    )
