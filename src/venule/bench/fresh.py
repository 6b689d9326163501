"""The cost of a newly started process: its memory and the time to its first result."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from venule.bench.candidate import Candidate, Entry, open_candidate
from venule.bench.clock import Stages
from venule.errors import VenuleError
from venule.system.process import peak_memory_bytes


@dataclass(frozen=True)
class Fresh:
    """The measurements of one process; memory in 10^6 bytes, None if unknown.

    `peak_mb`: peak resident memory until the mask was written.
    `seconds`: from the start of the interpreter to the written mask.
    `first`: of these, from file to mask by stage, see `stages`; empty for a peer.
    `again`: the same for later rounds, including the probability map and the overlay.
    `peak_all_mb`: peak resident memory until the end, including these rounds.
    """

    peak_mb: float | None
    seconds: float
    first: Stages = field(default_factory=dict)
    again: tuple[Stages, ...] = ()
    peak_all_mb: float | None = None


def measure_fresh(
    entry: Entry, source: Path, target: Path, *, threads: int, again: int = 0
) -> Fresh:
    """Process one photograph in a new process: read, segment, write; a peer runs on noise only.

    Args:
        entry: the network.
        source: the photograph.
        target: the mask.
        threads: of the network.
        again: further rounds in the same process.

    Raises:
        VenuleError: the process failed; its last line says why.
    """
    task = {**asdict(entry), "source": str(source), "target": str(target)}
    task |= {"threads": threads, "again": again}
    command = [sys.executable, "-m", "venule.bench.fresh", json.dumps(task)]
    started = time.perf_counter()
    with (
        TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - started
        rest = process.stdout.read()
        process.wait()
        errors.seek(0)
        said = errors.read().strip().splitlines()
    if process.returncode:
        reason = (said or [f"exit code {process.returncode}"])[-1]
        raise VenuleError(f"{entry.model}: failed in a separate process ({reason})")
    later = json.loads(rest)
    return Fresh(seconds=seconds, **json.loads(first), **later | {"again": tuple(later["again"])})


def peak_mb() -> float | None:
    """Peak resident memory of this process, in 10^6 bytes; None on Windows."""
    peak = peak_memory_bytes()
    return None if peak is None else peak / 1e6


def _run_once(candidate: Candidate, source: Path, target: Path, *, others: bool) -> Stages:
    from venule.bench.stages import file_to_mask
    from venule.image.photograph import read_photograph

    if candidate.segmenter is not None:
        return file_to_mask(source, target, candidate.segmenter, others=others)
    for pixels in candidate.inputs(read_photograph(source).pixels):
        candidate.run(pixels)
    return {}


def main() -> None:
    """Run the task in the first argument, and write its cost to stdout as two lines of JSON."""
    task = json.loads(sys.argv[1])
    entry = Entry(task["model"], task["runtime"], task["peer"])
    source, target = Path(task["source"]), Path(task["target"])
    candidate = open_candidate(entry, threads=task["threads"])
    first = _run_once(candidate, source, target, others=False)
    peak = peak_mb()
    sys.stdout.write(json.dumps({"first": first, "peak_mb": peak}) + "\n")
    sys.stdout.flush()
    again = [_run_once(candidate, source, target, others=True) for _ in range(task["again"])]
    peaks = [one for one in (peak, peak_mb()) if one is not None]  # Linux may round it down later
    sys.stdout.write(json.dumps({"again": again, "peak_all_mb": max(peaks, default=None)}))


if __name__ == "__main__":
    main()
