"""Reliability of vessel measurements: against geometry, observers and repetition.

    python benchmarks/measure.py proof [--every N]
    python benchmarks/measure.py retest RESULTS [--workers N] [--whole-only]
    python benchmarks/measure.py observers DATA
    python benchmarks/measure.py predicted DATASET [--models NAME ...] [--split NAME]
    python benchmarks/measure.py equivalents DATASET [--protocol NAME] [--split NAME]
    python benchmarks/measure.py drift DATA
    python benchmarks/measure.py pvbm DATA --python PYTHON
    python benchmarks/measure.py cost

`proof` measures drawings of known geometry (`benchmarks/phantoms`). `retest` takes the output of
`venule predict` on RIDB, 20 eyes of five photographs each, in the whole field and in the field
common to the five; also of arteries, veins and equivalents, if it was run with
`--save mask,av,disc`. `observers` compares the two annotators of DRIVE's test images and of
CHASE_DB1, without a network. `predicted` compares networks with the first annotator of a split, and
logs the access if it is a test split. `equivalents` compares results based on predicted arteries
and veins with those based on an expert's, such as RITE's. `drift` measures manual masks of DRIVE's
training images and CHASE_DB1 after widening, narrowing, downsampling and roughening. `pvbm`
measures the same masks with PVBM and venule, using the interpreter of an environment that has PVBM.
`cost` measures the time and memory of measuring masks of three sizes on one thread, and the time
added to a photograph by arteries and veins, disc and fovea.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from checkout import ACCESS_LOG, context
from measuring.cost import cost
from measuring.drift import drift
from measuring.equivalents import equivalents
from measuring.observers import observers, predicted
from measuring.others import pvbm
from measuring.proof import proof
from measuring.retest import retest

COMMANDS = {
    "proof": (proof, None),
    "retest": (retest, "results"),
    "observers": (observers, "data"),
    "predicted": (predicted, "data"),
    "equivalents": (equivalents, "data"),
    "drift": (drift, "data"),
    "pvbm": (pvbm, "data"),
    "cost": (cost, None),
}
"""Each with the folder that it requires."""


def main() -> None:
    """Run one benchmark and write its result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for name, (run, folder) in COMMANDS.items():
        command = commands.add_parser(name)
        if folder is not None:
            command.add_argument(folder, type=Path)
        out = Path("results/measure") / f"{name}.json"
        command.add_argument("-o", "--out", type=Path, default=out)
        command.add_argument("--every", type=int, default=1, help="only every Nth case")
        command.set_defaults(run=run)
        if run is retest:
            command.add_argument("--each", type=int, default=5, help="photographs of an eye")
            command.add_argument("--workers", type=int, default=1, help="processes")
            command.add_argument("--whole-only", action="store_true", help="no registration")
        elif run is predicted:
            command.add_argument("--models", nargs="+", default=["general", "accurate"])
            command.add_argument("--split", default="test")
            command.add_argument("--access-log", type=Path, default=ACCESS_LOG)
            command.set_defaults(context=context)
        elif run is equivalents:
            command.add_argument("--protocol")
            command.add_argument("--split", default="test")
            command.add_argument("--access-log", type=Path, default=ACCESS_LOG)
            command.set_defaults(context=context)
        elif run is pvbm:
            command.add_argument("--python", required=True, help="interpreter with PVBM")
    given = parser.parse_args()
    result = given.run(given)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
