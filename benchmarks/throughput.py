"""Photographs per hour of the whole computer with `venule predict`, and the cost of a million.

    python benchmarks/throughput.py [-o FILE.json] [--price USD] [--photographs N] [--size H,W ...]
        [--before CHECKOUT]

Synthetic photographs of DRIVE's and HRF's size are processed by the command as typed by a user,
first a few and then N more: the difference is the time of N photographs without the start-up, which
is negligible for a million. The price of a core-hour is an assumption, not a measurement: rented
cores cost 0.01 to 0.05 USD an hour. With --before, the venule of an earlier checkout is measured in
turns with this one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from venule.bench.candidate import entries
from venule.bench.photograph import write_photograph
from venule.errors import VenuleError
from venule.files.atomic import require_folder, write_bytes
from venule.system.computer import computer, versions
from venule.system.cores import core_count

SYNTHETIC = 8
"""Number of distinct photographs; the others are copies of them."""

PRICE_USD = 0.04
"""Default price of one core for an hour."""


def write_cohort(folder: Path, size: tuple[int, int], count: int) -> None:
    """Fill `folder` with `count` photographs."""
    folder.mkdir()
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        if number < SYNTHETIC:
            write_photograph(path, size, seed=number)
        else:
            shutil.copyfile(folder / f"{number % SYNTHETIC:05}.jpg", path)


def seconds(
    cohort: Path, *, model: str, runtime: str, workers: int, checkout: Path | None = None
) -> float:
    """Time the command, of another checkout if one is given, for a folder of photographs."""
    environment = {**os.environ}
    if checkout is not None:
        environment["PYTHONPATH"] = str(checkout / "src")
    with TemporaryDirectory() as out:
        command = [sys.executable, "-m", "venule", "predict", str(cohort), "-o", out]
        command += ["--model", model, "--runtime", runtime, "--workers", str(workers)]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        taken = time.perf_counter() - started
    if done.returncode:
        raise VenuleError(f"{' '.join(command)}: failed\n{done.stderr}")
    return taken


def measure(
    few: Path,
    many: Path,
    *,
    model: str,
    runtime: str,
    workers: int,
    checkout: Path | None = None,
) -> dict[str, float | int]:
    """The times of both cohorts, and photographs per hour without the start-up."""
    counts = [len(list(cohort.iterdir())) for cohort in (few, many)]
    taken = [
        seconds(cohort, model=model, runtime=runtime, workers=workers, checkout=checkout)
        for cohort in (few, many)
    ]
    if taken[1] <= taken[0]:
        raise VenuleError(
            f"{counts[1]} photographs took no longer than {counts[0]}: the computer does something "
            "else; leave it alone, or take more --photographs"
        )
    each = (taken[1] - taken[0]) / (counts[1] - counts[0])
    return {
        "few": counts[0],
        "few_s": taken[0],
        "many": counts[1],
        "many_s": taken[1],
        "an_hour": 3600 / each,
    }


def cost_of_a_million(an_hour: float, *, cores: int, price: float) -> float:
    """USD for a million photographs on computers like this one, paying for all its cores."""
    return 1e6 / an_hour * cores * price


def commit(checkout: Path) -> str:
    """The short name of a checkout's commit."""
    command = ["git", "-C", str(checkout), "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("results/throughput.json"))
    parser.add_argument("--price", type=float, default=PRICE_USD, help="USD per core-hour")
    parser.add_argument("--photographs", type=int, default=120, help="N, of DRIVE's size")
    parser.add_argument("--few", type=int, default=8, help="photographs of the shorter run")
    parser.add_argument("--size", nargs="+", default=["584,565", "2336,3504"], metavar="H,W")
    parser.add_argument("--model", nargs="+", default=["general"])
    parser.add_argument("--runtime", nargs="+", default=[], help="onnx, and openvino if installed")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="an earlier venule")
    return parser.parse_args()


def rows_of(size: tuple[int, int], asked: argparse.Namespace) -> Iterator[dict[str, object]]:
    """One row for every model, runtime and number of workers, with photographs of one size."""
    # Fewer large photographs: a quarter of HRF's takes longer than all of DRIVE's.
    more = asked.photographs if size[0] * size[1] < 1e6 else max(2, asked.photographs // 4)
    with TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        write_cohort(few, size, asked.few)
        write_cohort(many, size, asked.few + more)
        combinations = product(entries(asked.model, runtimes=asked.runtime), asked.workers)
        for entry, workers in combinations:
            how = {"model": Path(entry.model).name, "runtime": entry.runtime, "workers": workers}
            sys.stderr.write(f"{size[0]} x {size[1]}: {how}\n")
            again = {"model": entry.model, "runtime": entry.runtime, "workers": workers}
            found = measure(few, many, **again)
            if asked.before is not None:
                before = measure(few, many, **again, checkout=asked.before)
                found["before_an_hour"] = before["an_hour"]
            usd = cost_of_a_million(found["an_hour"], cores=core_count(), price=asked.price)
            yield {"size": size, **how, **found, "million_usd": usd}


def main() -> None:
    """Measure every combination, and write the results."""
    asked = arguments()
    require_folder(asked.out)
    sizes = [tuple(map(int, text.split(","))) for text in asked.size]
    try:
        measured = [row for rows, columns in sizes for row in rows_of((rows, columns), asked)]
    except VenuleError as error:
        sys.exit(f"error: {error}")
    report = {
        "computer": computer(),
        "versions": versions(),
        "cores": core_count(),
        "usd_a_core_hour": asked.price,
        "before": asked.before and commit(asked.before),
        "rows": measured,
    }
    write_bytes(asked.out, (json.dumps(report, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
