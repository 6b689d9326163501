"""Runs of published experiments, as recorded in their files.

about.json of a results folder, next to the folders of the runs:

    {"kind": "table", "title": ..., "text": [...], "commands": [...],
     "rows": [{"experiment": "DDRNet, stride 8", "config": "ddrnet23-slim-stride8",
               "published_epochs": 580, "runs": ["ddrnet23-slim-stride8-seed0", ...],
               "note": "..."}, ...],
     "pairs": [{"scratch": "DDRNet, stride 8", "pretrained": "DDRNet, stride 8, pretrained"}],
     "gains": [{"of": "DDRNet, stride 2", "over": "DDRNet, stride 8"}],
     "pretrainings": [{"experiment": "...", "config": "...", "runs": ["..."]}],
     "ours": [{"experiment": "accurate", "report": "../accurate/test.json",
               "costs": ["../accurate/cost.json"], "note": "..."}],
     "best": {"of": ["DeepLabV3 R50 at 512 px", ...], "called": "DeepLabV3"}}

`published_epochs` is omitted if nothing was published. `runs` are folders next to about.json
(created by `reproduce.py`): a missing one has not been run yet, and a row without any says so, or
gives the reason in `not_run`. Each folder holds, as written by `venule train` and `venule evaluate
--json`, config.toml (the seed), metrics.csv (epochs, seconds, validation), run.json (why it
stopped), cost.json (time and peak memory of all sessions) and, except for `pretrainings`,
test.json. `ours` are listed below the experiments, for comparison; `costs` of successive stages are
summed. `pairs`, `gains`, `pretrainings`, `ours` and `best` are optional.
"""

import csv
import json
import math
import statistics
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from venule.errors import UsageError
from venule.evaluation.card import read_report
from venule.evaluation.result import Result

ONE_SEED = "one seed, no significance claimed"


class Row(BaseModel, frozen=True, extra="forbid"):
    """One experiment as given in about.json."""

    experiment: str
    config: str | None = None  # in configs/published/
    published_epochs: int | None = None
    runs: tuple[str, ...]
    note: str = ""
    not_run: str = "not run yet"


class Pair(BaseModel, frozen=True, extra="forbid"):
    """Two experiments that differ only in their initial weights."""

    scratch: str
    pretrained: str


class Gain(BaseModel, frozen=True, extra="forbid"):
    """Two experiments, the first of which should score higher."""

    of: str
    over: str


class Ours(BaseModel, frozen=True, extra="forbid"):
    """A network of this project, for comparison with the experiments."""

    experiment: str
    report: str
    costs: tuple[str, ...] = ()
    note: str = ""


class Best(BaseModel, frozen=True, extra="forbid"):
    """Several experiments, of which the best is named."""

    of: tuple[str, ...]
    called: str


@dataclass(frozen=True)
class Training:
    """One run, read from its files. `validation` has a row for every validated epoch."""

    seed: int
    epochs: int
    early: bool
    seconds: float
    peak_bytes: int | None
    validation: tuple[dict[str, float], ...]
    train_loss: float
    tested: Result | None

    @property
    def test(self) -> Result:
        """The scores on test images; UsageError if there are none."""
        if self.tested is None:
            raise UsageError(f"seed {self.seed} of an experiment has no test.json; evaluate it")
        return self.tested

    def best(self, score: str) -> float:
        """The highest validation score of any epoch; nan if it was never validated."""
        return max((row[score] for row in self.validation if score in row), default=math.nan)

    def first_epoch_with(self, score: str, value: float) -> int | None:
        """The first epoch whose validation score reaches `value`; None if none does."""
        reached = (row["epoch"] for row in self.validation if row.get(score, -math.inf) >= value)
        first = next(reached, None)
        return None if first is None else int(first)


@dataclass(frozen=True)
class Experiment:
    """A row with its runs, one per seed."""

    row: Row
    runs: tuple[Training, ...]

    @property
    def note(self) -> str:
        """The row's note, with the state of its runs if there are none yet, or only one."""
        known = self.row.not_run if not self.runs else ONE_SEED if len(self.runs) == 1 else ""
        return "; ".join(text for text in (self.row.note, known) if text)

    def over_seeds(self, value: Callable[[Training], float], digits: int = 4) -> str:
        """The mean over seeds, with the standard deviation (divisor n - 1) of two or more."""
        values = [value(run) for run in self.runs]
        if not values:
            return "–"
        mean = f"{statistics.fmean(values):.{digits}f}"
        if len(values) == 1:
            return mean
        return f"{mean} ± {statistics.stdev(values):.{digits}f}"

    def mean(self, value: Callable[[Training], float]) -> float:
        """The mean over seeds."""
        return statistics.fmean(value(run) for run in self.runs)


def read_experiments(folder: Path, rows: Iterable[Any], *, tested: bool = True) -> list[Experiment]:
    """The rows of about.json with those of their runs that are in `folder`."""
    parsed = [Row.model_validate(row) for row in rows]
    return [
        Experiment(
            row,
            tuple(
                read_training(folder / run, tested=tested)
                for run in row.runs
                if (folder / run).is_dir()
            ),
        )
        for row in parsed
    ]


def read_training(folder: Path, *, tested: bool = True) -> Training:
    """Read the files of one run; UsageError if one is missing."""
    try:
        config = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
        stopped = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            log = [
                {name: float(cell) for name, cell in row.items() if cell}
                for row in csv.DictReader(file)
            ]
        cost = json.loads(_text(folder / "cost.json") or "{}")
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from None
    test = None
    if tested:
        own = [r for r in read_report(folder / "test.json").results if r.kind == "model"]
        test = own[0]
    return Training(
        seed=config["schedule"]["seed"],
        epochs=int(log[-1]["epoch"]),
        early=stopped["stopped"].startswith("early"),
        seconds=cost.get("seconds", sum(row["seconds"] for row in log)),
        peak_bytes=cost.get("peak_memory_bytes"),
        validation=tuple(row for row in log if any(name.startswith("val_") for name in row)),
        train_loss=log[-1]["train_loss"],
        tested=test,
    )


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
