"""Recompute every score on the shipped models' cards, with a log of accesses.

    python tools/recheck.py [NAME ...] [--data-root DIR] [--device cpu]

Runs `venule evaluate --card NAME` for all shipped models, or for those named; each access to test
images is logged in results/test_access.jsonl, with the commit. Exit code 1 if a score differs from
its card by more than 0.0001.
"""

import argparse
import sys
from pathlib import Path

import typer

import checkout
from venule.cli.card import check_card
from venule.errors import VenuleError
from venule.inference.load import shipped_weights


def main(arguments: list[str] | None = None) -> None:
    """Check the cards named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="name")
    parser.add_argument("--data-root", type=Path, metavar="DIR")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args(arguments)
    try:
        for name in given.names or shipped_weights():
            check_card(
                name,
                data_root=given.data_root,
                access_log=checkout.ACCESS_LOG,
                device=given.device,
                context=checkout.context(),
            )
    except VenuleError as error:
        sys.exit(f"error: {error}")
    except typer.Exit as ended:
        sys.exit(ended.exit_code)


if __name__ == "__main__":
    main()
