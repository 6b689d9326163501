"""How far measurements of vessels can be trusted: against geometry, observers and repetition.

    python benchmarks/measure.py proof [-o FILE.json] [--every N]
    python benchmarks/measure.py retest RESULTS [-o FILE.json] [--workers N] [--whole-only]
    python benchmarks/measure.py observers DATA [-o FILE.json]
    python benchmarks/measure.py drift DATA [-o FILE.json]

`proof` measures drawn vessels of known geometry (`venule.synth.known`). `retest` takes what
`venule predict` wrote of RIDB, 20 eyes of five photographs each, in the whole field and
in the field that the five have in common. `observers` compares the two annotators of DRIVE's test
part and of CHASE_DB1; no network is asked. `drift` measures manual masks of DRIVE's training part
and CHASE_DB1 made wider, narrower, smaller and rougher.
"""

import argparse
import json
from pathlib import Path

from measuring.drift import drift
from measuring.observers import observers
from measuring.proof import proof
from measuring.retest import retest


def main() -> None:
    """Run one benchmark and write its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, arguments in (
        ("proof", proof, ()),
        ("retest", retest, ("results",)),
        ("observers", observers, ("data",)),
        ("drift", drift, ("data",)),
    ):
        command = commands.add_parser(name)
        for argument in arguments:
            command.add_argument(argument, type=Path)
        command.add_argument(
            "-o", "--out", type=Path, default=Path("results/measure") / f"{name}.json"
        )
        command.add_argument("--every", type=int, default=1, help="only every Nth case")
        command.add_argument("--each", type=int, default=5, help="photographs of an eye, of retest")
        command.add_argument("--workers", type=int, default=1, help="processes, of retest")
        command.add_argument("--whole-only", action="store_true", help="of retest: no registration")
        command.set_defaults(run=run)
    given = parser.parse_args()
    result = given.run(given)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
