"""A benchmark as a whole: networks alone, files to masks, memory, in one report."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from venule.bench.clock import Spread, Stages, ratio, spread, take_turns
from venule.bench.computer import computer, versions
from venule.bench.contender import Contender, Entry, open_contender
from venule.bench.fresh import Fresh, measure_fresh
from venule.bench.photograph import write_photograph
from venule.bench.stages import file_to_mask
from venule.errors import UsageError
from venule.image.arrays import FloatMap
from venule.image.io import read_image
from venule.image.tiles import Run

DRIVE_SIZE = (584, 565)
"""Rows and columns of DRIVE's photographs."""

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender at one size of photograph; times in seconds.

    `entry`: with a file's name only. `shapes`: of the network's inputs. `network`: the network
    alone; every round is in `rounds`. `ratio`: that time as a multiple of the first contender's,
    round by round; `ratio_in_runtime`: of the first one's in the same runtime. `file`: by stage
    from file to written mask, empty for a peer. `fresh`: the same in a new process.
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
    """What was measured, where and how."""

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
    """The times of all entries on a drawn photograph of every size.

    Args:
        entries: see `contender.entries`; ratios are to the first.
        sizes: (rows, columns) of the photographs.
        threads: of each network.
        repeat: rounds that count.
        progress: told what is done next.

    Raises:
        VenuleError: an entry cannot be opened or run.
    """
    if threads < 1 or repeat < 1:
        raise UsageError(f"threads {threads}, repeat {repeat}: use 1 or more")
    contenders = [open_contender(entry, threads=threads) for entry in entries]
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "photograph.jpg", Path(folder) / "mask.png"
        for size in sizes:
            progress(f"{size[0]} x {size[1]}: drawing a photograph")
            write_photograph(source, size)
            rows += _rows(contenders, size, source, target, threads, repeat, progress)
    return Report(computer(), versions(), threads, repeat, tuple(rows))


def to_json(report: Report) -> bytes:
    """The report with everything in it, for a file."""
    return (json.dumps(asdict(report), indent=1) + "\n").encode()


def _rows(
    contenders: Sequence[Contender],
    size: tuple[int, int],
    source: Path,
    target: Path,
    threads: int,
    repeat: int,
    progress: Progress,
) -> list[Row]:
    what = f"{size[0]} x {size[1]}"
    image = read_image(source)
    inputs = [contender.inputs(image) for contender in contenders]
    progress(f"{what}: networks alone, {repeat} rounds")
    networks = [
        tuple(stages["network"] for stages in rounds)
        for rounds in take_turns(
            [
                partial(_network, one.run, seen)
                for one, seen in zip(contenders, inputs, strict=True)
            ],
            repeat=repeat,
        )
    ]
    progress(f"{what}: from file to mask, {repeat} rounds")
    files = _files(contenders, source, target, repeat)
    rows = []
    for index, (contender, seconds) in enumerate(zip(contenders, networks, strict=True)):
        progress(f"{what}: {contender.name} in a new process ({contender.entry.runtime})")
        alike = next(
            other
            for other, rival in zip(networks, contenders, strict=True)
            if rival.entry.runtime == contender.entry.runtime
        )
        row = Row(
            name=contender.name,
            runtime=contender.runtime,
            entry=replace(contender.entry, model=Path(contender.entry.model).name),
            size=size,
            shapes=tuple(pixels.shape for pixels in inputs[index]),
            network=spread(seconds),
            ratio=ratio(seconds, networks[0]),
            ratio_in_runtime=ratio(seconds, alike),
            file=files.get(index, {}),
            fresh=measure_fresh(contender.entry, source, target, threads=threads),
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
    contenders: Sequence[Contender], source: Path, target: Path, repeat: int
) -> dict[int, dict[str, Spread]]:
    """By contender, each stage's times; peers have none."""
    segmenters = {
        index: contender.segmenter
        for index, contender in enumerate(contenders)
        if contender.segmenter is not None
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
