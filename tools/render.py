"""Write the pages and cards from the result files: `make results`."""

import sys

from checkout import DOCS, RESULTS
from publish import (
    cluster_page,
    measurements_page,
    quality_page,
    repeatability_page,
    results_page,
    speed_page,
)
from venule.errors import VenuleError
from venule.measure.repeatability import TABLE


def main() -> None:
    """Write every page; an error in a file is reported in one line."""
    try:
        pages = [
            *results_page.cards(),
            (DOCS / results_page.PAGE, results_page.results_page(RESULTS)),
            (DOCS / speed_page.PAGE, speed_page.speed_page(RESULTS)),
            (DOCS / quality_page.PAGE, quality_page.quality_page(RESULTS)),
            (DOCS / measurements_page.PAGE, measurements_page.measurements_page(RESULTS)),
            (DOCS / cluster_page.PAGE, _cluster_page()),
            (DOCS / repeatability_page.PAGE, repeatability_page.repeatability_page(RESULTS)),
            (TABLE, repeatability_page.package_table(RESULTS)),
        ]
    except VenuleError as error:
        sys.exit(f"error: {error}")
    for path, text in pages:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


def _cluster_page() -> str:
    """The cluster page, of which only the last section is generated."""
    page = (DOCS / cluster_page.PAGE).read_text(encoding="utf-8")
    return cluster_page.cluster_page(page, RESULTS)


if __name__ == "__main__":
    main()
