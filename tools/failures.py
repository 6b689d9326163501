"""Draw the failures of a shipped model, for its card.

    python tools/failures.py NAME REPORT=WEIGHTS... [--made TEXT] [--data-root DIR]

REPORT is a file of results/NAME/ on photographs whose terms allow publication (CHASE_DB1, HRF);
WEIGHTS, a shipped name, a file or a run folder, is what it scores: weights not trained on these
photographs; --made describes how weights other than the card's were made. Showing test images is
logged in results/test_access.jsonl. Afterwards `make results` puts the images on the card.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import checkout
from card_pictures import Worst, draw_failures
from recipe.place import Place
from venule.errors import VenuleError
from venule.evaluation.predictor import Options, model_predictor


def draw(
    reports: Mapping[str, str], place: Place, *, made: str = "", data_root: Path | None = None
) -> list[Path]:
    """Draw the worst images of reports in `place.results`; return the files, failures.json last.

    Args:
        reports: the weights that each report scores, by the report's name.
        place: the folders of the reports and the images.
        made: how the weights were made, if not the card's.
        data_root: the folder of the data sets instead of VENULE_DATA.

    Raises:
        UsageError: a report is of other weights, or its photographs must not be shown.
        DatasetError: the photographs are missing.
    """
    worst = [
        Worst(report, model_predictor(weights, Options(checkpoint="last")), made)
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
    """Draw the images and print their paths."""
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
