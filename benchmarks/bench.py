"""Time the shipped weights against a yardstick, with `venule bench`; the yardstick needs PyTorch.

    python benchmarks/bench.py [-o FILE.json] [OPTIONS OF venule bench, such as --peer FILE.onnx]

The yardstick is a plain residual U-Net at half resolution (2.2 M parameters, random weights, which
do not affect the time) that processes photographs at their own size. It comes first, so all ratios
are relative to it, also in the same runtime; and so are those of other projects' files, given as
peers.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from venule.export.onnx import to_onnx
from venule.inference.load import shipped_weights
from venule.models.checkpoint import build_model
from venule.models.record import ModelRecord

YARDSTICK = ModelRecord(
    name="yardstick",
    model="resunet",
    options={"widths": [64, 96, 128, 192]},
    licence="random weights",
)


def write_yardstick(path: Path) -> None:
    """Write the yardstick as a file that venule can run."""
    torch.manual_seed(0)
    model = build_model(YARDSTICK)
    path.write_bytes(to_onnx(model, YARDSTICK).SerializeToString())


def main() -> None:
    """Create the yardstick, then run `venule bench`."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/bench.json"))
    options, others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        yardstick = Path(folder) / "yardstick.onnx"
        write_yardstick(yardstick)
        models = [str(yardstick), *shipped_weights()]
        written = ["--json", str(options.out), "--overwrite"]
        command = [sys.executable, "-m", "venule", "bench", *models, *written]
        sys.exit(subprocess.run([*command, *others], check=False).returncode)


if __name__ == "__main__":
    main()
