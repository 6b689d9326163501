"""The steps that recipes are made of: each calls what the command of the same name calls.

A step is one table of a recipe's file. Paths are relative to the current folder, in which the
recipe works; `out` of a step that measures is below the folder of the result, and `config` below
the checkout. A step knows whether what it makes is there already, and then is not repeated.
"""

import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from recipe.place import Place
from venule.errors import VenuleError

RUNS = Path("runs")

Checkpoint = Literal["loss", "iou", "dice", "auc", "last"]


class StepBase(BaseModel, ABC, frozen=True, extra="forbid"):
    """One step of a recipe."""

    @abstractmethod
    def done(self, place: Place) -> bool:
        """Tell whether what this step makes is there."""

    @abstractmethod
    def run(self, place: Place) -> None:
        """Make it.

        Raises:
            VenuleError: something named is not there, or cannot be computed.
        """

    @abstractmethod
    def __str__(self) -> str:
        """The step in one line."""

    def writes(self) -> tuple[str, ...]:
        """The files of the result that this step writes, by their path below its folder."""
        return ()

    def configs(self) -> tuple[str, ...]:
        """The configurations that this step reads, by their path below the checkout."""
        return ()


class Synth(StepBase):
    """A collection of synthetic fundus images, as `venule data synth`."""

    do: Literal["synth"] = "synth"
    out: Path
    count: int
    size_px: int = 720
    seed: int = 1
    format: Literal["png", "jpg"] = "jpg"
    types: bool = False  # arteries and veins, for which their colours differ

    def done(self, place: Place) -> bool:
        del place
        return not self._collection().missing(self.count)

    def run(self, place: Place) -> None:
        from venule.synth.collection import synthesize_all

        del place
        collection = self._collection()
        collection.begin()
        for image in synthesize_all(collection, collection.missing(self.count)):
            say(image.image)

    def _collection(self) -> Any:
        from venule.synth.collection import Collection
        from venule.synth.config import TYPED, VARIED

        return Collection(
            root=self.out,
            size_px=self.size_px,
            seed=self.seed,
            format=self.format,
            config=TYPED if self.types else VARIED,
        )

    def __str__(self) -> str:
        return f"synthesize {self.count} fundus images of {self.size_px} px into {self.out}"


class Patches(StepBase):
    """Patches binned by vessel density, as `venule data patches`."""

    do: Literal["patches"] = "patches"
    data: str
    out: Path
    size_px: int = 128
    per_image: int = 20

    def done(self, place: Place) -> bool:
        del place
        return self.out.is_dir()

    def run(self, place: Place) -> None:
        from venule.data.catalog import open_dataset
        from venule.data.patches import (
            PatchesConfig,
            find_patches,
            labelled_records,
            write_patches,
        )

        del place
        config = PatchesConfig(side_px=self.size_px, per_image=self.per_image)
        dataset = open_dataset(self.data)
        cut = list(find_patches(labelled_records(dataset), config))
        # Its folder is there only when it is whole.
        begun = self.out.with_name(f"{self.out.name}.part")
        shutil.rmtree(begun, ignore_errors=True)
        for case in write_patches(cut, begun, config, dataset=dataset.name):
            say(case.id)
        begun.rename(self.out)

    def __str__(self) -> str:
        return f"cut {self.data} into patches of {self.size_px} px: {self.out}"


class Train(StepBase):
    """A training, as `venule train`; with `folder`, of class folders, as `venule pretrain`."""

    do: Literal["train"] = "train"
    config: str
    name: str
    set: dict[str, Any] = {}
    folder: Path | None = None

    def done(self, place: Place) -> bool:
        del place
        return (RUNS / self.name / "run.json").is_file()

    def run(self, place: Place) -> None:
        from recipe.training import train

        train(self, place)

    def configs(self) -> tuple[str, ...]:
        return (self.config,)

    def __str__(self) -> str:
        changes = "".join(f", {key} = {value}" for key, value in self.set.items())
        of = f" on {self.folder}" if self.folder is not None else ""
        return f"train runs/{self.name} by {self.config}{of}{changes}"


class Calibrate(StepBase):
    """Threshold, calibration and component rules of several runs, as `venule calibrate`."""

    do: Literal["calibrate"] = "calibrate"
    runs: tuple[str, ...]
    without: tuple[str, ...] = ()
    out: str

    def done(self, place: Place) -> bool:
        return (place.results / self.out).is_file()

    def run(self, place: Place) -> None:
        from venule.evaluation.calibrate import calibrate
        from venule.files.atomic import write_bytes

        runs = [RUNS / name for name in self.runs]
        found = calibrate(runs, without=self.without, progress=say)
        write_bytes(place.results / self.out, (found.model_dump_json(indent=2) + "\n").encode())

    def writes(self) -> tuple[str, ...]:
        return (self.out,)

    def __str__(self) -> str:
        return f"calibrate {', '.join(self.runs)}: {self.out}"


class Export(StepBase):
    """A run's weights as one ONNX file, as `venule export`."""

    do: Literal["export"] = "export"
    run_name: str = Field(alias="run")
    checkpoint: Checkpoint = "dice"
    out: Path

    def done(self, place: Place) -> bool:
        del place
        return self.out.is_file()

    def run(self, place: Place) -> None:
        from venule.export.onnx import export_onnx
        from venule.inference.load import weights_file

        del place
        self.out.parent.mkdir(parents=True, exist_ok=True)
        export_onnx(weights_file(RUNS / self.run_name, checkpoint=self.checkpoint), self.out)

    def __str__(self) -> str:
        return f"export runs/{self.run_name}: {self.out}"


class Evaluate(StepBase):
    """Scores of models on one split, as `venule evaluate`; access to test images is recorded.

    With `task`, those of arteries and veins or of landmarks, in the vessels that `general` finds.
    """

    do: Literal["evaluate"] = "evaluate"
    models: tuple[str, ...]
    data: str
    protocol: str | None = None
    split: str
    checkpoint: Checkpoint = "dice"
    task: Literal["av", "landmarks"] | None = None
    out: str

    def done(self, place: Place) -> bool:
        return (place.results / self.out).is_file()

    def run(self, place: Place) -> None:
        from recipe.scoring import score, score_task

        (score if self.task is None else score_task)(self, place)

    def writes(self) -> tuple[str, ...]:
        return (self.out,)

    def __str__(self) -> str:
        where = " ".join(part for part in (self.data, self.protocol, self.split) if part)
        return f"evaluate {', '.join(self.models)} on {where}: {self.out}"


class Augmented(StepBase):
    """Measure the gain of test-time augmentation (D4) on held-out images, see `tta.py`."""

    do: Literal["tta"] = "tta"
    runs: tuple[str, ...]
    out: str

    def done(self, place: Place) -> bool:
        return (place.results / self.out).is_file()

    def run(self, place: Place) -> None:
        from tta import compare_runs
        from venule.files.atomic import write_bytes

        content = compare_runs([RUNS / name for name in self.runs], say)
        write_bytes(place.results / self.out, content)

    def writes(self) -> tuple[str, ...]:
        return (self.out,)

    def __str__(self) -> str:
        return f"compare {', '.join(self.runs)} with test-time augmentation: {self.out}"


class SoftLabels(StepBase):
    """Soft pseudo-labels of networks for one split, see `soft_labels.py`."""

    do: Literal["soft_labels"] = "soft_labels"
    models: tuple[str, ...]
    data: str
    split: str
    out: Path

    def done(self, place: Place) -> bool:
        from soft_labels import label_paths

        del place
        return all(path.is_file() for path in label_paths(self.data, self.split, self.out))

    def run(self, place: Place) -> None:
        from soft_labels import write_soft_labels

        del place
        for path in write_soft_labels(self.models, self.data, self.split, self.out):
            say(str(path))

    def __str__(self) -> str:
        return f"label {self.data} {self.split} softly by {', '.join(self.models)}: {self.out}"


class Failures(StepBase):
    """Pictures of the images with the lowest Dice, for a card, see `failures.py`.

    `reports` names a report of the result and the weights that it scores.
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


class Plot(StepBase):
    """Curves of runs against the epoch, as `venule plot`; of those runs that are there."""

    do: Literal["plot"] = "plot"
    runs: tuple[str, ...]
    out: str

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

    def writes(self) -> tuple[str, ...]:
        return (self.out,)

    def __str__(self) -> str:
        return f"plot {', '.join(self.runs)}: {self.out}"


class Keep(StepBase):
    """Files of a run, copied to the result under other names; weights only to start others from."""

    do: Literal["keep"] = "keep"
    run_name: str = Field(alias="run")
    files: dict[str, str]

    def done(self, place: Place) -> bool:
        return all((place.results / target).is_file() for target in self.files.values())

    def run(self, place: Place) -> None:
        """Copy; paths below the current folder become relative to it in texts."""
        for name, target in self.files.items():
            content = (RUNS / self.run_name / name).read_bytes()
            if Path(name).suffix in (".toml", ".json", ".csv"):
                content = content.replace(f"{Path.cwd()}/".encode(), b"")
            (place.results / target).parent.mkdir(parents=True, exist_ok=True)
            (place.results / target).write_bytes(content)

    def writes(self) -> tuple[str, ...]:
        return tuple(self.files.values())

    def __str__(self) -> str:
        return f"keep of runs/{self.run_name}: {', '.join(self.files.values())}"


class Script(StepBase):
    """A benchmark of the checkout; `{out}` and `{access_log}` are files that it writes."""

    do: Literal["script"] = "script"
    script: str
    arguments: tuple[str, ...] = ("-o", "{out}")
    out: str

    def done(self, place: Place) -> bool:
        return (place.results / self.out).is_file()

    def run(self, place: Place) -> None:
        place.results.mkdir(parents=True, exist_ok=True)
        paths = {"out": place.results / self.out, "access_log": place.access_log}
        given = [one.format(**paths) for one in self.arguments]
        command = [sys.executable, str(place.root / self.script), *given]
        if subprocess.run(command, check=False).returncode:
            raise StepError(f"{self.script}: failed, see above")

    def writes(self) -> tuple[str, ...]:
        return (self.out,)

    def configs(self) -> tuple[str, ...]:
        return (self.script,)

    def __str__(self) -> str:
        return f"run {self.script}: {self.out}"


class StepError(VenuleError):
    """A step of a recipe that failed."""


Step = Annotated[
    Synth
    | Patches
    | Train
    | Calibrate
    | Export
    | Evaluate
    | Augmented
    | SoftLabels
    | Failures
    | Plot
    | Keep
    | Script,
    Field(discriminator="do"),
]


def say(line: str) -> None:
    """Tell the user on stderr what is done."""
    sys.stderr.write(f"{line}\n")
