"""Run the recipe of a result, including the shipped weights.

    python tools/reproduce.py --list
    python tools/reproduce.py NAME [key=value ...] [--dry-run] [--device cuda] [--out FOLDER]

NAME is a file of recipes/, a run of results/published/, or a results folder, which stands for all
of its recipes. All output goes below FOLDER (out/reproduce): synthetic images, runs, weights, and
the files of the result in FOLDER/results, for comparison with the committed ones. Existing output
is kept, and an interrupted training run is resumed, so the same command completes an interrupted
reproduction. `key=value` changes a setting of the training run NAME, as for `venule train`. Data
sets are below VENULE_DATA or --data-root. Each access to test images is logged in
results/test_access.jsonl.
"""

import argparse
import sys
from pathlib import Path

from checkout import ROOT
from recipe.book import chosen, plan, recipes, run, with_settings
from recipe.place import Place
from recipe.step import say
from venule.errors import UsageError, VenuleError


def main(arguments: list[str] | None = None) -> None:
    """Run, list or print the recipe named on the command line."""
    given = _parser().parse_intermixed_args(arguments)
    try:
        book = recipes()
        if given.list or given.name is None:
            for name, recipe in book.items():
                sys.stdout.write(f"{name:50} {recipe.text}\n")
            return
        found = chosen(given.name, book)
        if given.settings:
            if given.name not in found:
                raise UsageError(f"{given.name} is several recipes; settings change one training")
            changed = with_settings(found[given.name], given.name, _parsed(given.settings))
            found = {**found, given.name: changed}
        if given.dry_run:
            sys.stdout.writelines(f"{line}\n" for line in plan(found))
            return
        work = given.out.resolve()
        place = Place(work=work, results=work / "results", docs=work / "docs", device=given.device)
        for name, recipe in found.items():
            if recipe.differs:
                say(f"note: {name}: {recipe.differs}")
        run(found, place, say, given.data_root)
    except VenuleError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{place.results}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", nargs="?")
    parser.add_argument("settings", nargs="*", metavar="key=value")
    parser.add_argument("--list", action="store_true", help="list all recipes")
    parser.add_argument("--dry-run", action="store_true", help="print the steps only")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "reproduce", metavar="FOLDER")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="instead of VENULE_DATA")
    return parser


def _parsed(settings: list[str]) -> dict[str, object]:
    """`key=value` as typed, by key; values are TOML, or bare text otherwise."""
    from venule.training.config_file import parse_value

    pairs = {}
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator or not key:
            raise UsageError(f"{setting!r}: expected key=value, such as schedule.epochs=50")
        pairs[key] = parse_value(text)
    return pairs


if __name__ == "__main__":
    main()
