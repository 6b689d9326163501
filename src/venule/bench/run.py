"""A complete benchmark: networks alone, files to masks, and memory, in one report."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from venule.bench.candidate import Candidate, Entry, open_candidate
from venule.bench.clock import Spread, Stages, ratio, spread, take_turns
from venule.bench.fresh import Fresh, measure_fresh
from venule.bench.photograph import write_photograph
from venule.bench.stages import file_to_mask
from venule.errors import UsageError
from venule.image.arrays import FloatMap
from venule.image.photograph import read_photograph
from venule.image.tiles import Run
from venule.system.computer import computer, versions

DRIVE_SIZE = (584, 565)
"""Rows and columns of DRIVE's photographs."""

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One candidate at one size of photograph; times in seconds.

    `entry`: with the file name only. `shapes`: of the network's inputs. `network`: the network
    alone; all rounds are in `rounds`. `ratio`: that time relative to the first candidate's, per
    round; `ratio_in_runtime`: to that of the first in the same runtime. `file`: by stage from
    file to written mask, empty for a peer. `fresh`: the same in a new process.
    """

    name: str
    runtime: str
    entry: Entry
    size: tuple[int, int]
    shapes: tuple[tuple[int, ...], ...]
    network: Spread
    ratio: Spread
    ratio_in_runtime: Spread
    file: dict[str, Spread]
    fresh: Fresh
    rounds: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """Measurements, with the computer and the settings of the run."""

    computer: dict[str, str | int | None]
    versions: dict[str, str]
    threads: int
    repeat: int
    rows: tuple[Row, ...]


def bench(
    entries: Sequence[Entry],
    *,
    sizes: Sequence[tuple[int, int]] = (DRIVE_SIZE,),
    threads: int = 2,
    repeat: int = 20,
    progress: Progress = lambda _: None,
) -> Report:
    """Time all entries on a synthetic photograph of each size.

    Args:
        entries: see `candidate.entries`; ratios are relative to the first.
        sizes: (rows, columns) of the photographs.
        threads: per network.
        repeat: number of timed rounds.
        progress: called with a description of the next task.

    Raises:
        VenuleError: an entry cannot be loaded or run.
    """
    if threads < 1 or repeat < 1:
        raise UsageError(f"threads {threads}, repeat {repeat}: use 1 or more")
    candidates = [open_candidate(entry, threads=threads) for entry in entries]
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "photograph.jpg", Path(folder) / "mask.png"
        for size in sizes:
            progress(f"{size[0]} x {size[1]}: synthesizing a photograph")
            write_photograph(source, size)
            rows += _rows(candidates, size, source, target, threads, repeat, progress)
    return Report(computer(), versions(), threads, repeat, tuple(rows))


def to_json(report: Report) -> bytes:
    """The complete report as JSON, for a file."""
    return (json.dumps(asdict(report), indent=1) + "\n").encode()


def _rows(
    candidates: Sequence[Candidate],
    size: tuple[int, int],
    source: Path,
    target: Path,
    threads: int,
    repeat: int,
    progress: Progress,
) -> list[Row]:
    what = f"{size[0]} x {size[1]}"
    image = read_photograph(source).pixels
    inputs = [candidate.inputs(image) for candidate in candidates]
    progress(f"{what}: networks alone, {repeat} rounds")
    networks = [
        tuple(stages["network"] for stages in rounds)
        for rounds in take_turns(
            [
                partial(_network, one.run, seen)
                for one, seen in zip(candidates, inputs, strict=True)
            ],
            repeat=repeat,
        )
    ]
    progress(f"{what}: from file to mask, {repeat} rounds")
    files = _files(candidates, source, target, repeat)
    rows = []
    for index, (candidate, seconds) in enumerate(zip(candidates, networks, strict=True)):
        progress(f"{what}: {candidate.name} in a new process ({candidate.entry.runtime})")
        alike = next(
            other
            for other, rival in zip(networks, candidates, strict=True)
            if rival.entry.runtime == candidate.entry.runtime
        )
        row = Row(
            name=candidate.name,
            runtime=candidate.runtime,
            entry=replace(candidate.entry, model=Path(candidate.entry.model).name),
            size=size,
            shapes=tuple(pixels.shape for pixels in inputs[index]),
            network=spread(seconds),
            ratio=ratio(seconds, networks[0]),
            ratio_in_runtime=ratio(seconds, alike),
            file=files.get(index, {}),
            fresh=measure_fresh(candidate.entry, source, target, threads=threads),
            rounds=seconds,
        )
        rows.append(row)
    return rows


def _network(run: Run, inputs: Sequence[FloatMap]) -> Stages:
    started = perf_counter()
    for pixels in inputs:
        run(pixels)
    return {"network": perf_counter() - started}


def _files(
    candidates: Sequence[Candidate], source: Path, target: Path, repeat: int
) -> dict[int, dict[str, Spread]]:
    """The times of each stage by candidate; peers have none."""
    segmenters = {
        index: candidate.segmenter
        for index, candidate in enumerate(candidates)
        if candidate.segmenter is not None
    }
    tasks = [
        partial(file_to_mask, source, target, segmenter, others=True)
        for segmenter in segmenters.values()
    ]
    measured = take_turns(tasks, repeat=repeat, warm_up=1)
    return {
        index: {stage: spread([turn[stage] for turn in rounds]) for stage in rounds[0]}
        for index, rounds in zip(segmenters, measured, strict=True)
    }
