"""Draws where a shipped model fails, for its card: needs the photographs, so it is run by hand.

    python results/pictures.py NAME REPORT[=WEIGHTS]... [--made TEXT] [--data-root DIR]

REPORT is a file of results/NAME/ on photographs whose terms allow to show them (CHASE_DB1, HRF).
With WEIGHTS, a file or a run's folder, the report is of those, which have not trained on these
photographs; --made says how they were made. Then `make results` puts the pictures on the card.
"""

import argparse
import sys
from pathlib import Path

from venule.errors import VenuleError
from venule.evaluation.card_pictures import Worst, draw_failures
from venule.evaluation.predictor import model_predictor

HERE = Path(__file__).parent


def main() -> None:
    """Draw the pictures and print where they lie."""
    parser = argparse.ArgumentParser(description="Draw where a shipped model fails.")
    parser.add_argument("name")
    parser.add_argument("reports", nargs="+", metavar="report[=weights]")
    parser.add_argument("--made", default="", metavar="TEXT")
    parser.add_argument("--data-root", type=Path, metavar="DIR")
    given = parser.parse_args()
    folder = HERE / given.name
    try:
        worst = []
        for named in given.reports:
            report, _, weights = named.partition("=")
            source = model_predictor(weights or given.name, checkpoint="last")
            worst.append(Worst(report, source, given.made if weights else ""))
        written = draw_failures(folder, worst, HERE.parent / "docs", given.data_root)
    except VenuleError as error:
        sys.exit(f"error: {error}")
    sys.stdout.writelines(f"{path}\n" for path in written)


if __name__ == "__main__":
    main()
