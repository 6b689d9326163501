"""Draw where a shipped model fails, for its card.

    python tools/failures.py NAME REPORT=WEIGHTS... [--made TEXT] [--data-root DIR]

REPORT is a file of results/NAME/ on photographs whose terms allow to show them (CHASE_DB1, HRF);
WEIGHTS, a shipped name, a file or a run's folder, is what it scores: weights that have not trained
on these photographs; --made says how others than the card's were made. That test images are shown
is recorded in results/test_access.jsonl. Then `make results` puts the pictures on the card.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import checkout
from recipe.place import Place
from venule.errors import VenuleError
from venule.evaluation.card_pictures import Worst, draw_failures
from venule.evaluation.predictor import model_predictor


def draw(
    reports: Mapping[str, str], place: Place, *, made: str = "", data_root: Path | None = None
) -> list[Path]:
    """Draw the worst images of reports in `place.results`; the files written, failures.json last.

    Args:
        reports: the weights that each report scores, by the report's name.
        place: where the reports lie and the pictures go.
        made: how the weights were made, where they are not the card's.
        data_root: the folder of the data sets instead of VENULE_DATA.

    Raises:
        UsageError: a report is not of its weights, or its photographs must not be shown.
        DatasetError: the photographs are not there.
    """
    worst = [
        Worst(report, model_predictor(weights, checkpoint="last"), made)
        for report, weights in reports.items()
    ]
    return draw_failures(
        place.results,
        worst,
        place.docs,
        data_root,
        access_log=place.access_log,
        context=checkout.context(),
    )


def main() -> None:
    """Draw the pictures and print where they lie."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("reports", nargs="+", metavar="report=weights")
    parser.add_argument("--made", default="", metavar="TEXT")
    parser.add_argument("--data-root", type=Path, metavar="DIR")
    given = parser.parse_args()
    pairs = (one.partition("=") for one in given.reports)
    reports = {report: weights or given.name for report, _, weights in pairs}
    place = Place(work=checkout.ROOT, results=checkout.RESULTS / given.name)
    try:
        written = draw(reports, place, made=given.made, data_root=given.data_root)
    except VenuleError as error:
        sys.exit(f"error: {error}")
    sys.stdout.writelines(f"{path}\n" for path in written)


if __name__ == "__main__":
    main()
