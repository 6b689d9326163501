"""Measure the cost of bookkeeping: time and memory by the number of photographs.

    python benchmarks/bookkeeping.py [-o FILE.json] [--count N ...] [--deaths N ...]

A folder of N empty files with photographs' names is planned, run, run again, divided into shards,
merged and reported, each in a separate process; recorded are its peak memory, elapsed time and CPU
time (including the start of the interpreter). A stub replaces the network: it reads no photograph
and writes no image, so that only the plan, the ledger and the reports are measured. Then the engine
`ray` sends N tasks to a simulated cluster that loses a node every thousand photographs; each
photograph must have one outcome.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simulated import Cluster
from venule.batch.engine import Resources
from venule.batch.ledger import Ledger
from venule.batch.merge import merge_shards
from venule.batch.plan import Job, plan
from venule.batch.process import Finished, Kept, Outcome, Task, Written
from venule.batch.ray import Crew
from venule.batch.records import Records, Shard
from venule.batch.report import write_reports
from venule.batch.run import run, start
from venule.files.atomic import require_folder, write_bytes
from venule.system.computer import computer, versions
from venule.system.process import peak_memory_bytes

COUNTS = (10_000, 100_000, 1_000_000)
IN_ONE_FOLDER = 1000
SHARDS = 8
DEATH_EVERY = 1000
WORKERS = 16
SETTINGS = {"model": "stub", "columns": ["quality"]}
CELLS = {"quality": "ok", "quality_reasons": "", "uncertainty": "0.0123"}
DIGEST = "0123456789abcdef" * 4

Times = dict[str, float]


def make_folder(folder: Path, count: int) -> None:
    """Create empty files with photographs' names, a thousand in each folder."""
    for first in range(0, count, IN_ONE_FOLDER):
        below = folder / f"{first // IN_ONE_FOLDER:05d}"
        below.mkdir(parents=True)
        for number in range(first, min(first + IN_ONE_FOLDER, count)):
            (below / f"eye{number:08d}.jpg").touch()


def stub(task: Task) -> Outcome:
    """Process a task like a worker, without a photograph or a network."""
    if task.finished is not None:
        return Kept(task.job)
    written = Finished(DIGEST, dict.fromkeys(task.job.results.values(), DIGEST))
    return Written(task.job, written, 0.1, (), CELLS)


def open_stub(_: int) -> Any:
    """Return the stub."""
    return stub


def planning(folder: Path, out: Path) -> Times:
    """Plan the folder."""
    started = time.perf_counter()
    plan([folder], out)
    return {"plan": time.perf_counter() - started}


def running(folder: Path, out: Path, kind: type = Written, shard: Shard | None = None) -> Times:
    """Run the folder, or a shard of it; every outcome must be of type `kind`."""
    clock = [time.perf_counter()]
    jobs = plan([folder], out, shard=shard)
    clock.append(time.perf_counter())
    ledger = start(jobs, Records(out, shard), SETTINGS)
    clock.append(time.perf_counter())
    resources = Resources(1, 1, 600)
    counts: Counter[type] = Counter()
    with closing(run(jobs, ledger, open_stub, engine="inline", resources=resources)) as outcomes:
        for outcome in outcomes:
            counts[type(outcome)] += 1
    clock.append(time.perf_counter())
    assert counts == {kind: len(jobs)}, counts
    return dict(zip(("plan", "start", "run"), map(float.__sub__, clock[1:], clock), strict=True))


def sharding(folder: Path, out: Path, shards: int = SHARDS) -> Times:
    """Run all shards in turn."""
    parts = [running(folder, out, shard=Shard(k + 1, shards)) for k in range(shards)]
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def merging(_: Path, out: Path) -> Times:
    """Merge the shards."""
    started = time.perf_counter()
    merge_shards(out)
    return {"merge": time.perf_counter() - started}


def reporting(_: Path, out: Path) -> Times:
    """Write the reports again."""
    started = time.perf_counter()
    with closing(Ledger(Records(out))) as ledger:
        write_reports(ledger, last_run={})
    return {"report": time.perf_counter() - started}


def dying(count: int, place: Path) -> dict[str, object]:
    """Send tasks to a simulated cluster whose nodes die; each must have one result."""
    started = time.perf_counter()
    cluster = Cluster(stub, death_every=DEATH_EVERY)
    resources = Resources(WORKERS, 1, 600)
    tasks = _tasks(count, place)
    first = next(tasks)
    crew = Crew(cluster, open_stub, resources, first)
    results = bytearray(count)
    for outcome in crew.process(chain([first], tasks)):
        assert isinstance(outcome, Written), outcome
        results[int(outcome.job.name)] += 1
    crew.stop()
    assert results == b"\1" * count, "a photograph has no result, or more than one"
    found = peaked({"driver": time.perf_counter() - started})
    return {**found, "deaths": cluster.deaths, "lost": cluster.lost}


def _tasks(count: int, place: Path) -> Iterator[Task]:
    for number in range(count):
        name = f"{number}"
        yield Task(Job(source=place / name, out=place, name=name, outputs=("mask",)), None)


PHASES: Mapping[str, Callable[[Path, Path], Times]] = {
    "plan": planning,
    "first run": running,
    "second run": partial(running, kind=Kept),
    "report": reporting,
    "shards": sharding,
    "merge": merging,
}
"""In this order; from "shards" on, in a separate results folder."""


def measure(count: int, shards: int) -> Iterator[dict[str, object]]:
    """One row per phase for a folder of `count` photographs."""
    with TemporaryDirectory() as name:
        place = Path(name)
        make_folder(place / "in", count)
        for phase in PHASES:
            out = place / ("parts" if phase in ("shards", "merge") else "out")
            sys.stderr.write(f"{count} photographs: {phase}\n")
            asked = ("--phase", phase, "--shards", str(shards), "--folder", str(place / "in"))
            found = in_a_process(*asked, str(out))
            row = {"photographs": count, "phase": phase, **per_photograph(found, count)}
            if phase in ("shards", "merge"):
                row["shards"] = shards
            if phase in ("report", "merge"):
                row["ledger_bytes_each"] = Records(out).ledger.stat().st_size / count
            yield row


def measure_deaths(count: int) -> dict[str, object]:
    """The row of a simulated cluster that loses nodes."""
    sys.stderr.write(f"{count} photographs: deaths\n")
    with TemporaryDirectory() as place:
        found = in_a_process("--die", str(count), "--folder", place, place)
    row = {"photographs": count, "phase": "deaths", **per_photograph(found, count)}
    return row | {name: found[name] for name in ("deaths", "lost")}


def per_photograph(found: Mapping[str, Any], count: int) -> dict[str, object]:
    """The row of one process's measurements."""
    seconds = found["seconds"]
    return {
        "peak_mb": round(found["peak_mb"], 1),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "ms_each": round(1000 * sum(seconds.values()) / count, 4),
        "cpu_ms_each": round(1000 * found["cpu_s"] / count, 4),
    }


def in_a_process(*arguments: str) -> dict[str, Any]:
    """Run this script in a separate process, and read its measurements."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def peaked(seconds: Times) -> dict[str, object]:
    """The times, with the peak memory of this process in 10^6 bytes."""
    peak = peak_memory_bytes()
    return {
        "seconds": seconds,
        "cpu_s": time.process_time(),
        "peak_mb": math.nan if peak is None else peak / 1e6,
    }


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("results/bookkeeping.json"))
    parser.add_argument("--count", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--deaths", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--shards", type=int, default=SHARDS)
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    parser.add_argument("--die", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure every phase for every number, and write the results."""
    asked = arguments()
    if asked.phase:
        phase = PHASES[asked.phase]
        if asked.phase == "shards":
            phase = partial(sharding, shards=asked.shards)
        json.dump(peaked(phase(*asked.folder)), sys.stdout)
        return
    if asked.die:
        json.dump(dying(asked.die, asked.folder[0]), sys.stdout)
        return
    require_folder(asked.out)
    rows: list[dict[str, object]] = []
    deaths: list[dict[str, object]] = []
    report = {"computer": computer(), "versions": versions(), "deaths": deaths, "rows": rows}
    for count in asked.deaths:
        deaths.append(measure_deaths(count))
        _write(asked.out, report)
    for count in asked.count:
        for row in measure(count, asked.shards):
            rows.append(row)
            _write(asked.out, report)


def _write(out: Path, report: Mapping[str, object]) -> None:
    """Write the results so far: the largest folders take long."""
    write_bytes(out, (json.dumps(report, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
