"""Cohorts that are killed at random moments and run again."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.segmenters import noise
from venule.batch.plan import plan
from venule.image.io import write_png

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for workers in /proc"),
]

COHORT = """
import sys
from pathlib import Path
from support.segmenters import slow, working
from venule.batch.plan import plan
from venule.batch.records import Records
from venule.batch.predict import resources_of
from venule.batch.run import run, start

if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    jobs = plan([source], out, outputs=("prob", "mask"))
    ledger = start(jobs, Records(out), {"model": "slow", "columns": ["quality"]})
    resources = resources_of(2, 60)
    for outcome in run(jobs, ledger, working(slow), engine="processes", resources=resources):
        print(type(outcome).__name__, outcome.job.name, flush=True)
"""

TESTS = Path(__file__).parents[1]


def _start(folder: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COHORT, str(folder), str(out)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    )


def _workers(process: subprocess.Popen[str]) -> list[int]:
    """The running workers; multiprocessing's own helper process is none."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if "spawn_main" in _command(int(child))]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()  # empty for one that is a zombie
    except OSError:
        return ""


def _tree(out: Path) -> dict[str, bytes]:
    """Every file below `out` with what it holds, times left out."""
    tree = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*")}
    table = list(csv.reader(tree["report.csv"].decode().splitlines()))
    assert table[0][5] == "seconds"
    tree["report.csv"] = repr([[*row[:5], *row[6:]] for row in table]).encode()
    tree["run.json"] = tree["run.json"].partition(b'"last_run"')[0]
    return tree | {".venule.sqlite": b""}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_cohort_that_is_killed_again_and_again_ends_as_one_that_is_not(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for number in range(24):
        where = folder if number % 2 else folder / "deep"
        write_png(where / f"{number:02}.png", noise(40, seed=number))
    (folder / "broken.png").write_bytes(b"no photograph")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with _start(folder, whole) as process:
        process.communicate(timeout=300)
    assert process.returncode == 0

    finished: set[str] = set()
    for _ in range(4):
        with _start(folder, killed) as process:
            assert process.stdout is not None
            wanted = len(finished) + chance.randint(1, 4)
            seen: list[list[str]] = []
            while len(seen) < wanted:
                seen.append(process.stdout.readline().split())
                assert seen[-1], "it ended by itself"
            time.sleep(chance.random() * 0.3)
            workers = _workers(process)
            assert workers
            if chance.random() < 0.5:
                os.kill(chance.choice(workers), signal.SIGKILL)
                time.sleep(chance.random() * 0.3)
                workers = _workers(process)
            process.kill()
            seen += [line.split() for line in process.stdout]
        written = [name for kind, name in seen if kind == "Written"]
        assert not finished & set(written), "what was finished was computed again"
        finished |= set(written)
        deadline = time.monotonic() + 20
        while any(map(_command, workers)):
            assert time.monotonic() < deadline, "a worker outlived its parent"
            time.sleep(0.01)

    with _start(folder, killed) as process:
        assert process.stdout is not None
        last = [line.split() for line in process.stdout]
    assert process.returncode == 0
    assert {name for kind, name in last if kind == "Kept"} >= finished
    assert {name for _, name in last} == {job.name for job in plan([folder], killed)}
    assert _tree(killed) == _tree(whole)
    assert len([path for path in killed.rglob("*") if path.is_file()]) == 2 * 24 + 3
