"""Steps that score models and draw results, below the folder of the result."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

from recipe.place import Place
from recipe.step import RUNS, Checkpoint, ResultStep, StepBase, StepError, say
from venule.data.catalog import DATA_VARIABLE


class Evaluate(ResultStep):
    """Scores of models on one split, by `venule evaluate`; access to test images is logged.

    With `task`, scores of arteries and veins or of landmarks, with the vessels of `general`.
    """

    do: Literal["evaluate"] = "evaluate"
    models: tuple[str, ...]
    data: str
    protocol: str | None = None
    split: str
    checkpoint: Checkpoint = "dice"
    task: Literal["av", "landmarks"] | None = None
    tta: bool = False

    def run(self, place: Place) -> None:
        from recipe.scoring import score, score_task

        (score if self.task is None else score_task)(self, place)

    def __str__(self) -> str:
        where = " ".join(part for part in (self.data, self.protocol, self.split) if part)
        augmented = " with test-time augmentation" if self.tta else ""
        return f"evaluate {', '.join(self.models)} on {where}{augmented}: {self.out}"


class Augmented(ResultStep):
    """The gain of test-time augmentation (D4) on held-out images, see `tta.py`."""

    do: Literal["tta"] = "tta"
    runs: tuple[str, ...]

    def run(self, place: Place) -> None:
        from tta import compare_runs
        from venule.files.atomic import write_bytes

        content = compare_runs([RUNS / name for name in self.runs], say)
        write_bytes(place.results / self.out, content)

    def __str__(self) -> str:
        return f"compare {', '.join(self.runs)} with test-time augmentation: {self.out}"


class Failures(StepBase):
    """Images with the lowest Dice, drawn for a card, see `failures.py`.

    `reports` maps a report of the result to the weights that it scores.
    """

    do: Literal["failures"] = "failures"
    name: str
    reports: dict[str, str]
    made: str = ""

    def done(self, place: Place) -> bool:
        return (place.results / "failures.json").is_file()

    def run(self, place: Place) -> None:
        from failures import draw

        draw(self.reports, place, made=self.made)

    def writes(self) -> tuple[str, ...]:
        return ("failures.json",)

    def __str__(self) -> str:
        return f"draw the lowest Dice of {', '.join(self.reports)}: failures.json"


class Plot(ResultStep):
    """Learning curves of runs, by `venule plot`; only of those runs that exist."""

    do: Literal["plot"] = "plot"
    runs: tuple[str, ...]

    def done(self, place: Place) -> bool:
        picture = place.results / self.out
        if not picture.is_file():
            return False
        drawn = picture.stat().st_mtime
        return all((run / "metrics.csv").stat().st_mtime <= drawn for run in self._there())

    def run(self, place: Place) -> None:
        from venule.viz.curves import plot_curves, read_curves

        place.results.mkdir(parents=True, exist_ok=True)
        plot_curves([read_curves(run) for run in self._there()], place.results / self.out)

    def _there(self) -> list[Path]:
        return [RUNS / name for name in self.runs if (RUNS / name / "metrics.csv").is_file()]

    def __str__(self) -> str:
        return f"plot {', '.join(self.runs)}: {self.out}"


class Script(ResultStep):
    """A benchmark of the checkout: reads from `{data}`, writes `{out}` and `{access_log}`."""

    do: Literal["script"] = "script"
    script: str
    arguments: tuple[str, ...] = ("-o", "{out}")

    def run(self, place: Place) -> None:
        place.results.mkdir(parents=True, exist_ok=True)
        paths = {
            "out": place.results / self.out,
            "access_log": place.access_log,
            "data": os.environ.get(DATA_VARIABLE, ""),
        }
        given = [one.format(**paths) for one in self.arguments]
        command = [sys.executable, str(place.root / self.script), *given]
        if subprocess.run(command, check=False).returncode:
            raise StepError(f"{self.script}: failed, see above")

    def configs(self) -> tuple[str, ...]:
        return (self.script,)

    def __str__(self) -> str:
        return f"run {self.script}: {self.out}"
