"""Time of `import venule` and `venule --help`, as whole processes.

    python benchmarks/startup.py [-o FILE.json]

Prints the minimum, median and maximum of several runs in seconds, next to those of an interpreter
that does nothing; goals: import under 0.3 s, help under 0.5 s.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import venule": [sys.executable, "-c", "import venule"],
    "venule --help": [sys.executable, "-m", "venule", "--help"],
}


def seconds(command: list[str], *, runs: int) -> list[float]:
    """Elapsed times of `runs` processes, after one that fills the disk cache."""
    times = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return times[1:]


def main() -> None:
    """Measure every command and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--runs", type=int, default=11)
    options = parser.parse_args()
    figures: dict[str, object] = {"python": platform.python_version(), "runs": options.runs}
    for name, command in COMMANDS.items():
        times = seconds(command, runs=options.runs)
        figures[name] = {
            "min_s": round(min(times), 3),
            "median_s": round(statistics.median(times), 3),
            "max_s": round(max(times), 3),
        }
    text = json.dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
