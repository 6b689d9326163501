"""Steps that create images, labels and weights; each calls the implementation of its command."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from recipe.place import Place
from recipe.step import RUNS, Checkpoint, ResultStep, StepBase, say


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `folder` once it is complete."""
    begun = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(begun, ignore_errors=True)
    yield begun
    begun.rename(folder)


class Synth(StepBase):
    """A collection of synthetic fundus images, by `venule data synth`."""

    do: Literal["synth"] = "synth"
    out: Path
    count: int
    size_px: int = 720
    seed: int = 1
    format: Literal["png", "jpg"] = "jpg"
    types: bool = False  # label arteries and veins, with differing colours

    def done(self, place: Place) -> bool:
        return not self._collection().missing(self.count)

    def run(self, place: Place) -> None:
        from venule.synth.collection import synthesize_all

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
    """Patches binned by vessel density, by `venule data patches`."""

    do: Literal["patches"] = "patches"
    data: str
    out: Path
    size_px: int = 128
    per_image: int = 20

    def done(self, place: Place) -> bool:
        return self.out.is_dir()

    def run(self, place: Place) -> None:
        from venule.data.catalog import open_dataset
        from venule.data.patches import (
            PatchesConfig,
            find_patches,
            labelled_cases,
            write_patches,
        )

        config = PatchesConfig(side_px=self.size_px, per_image=self.per_image)
        dataset = open_dataset(self.data)
        cut = list(find_patches(labelled_cases(dataset), config))
        with _whole(self.out) as begun:
            for case in write_patches(cut, begun, config, dataset=dataset.name):
                say(case.id)

    def __str__(self) -> str:
        return f"cut {self.data} into patches of {self.size_px} px: {self.out}"


class SoftLabels(StepBase):
    """Soft pseudo-labels of networks for one split, see `soft_labels.py`.

    `lesions` are folders of masks of non-vessel structures, below that of the data sets.
    """

    do: Literal["soft_labels"] = "soft_labels"
    models: tuple[str, ...]
    data: str
    protocol: str | None = None
    split: str
    lesions: tuple[str, ...] = ()
    out: Path

    def done(self, place: Place) -> bool:
        from soft_labels import label_paths

        paths = label_paths(self.data, self.split, self.out, protocol=self.protocol)
        return all(path.is_file() for path in paths)

    def run(self, place: Place) -> None:
        from soft_labels import write_soft_labels

        for path in write_soft_labels(
            self.models,
            self.data,
            self.split,
            self.out,
            protocol=self.protocol,
            lesions=[Path(os.path.expandvars(f"$VENULE_DATA/{folder}")) for folder in self.lesions],
        ):
            say(str(path))

    def __str__(self) -> str:
        return f"label {self.data} {self.split} softly by {', '.join(self.models)}: {self.out}"


class TypeLabels(StepBase):
    """Arteries and veins by a network, for photographs without such labels: `type_labels.py`."""

    do: Literal["type_labels"] = "type_labels"
    model: str
    data: str
    split: str
    every: int = 1
    out: Path

    def done(self, place: Place) -> bool:
        from type_labels import map_paths

        return all(
            path.is_file() for path in map_paths(self.data, self.split, self.out, self.every)
        )

    def run(self, place: Place) -> None:
        from type_labels import write_type_maps

        for path in write_type_maps(self.model, self.data, self.split, self.out, each=self.every):
            say(str(path))

    def __str__(self) -> str:
        return f"tell arteries from veins in {self.data} {self.split} by {self.model}: {self.out}"


class DiscLabels(StepBase):
    """Optic discs by a network, for photographs without an outline, see `disc_labels.py`."""

    do: Literal["disc_labels"] = "disc_labels"
    model: str
    data: str
    protocol: str | None = None
    split: str
    out: Path

    def done(self, place: Place) -> bool:
        return self.out.is_dir()

    def run(self, place: Place) -> None:
        from disc_labels import write_disc_labels

        with _whole(self.out) as begun:
            for path in write_disc_labels(
                self.model, self.data, self.split, begun, protocol=self.protocol
            ):
                say(path.stem)

    def __str__(self) -> str:
        return f"outline the discs of {self.data} {self.split} by {self.model}: {self.out}"


class Train(StepBase):
    """A training run, by `venule train`; with `folder`, of class folders, by `venule pretrain`."""

    do: Literal["train"] = "train"
    config: str
    name: str
    set: dict[str, Any] = Field(default_factory=dict)
    folder: Path | None = None

    def done(self, place: Place) -> bool:
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


class Calibrate(ResultStep):
    """Threshold, calibration and component rules of several runs, by `venule calibrate`."""

    do: Literal["calibrate"] = "calibrate"
    runs: tuple[str, ...]
    without: tuple[str, ...] = ()

    def run(self, place: Place) -> None:
        from venule.evaluation.calibrate import calibrate
        from venule.files.atomic import write_bytes

        runs = [RUNS / name for name in self.runs]
        found = calibrate(runs, without=self.without, progress=say)
        write_bytes(place.results / self.out, (found.model_dump_json(indent=2) + "\n").encode())

    def __str__(self) -> str:
        return f"calibrate {', '.join(self.runs)}: {self.out}"


class Export(StepBase):
    """A run's weights as one ONNX file, by `venule export`."""

    do: Literal["export"] = "export"
    run_name: str = Field(alias="run")
    checkpoint: Checkpoint = "dice"
    out: Path

    def done(self, place: Place) -> bool:
        return self.out.is_file()

    def run(self, place: Place) -> None:
        from venule.export.onnx import export_onnx
        from venule.inference.load import weights_file

        self.out.parent.mkdir(parents=True, exist_ok=True)
        export_onnx(weights_file(RUNS / self.run_name, checkpoint=self.checkpoint), self.out)

    def __str__(self) -> str:
        return f"export runs/{self.run_name}: {self.out}"


class Keep(StepBase):
    """Files of a run, copied to the result under other names; weights only as initial weights."""

    do: Literal["keep"] = "keep"
    run_name: str = Field(alias="run")
    files: dict[str, str]

    def done(self, place: Place) -> bool:
        return all((place.results / target).is_file() for target in self.files.values())

    def run(self, place: Place) -> None:
        """Copy; in text files, paths below the current folder become relative to it."""
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
