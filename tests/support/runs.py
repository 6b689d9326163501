"""Trainings in processes of their own, which tests may kill or couple."""

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any


def context() -> ForkServerContext:
    """Processes forked from one clean server that has imported the package once."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["venule.training.train"])
    return server


def start(function: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """`function(*arguments)` running in a new process."""
    process = context().Process(target=function, args=arguments)
    process.start()
    return process


def free_port() -> int:
    """A TCP port that nothing listens to at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def silent(kind: str, values: object) -> None:
    """Report nothing."""


def stand_still(kind: str, values: object) -> None:
    """Stop at the first step of a training, for as long as a test may take."""
    if kind == "step":
        time.sleep(600)


def carry_on(values: dict[str, Any], root: Path, hold: bool = False) -> None:
    """Resume the run under `root` if one was begun there, else begin it; as a user would.

    One that is begun to `hold` stands still at its first step.
    """
    import torch

    from venule.training.config import TrainConfig
    from venule.training.config_file import parse_config
    from venule.training.train import resume, train

    torch.set_num_threads(1)
    begun = [file.parent for file in root.glob("*/config.toml")]
    if begun:
        resume(begun[0], report=silent)
    else:
        report = stand_still if hold else silent
        train(parse_config(values, TrainConfig, source="test"), root=root, report=report)


def one_of_several(
    values: dict[str, Any], root: Path, rank: int, processes: int, port: int
) -> None:
    """Train as one of the processes that torchrun would start, with what it tells them."""
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
    os.environ.update({name: str(number) for name, number in numbers.items()})
    os.environ.update({"LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1"})
    carry_on(values, root)
