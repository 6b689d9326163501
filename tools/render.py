"""Write the pages and cards from the result files: `make results`."""

import sys

from checkout import DOCS, RESULTS, ROOT
from publish import measurements_page, quality_page, results_page, retest_table, speed_page
from venule.errors import VenuleError
from venule.measure.repeatability import TABLE


def main() -> None:
    """Write every page; a fault in a file is one line."""
    try:
        pages = [
            *results_page.cards(),
            (DOCS / results_page.PAGE, results_page.results_page(RESULTS)),
            (DOCS / speed_page.PAGE, speed_page.speed_page(RESULTS)),
            (DOCS / quality_page.PAGE, quality_page.quality_page(RESULTS)),
            (DOCS / measurements_page.PAGE, measurements_page.measurements_page(RESULTS)),
            (DOCS / measurements_page.TRUST_PAGE, measurements_page.trust_page(RESULTS)),
        ]
        if (table := retest_table.retest_table(RESULTS)) is not None:
            pages.append((ROOT / "src" / "venule" / "measure" / TABLE, table))
    except VenuleError as error:
        sys.exit(f"error: {error}")
    for path, text in pages:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
