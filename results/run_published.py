"""Runs one of the published experiments: train, score on DRIVE's test images, keep what it says.

    python results/run_published.py NAME [--epochs N] [key=value ...]

NAME is a run of published/about.json, such as ddrnet23-slim-stride8-seed0; without one, all of them
are listed with what has been run. The training lies in runs/NAME of the current folder (and goes
on from there if it was interrupted), DRIVE below VENULE_DATA, synthetic images in synthetic/ and
their patches in synthetic-patches/ of the current folder. `--epochs N` compresses the published
schedule; `key=value` changes a setting as for `venule train`. Logs, settings and scores are copied
to published/NAME, weights never are; the look at test images is recorded in test_access.jsonl,
once: a run that has a test.json is not scored again. Afterwards `make results` renews the page.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments import Row

from venule.errors import UsageError, VenuleError

HERE = Path(__file__).parent
PUBLISHED = HERE / "published"
CONFIGS = HERE.parent / "configs" / "published"
LOOKS = HERE / "test_access.jsonl"
RUNS = Path("runs")

KEPT = ("config.toml", "metrics.csv", "run.json", "cost.json", "environment.json", "test.json")

Command = list[str]


@dataclass(frozen=True)
class Experiment:
    """One run of a row: which configuration, which seed, and whether test images score it."""

    name: str
    config: Path
    seed: int | None
    tested: bool

    @property
    def run(self) -> Path:
        """Where it trains."""
        return RUNS / self.name

    @property
    def folder(self) -> Path | None:
        """The class folders that it learns from, of a classifier."""
        data = self._section("data")
        return Path(data["folder"]) if "folder" in data else None

    @property
    def monitor(self) -> str:
        """The validation score whose best weights are the result, as published: loss or IoU."""
        return str(self._section("schedule").get("monitor", "dice"))

    def _section(self, name: str) -> dict[str, Any]:
        values = tomllib.loads(self.config.read_text(encoding="utf-8"))
        section: dict[str, Any] = values.get(name, {})
        return section


def experiments(published: Path = PUBLISHED, configs: Path = CONFIGS) -> dict[str, Experiment]:
    """Every run that about.json names, by name."""
    about = json.loads((published / "about.json").read_text(encoding="utf-8"))
    found = {}
    for part, tested in (("pretrainings", False), ("rows", True)):
        for row in (Row.model_validate(row) for row in about.get(part, ())):
            for name in row.runs:
                seed = re.search(r"-seed(\d+)$", name)
                found[name] = Experiment(
                    name,
                    configs / f"{row.config}.toml",
                    int(seed[1]) if seed else None,
                    tested,
                )
    return found


def training(one: Experiment, *, epochs: int | None, settings: Sequence[str]) -> Command | None:
    """The command that trains it or carries it on; None if it has ended.

    Raises:
        UsageError: settings for a run that was begun with its own, or another folder in its place.
    """
    verb = "train" if one.folder is None else "pretrain"
    if (one.run / "config.toml").exists():
        if epochs is not None or settings:
            raise UsageError(f"{one.run}: was begun with its own settings; give none, or move it")
        if (one.run / "run.json").exists():
            return None
        return [verb, "--resume", str(one.run)]
    if one.run.exists():
        raise UsageError(f"{one.run}: holds no training that could go on; remove it")
    given = [*settings, f"name={one.name}"]
    if one.seed is not None:
        given.append(f"schedule.seed={one.seed}")
    if epochs is not None:
        given.append(f"schedule.epochs={epochs}")
    if one.folder is None:
        return [verb, str(one.config), *given, "--out", str(RUNS)]
    return [verb, str(one.folder), *given, "--config", str(one.config), "--out", str(RUNS)]


def scoring(one: Experiment) -> Command | None:
    """The command that scores it on DRIVE's test images; None if that was done or is not wanted.

    Scored are the weights that were best by what the experiment monitors.
    """
    out = one.run / "test.json"
    if not one.tested or out.exists():
        return None
    where = ["--data", "drive", "--protocol", "official", "--split", "test"]
    which = ["--checkpoint", one.monitor]
    return [
        "evaluate",
        str(one.run),
        *which,
        *where,
        "--json",
        str(out),
        "--access-log",
        str(LOOKS),
    ]


def keep(one: Experiment, published: Path = PUBLISHED) -> Path:
    """Copy what is committed into `published`; the folder that it was copied to.

    Paths below the current folder become relative to it.
    """
    target = published / one.name
    target.mkdir(exist_ok=True)
    for name in KEPT:
        if (one.run / name).exists():
            text = (one.run / name).read_text(encoding="utf-8")
            text = text.replace(f"{Path.cwd()}/", "")
            (target / name).write_text(text, encoding="utf-8", newline="")
    return target


def drawing(one: Experiment, published: Path = PUBLISHED) -> Command:
    """The command that draws the curves of all seeds of its configuration."""
    stem = one.config.stem
    kept = [
        str(published / name)
        for name, other in experiments(published, one.config.parent).items()
        if other.config == one.config and (published / name / "metrics.csv").exists()
    ]
    return ["plot", *kept, "-o", str(published / f"{stem}.png")]


def run(
    one: Experiment,
    do: Callable[[Command], None],
    *,
    epochs: int | None = None,
    settings: Sequence[str] = (),
    published: Path = PUBLISHED,
) -> Path:
    """Train, score, copy and draw; `do` runs a command of venule. The folder that is committed."""
    train = training(one, epochs=epochs, settings=settings)
    if train is not None:
        do(train)
    score = scoring(one)
    if score is not None:
        do(score)
    target = keep(one, published)
    do(drawing(one, published))
    return target


def _venule(command: Command) -> None:
    sys.stderr.write(f"venule {' '.join(command)}\n")
    done = subprocess.run([sys.executable, "-m", "venule", *command], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Run the experiment that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", nargs="?")
    parser.add_argument("settings", nargs="*", metavar="key=value")
    parser.add_argument("--epochs", type=int)
    given = parser.parse_intermixed_args()
    known = experiments()
    if given.name is None:
        for name in known:
            done = (PUBLISHED / name).is_dir()
            sys.stdout.write(f"{'done' if done else 'not run':8} {name}\n")
        return
    if given.name not in known:
        sys.exit(f"error: no experiment {given.name!r}; known: {', '.join(known)}")
    try:
        target = run(known[given.name], _venule, epochs=given.epochs, settings=given.settings)
    except VenuleError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main()
