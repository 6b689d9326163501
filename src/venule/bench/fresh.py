"""What a photograph costs a process that has just started: its memory and its first result."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from venule.bench.contender import Contender, Entry, open_contender
from venule.errors import VenuleError


@dataclass(frozen=True)
class Fresh:
    """`peak_mb`: the most memory that was resident, in 10^6 bytes; None where nobody can tell.

    `seconds`: from the start of the interpreter to the written mask and the process's end.
    """

    peak_mb: float | None
    seconds: float


def measure_fresh(entry: Entry, source: Path, target: Path, *, threads: int) -> Fresh:
    """One photograph in a new process: read, segmented and written; a peer runs on noise only.

    Raises:
        VenuleError: the process failed; its last line says why.
    """
    task = {**asdict(entry), "source": str(source), "target": str(target), "threads": threads}
    command = [sys.executable, "-m", "venule.bench.fresh", json.dumps(task)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise VenuleError(f"{entry.model}: failed in a process of its own ({reason})")
    return Fresh(json.loads(done.stdout)["peak_mb"], seconds)


def peak_mb() -> float | None:
    """The most memory that this process has had resident, in 10^6 bytes; None on Windows."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux its maximum starts with that of the process's parent.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes


def _run_once(contender: Contender, source: Path, target: Path) -> None:
    from venule.image.io import read_image, write_png

    image = read_image(source)
    if contender.segmenter is None:
        for pixels in contender.inputs(image):
            contender.run(pixels)
        return
    write_png(target, contender.segmenter.segment(image).vessels)


def main() -> None:
    """Do the task in the first argument, and write what it cost to stdout as JSON."""
    task = json.loads(sys.argv[1])
    entry = Entry(task["model"], task["runtime"], task["peer"])
    contender = open_contender(entry, threads=task["threads"])
    _run_once(contender, Path(task["source"]), Path(task["target"]))
    sys.stdout.write(json.dumps({"peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
