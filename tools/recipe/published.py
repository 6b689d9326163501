"""Recipes of the published experiments, from the rows of results/published/about.json.

A completed run is repeated by its own resolved configuration, which is kept beside its log; a
missing one is run by configs/published/.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from checkout import ROOT
from publish.runs import Row
from recipe.judging import Evaluate, Plot
from recipe.making import Keep, Patches, Synth, Train
from recipe.recipe import Recipe
from recipe.steps import Step

KEPT = ("config.toml", "metrics.csv", "run.json", "cost.json", "environment.json")

FOLDER = "published"


def published_recipes(root: Path = ROOT) -> dict[str, Recipe]:
    """The recipe of every run in about.json, by name."""
    path = root / "results" / FOLDER / "about.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    recipes = {}
    for part, tested in (("pretrainings", False), ("rows", True)):
        for row in (Row.model_validate(row) for row in about.get(part, ())):
            for name in row.runs:
                recipes[name] = _recipe(name, row, root, tested=tested)
    return recipes


def _recipe(name: str, row: Row, root: Path, *, tested: bool) -> Recipe:
    kept = Path("results") / FOLDER / name / "config.toml"
    config = kept if (root / kept).is_file() else Path(f"configs/published/{row.config}.toml")
    values = tomllib.loads((root / config).read_text(encoding="utf-8"))
    steps: list[Step] = _data(values)
    seed = re.search(r"-seed(\d+)$", name)
    settings: dict[str, Any] = {"schedule.seed": int(seed[1])} if seed else {}
    folder = values.get("data", {}).get("folder")
    steps.append(
        Train(
            config=config.as_posix(),
            name=name,
            set=settings,
            folder=None if folder is None else Path(folder),
        )
    )
    if tested:
        steps.append(
            Evaluate(
                models=(f"runs/{name}",),
                data="drive",
                protocol="official",
                split="test",
                checkpoint=values["schedule"].get("monitor", "dice"),
                out=f"{name}/test.json",
            )
        )
    steps.append(Keep(run=name, files={file: f"{name}/{file}" for file in KEPT}))
    steps.append(Plot(runs=row.runs, out=f"{row.config}.png"))
    pretrained = values.get("network", {}).get("pretrained") or ""
    needs = (pretrained.removeprefix("runs/"),) if pretrained.startswith("runs/") else ()
    return Recipe(
        result=FOLDER,
        text=f"published experiment: {row.experiment}",
        needs=needs,
        steps=tuple(steps),
    )


def _data(values: dict[str, Any]) -> list[Step]:
    """The synthetic images used by a configuration, and their patches."""
    text = json.dumps(values.get("data", {}))
    steps: list[Step] = []
    if "synthetic" in text:
        steps.append(Synth(out=Path("synthetic"), count=480))
    if "synthetic-patches" in text:
        steps.append(Patches(data="synthetic", out=Path("synthetic-patches")))
    return steps
