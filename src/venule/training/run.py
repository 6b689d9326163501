"""The folder of one training run: configuration, logs, weights, and the state to resume from."""

import csv
import io
import json
import math
import os
import platform
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from torch.utils.tensorboard.writer import SummaryWriter

from venule.errors import ConfigError, OutputError, WeightsError
from venule.files.atomic import write_bytes
from venule.files.lock import locked
from venule.system.computer import processor

Row = dict[str, float]
"""The log of one epoch, by column."""

STATE = "state.pt"

DATA = "data.json"
"""The file that lists the photographs a run trains on."""

PRETRAINED = "pretrained.json"
"""The file about the initial weights: what was loaded, and the images they had seen."""


class Run:
    """A run's folder. Every file in it is complete at any moment, even if the process is killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights = path / "weights"
        self.overlays = path / "overlays"

    @classmethod
    def create(cls, root: Path, name: str) -> "Run":
        """Create a folder `root/name`, or `name-2`, `name-3`, ... if that exists."""
        number, path = 1, root / name
        while True:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{path.parent}: cannot be made ({error.strerror})") from None
            try:
                path.mkdir()
                break
            except FileExistsError:
                number += 1
                path = root / f"{name}-{number}"
            except OSError as error:
                raise OutputError(f"{path}: cannot be made ({error.strerror})") from None
        run = cls(path)
        run.weights.mkdir()
        run.overlays.mkdir()
        return run

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Open the folder of an existing run; WeightsError if it has no configuration."""
        if not (path / "config.toml").is_file():
            raise WeightsError(f"{path}: not a training run (it has no config.toml)")
        return cls(path)

    def claimed(self) -> AbstractContextManager[None]:
        """Keep other processes from training this run; OutputError if one does."""
        return locked(
            self.path / ".lock",
            refusal=f"{self.path}: another process trains it; wait until it ends",
        )

    def clear_unfinished(self) -> None:
        """Remove files that a killed process left unfinished."""
        for file in self.path.rglob(".*.tmp"):
            file.unlink(missing_ok=True)

    def require_kind(self, *, pretraining: bool) -> None:
        """Raise ConfigError if it is a run of `train` and not of `pretrain`, or the reverse."""
        try:
            config = tomllib.loads((self.path / "config.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return  # reading the configuration will report what is wrong with it
        if ("folder" in config.get("data", {})) != pretraining:
            other = "train" if pretraining else "pretrain"
            raise ConfigError(
                f"{self.path}: a run of `venule {other}`; `venule {other} --resume {self.path}` "
                "continues it"
            )

    def write_json(self, name: str, value: object) -> None:
        """Write `value` as JSON to the run's folder."""
        write_bytes(self.path / name, (json.dumps(value, indent=2) + "\n").encode())

    def write_config(self, config: BaseModel) -> None:
        """Write the resolved configuration as config.toml, usable for another run."""
        write_bytes(self.path / "config.toml", to_toml(config.model_dump(mode="json")).encode())

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Write the log as metrics.csv, and as metrics.jsonl, which omits undefined scores."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_bytes(self.path / "metrics.csv", text.getvalue().encode())
        defined = ({k: v for k, v in row.items() if not math.isnan(v)} for row in rows)
        lines = "".join(json.dumps(row) + "\n" for row in defined)  # JSON has no nan
        write_bytes(self.path / "metrics.jsonl", lines.encode())

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write everything that a resumed run needs, atomically."""
        content = io.BytesIO()
        torch.save(dict(state), content)
        write_bytes(self.path / STATE, content.getbuffer())

    def load_state(self) -> dict[str, Any] | None:
        """The state saved last; None if the run was killed before its first epoch ended."""
        path = self.path / STATE
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # of the zip file, of its pickle, or of the system
            raise _damaged(path) from error
        return state

    def require_unfinished(self) -> None:
        """Raise WeightsError if the run was trained to its end, so that it has no more to do."""
        if (self.path / "run.json").exists():
            raise WeightsError(
                f"{self.path}: finished, and {STATE} was removed since; begin a new run"
            )

    def read_json(self, name: str) -> Any:
        """The content of a JSON file in the run's folder; WeightsError if it cannot be read."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _damaged(self.path / name) from error

    def tensorboard(self, rows: Sequence[Row]) -> "Events":
        """TensorBoard events starting with `rows`, replacing those of a killed process."""
        folder = self.path / "tensorboard"
        shutil.rmtree(folder, ignore_errors=True)
        events = Events(SummaryWriter(str(folder)))
        for row in rows:
            events.add(row)
        return events


def _damaged(path: Path) -> WeightsError:
    return WeightsError(
        f"{path}: missing or damaged, so the run cannot be resumed; copy its folder again, or "
        "begin a new run"
    )


class Events:
    """The log as TensorBoard events, one scalar per column."""

    def __init__(self, writer: SummaryWriter) -> None:
        self.writer = writer

    def add(self, row: Row) -> None:
        """Write the values of one epoch immediately."""
        for name, value in row.items():
            self.writer.add_scalar(name, value, int(row["epoch"]))
        self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        self.writer.close()


def environment() -> dict[str, Any]:
    """Versions, processor and threads, on which the bits of a run's weights depend."""
    packages = ("venule", "torch", "torchvision", "accelerate", "numpy", "pillow", "scikit-image")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "packages": {package: version(package) for package in packages},
    }


def to_toml(values: Mapping[str, Any], prefix: str = "") -> str:
    """Nested settings as TOML: plain values first, then a table per section; None is omitted.

    JSON's syntax for strings (except for one control character), numbers, booleans and lists is
    also valid TOML; sections in a list are written inline.
    """
    plain = {k: v for k, v in values.items() if not isinstance(v, Mapping) and v is not None}
    text = "".join(f"{key} = {_to_json(value)}\n" for key, value in plain.items())
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = to_toml(value, f"{prefix}{key}.")
            text += f"\n[{prefix}{key}]\n{inner}" if inner else ""
    return text


def _to_json(value: object) -> str:
    if isinstance(value, Sequence) and any(isinstance(item, Mapping) for item in value):
        return "[" + ", ".join(_to_json(item) for item in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{key} = {_to_json(item)}" for key, item in value.items() if item is not None)
        return "{ " + ", ".join(pairs) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
