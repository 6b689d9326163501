"""Draws where a shipped model fails, for its card: needs the photographs, so it is run by hand.

    python results/pictures.py NAME REPORT... [--weights FILE] [--data-root DIR]

REPORT is a file in results/NAME/ on photographs whose terms allow to show them (CHASE_DB1, HRF).
With --weights the report is of weights made in the same way without these photographs. Then
`make results` puts the pictures on the card.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from venule.errors import VenuleError
from venule.evaluation.card_pictures import draw_failures
from venule.evaluation.source import segmenter_source
from venule.inference.load import weights_file
from venule.inference.onnx_runner import load_onnx

HERE = Path(__file__).parent


def main() -> None:
    """Draw the pictures and print where they lie."""
    parser = argparse.ArgumentParser(description="Draw where a shipped model fails.")
    parser.add_argument("name")
    parser.add_argument("reports", nargs="+", metavar="report")
    parser.add_argument("--weights", metavar="FILE")
    parser.add_argument("--data-root", type=Path, metavar="DIR")
    given = parser.parse_args()
    try:
        weights = weights_file(given.weights or given.name)
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        segmenter = load_onnx(weights, device="cpu")
        source = segmenter_source(segmenter, name=given.name, weights_sha256=digest)
        folder = HERE / given.name
        written = draw_failures(
            folder, given.reports, source, HERE.parent / "docs", given.data_root
        )
    except VenuleError as error:
        sys.exit(f"error: {error}")
    sys.stdout.writelines(f"{path}\n" for path in written)


if __name__ == "__main__":
    main()
