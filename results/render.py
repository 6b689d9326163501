"""Writes the pages of results, speed and quality, and the shipped weights' cards: `make results`.

Every number in the tables stands in a committed file below results/, and each file says by which
command it was made; the peers' alone (`bars.py`, `speed.py`) were measured once and have no file.
What `results/NAME/about.json` may hold:

- `title`, `text` (lines), `commands`, `reports` (files of `venule evaluate --json`): one section;
  `bars`, the report among them that is held against the bars of `bars.py`, of which `bars_of`
  names those of "accurate" (unless told) or "general"; `beside`, a file of `tta.py`, what more
  passes would add.
- `kind: "table"`: many trainings in compact form, see `experiments.py`.

With a `card.toml` (`venule.evaluation.card.Texts`), NAME is a shipped model: its card is written
to `results/NAME/card.json` and docs/cards/NAME.md, from about.json, the reports and the weights.
`pictures.py` draws the pictures of the card, which need the photographs.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bars import PEERS, SETS, bar_table, bars_met
from experiments import experiments_section
from quality_page import quality_page
from speed import speed_page

from venule.errors import UsageError, VenuleError
from venule.evaluation.card import ABOUT, CARD, TEXTS, card_json, make_card, read_report
from venule.evaluation.card_page import card_page
from venule.evaluation.report import (
    difference_table,
    headings,
    markdown,
    legacy_table,
    score_table,
)
from venule.evaluation.score import LABELS
from venule.inference.load import shipped_weights

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
PAGE = DOCS / "results.md"
SPEED = DOCS / "speed.md"
QUALITY = DOCS / "quality.md"

INTRODUCTION = """\
# Results

Written by `make results` from the files in `results/`; do not edit. Scores are inside the field of
view, at the photographs' own size, from probabilities, at the threshold stored with the weights,
against the first expert; means over images with 95 % bootstrap intervals, and all pixels pooled.
Networks, epochs and thresholds come from validation images, none from test images. But what test
images said of `general`, its split version and `ddrnet23-slim-drive` was the occasion to train on
or to set one thing more (docs/experiments.md): to that degree, which nobody knows, those scores are
optimistic. Intervals are over images; of most networks there is one seed, and nothing is said of
other trainings.
"""


def render(folder: Path = HERE) -> str:
    """The text of docs/results.md."""
    sections = [_section(path) for path in sorted(folder.glob(f"*/{ABOUT}"))]
    return "\n".join([INTRODUCTION, *sections, _looks(folder)])


def cards(folder: Path = HERE, docs: Path = DOCS) -> Iterator[tuple[Path, str]]:
    """The card of each shipped model as JSON and as a page: path and text."""
    for texts in sorted(folder.glob(f"*/{TEXTS}")):
        name = texts.parent.name
        weights = shipped_weights().get(name)
        if weights is None:
            raise UsageError(f"{texts}: no weights of that name are shipped; remove the card")
        card = make_card(texts.parent, weights)
        yield texts.parent / CARD, card_json(card)
        yield docs / "cards" / f"{name}.md", card_page(card)


def _section(about: Path) -> str:
    """One section: what it is, how it is made again, its tables and curves."""
    described = json.loads(about.read_text(encoding="utf-8"))
    lines = [f"## {described['title']}", "", *described["text"], ""]
    lines += ["```console", *(f"$ {command}" for command in described["commands"]), "```", ""]
    if described.get("kind") == "table":
        return "\n".join([*lines, *experiments_section(about.parent, described)])
    if (about.parent / TEXTS).exists():
        page = f"cards/{about.parent.name}.md"
        lines += [f"Shipped; its card: [{page}]({page})", ""]
    for name in described["reports"]:
        report = read_report(about.parent / name)
        lines += [f"### {report.results[0].dataset} {report.results[0].split}", ""]
        lines += [*(f"- {line}" for line in headings(report)), ""]
        lines += [*markdown(score_table(report)), ""]
        if report.differences:
            lines += [*markdown(difference_table(report)), ""]
        lines += [*markdown(legacy_table(report)), ""]
    if "bars" in described:
        result = read_report(about.parent / described["bars"]).results[0]
        of = described.get("bars_of", "accurate")
        bars = SETS[of]
        lines += ["### Bars", "", bars_met(result, bars), ""]
        lines += [
            *markdown(bar_table(result, bars)),
            "",
            PEERS[of],
            "",
        ]
    if "beside" in described:
        lines += [*_beside(about.parent / described["beside"]), ""]
    if (about.parent / "curves.png").exists():
        lines += [f"![Curves of the training](../results/{about.parent.name}/curves.png)", ""]
    return "\n".join(lines)


def _beside(path: Path) -> Iterator[str]:
    """What test-time augmentation would add, on images that the networks did not train on."""
    found = json.loads(path.read_text(encoding="utf-8"))
    runs, images = len(found["runs"]), found["images"]
    yield from ("### Beside it: test-time augmentation (D4) instead of one", "")
    yield f"On the {images} held-out images of {runs} folds (not on test images), each seen once,"
    yield "and in all eight symmetries of the square with the logits averaged; threshold,"
    yield "calibration and components chosen for each way; not shipped, and in no other score:"
    yield ""
    table = [["score", "one pass", "test-time augmentation (D4)", "paired difference"]]
    for name, change in found["difference"].items():
        numbers = [f"{found[way][name]:.4f}" for way in ("once", "eight_symmetries")]
        interval = f"{change['mean']:+.4f} [{change['low']:+.4f}, {change['high']:+.4f}]"
        table.append([LABELS[name], *numbers, interval])
    yield from markdown(table)


def _looks(folder: Path) -> str:
    """How often test images were looked at, by weights; a card computed again chooses nothing."""
    path = folder / "test_access.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    looks = [json.loads(line) for line in text.splitlines()]
    counts = Counter((look["dataset"], look["model"], _purpose(look)) for look in looks)
    total = Counter(map(_purpose, looks))
    lines = ["## Accesses to test images", ""]
    lines += [
        f"{total['evaluation']} recorded in `results/test_access.jsonl`, {total['sheet']} sheets "
        "of pictures (recorded since\nNovember 26; the cards' four were drawn before), and "
        f"{total['card recheck']} times that a card was computed again.",
        "A look without a commit was made outside of a checkout, one of a commit `-dirty` with",
        "files that differed from it.",
    ]
    table = [["data set", "what was scored", "looks", "sheets", "card computed again"]]
    for data, model in dict.fromkeys((data, model) for data, model, _ in counts):
        numbers = [str(counts[data, model, one]) for one in ("evaluation", "sheet", "card recheck")]
        table.append([data, model, *numbers])
    return "\n".join([*lines, "", *markdown(table, words=(0, 1))]) + "\n"


def _purpose(look: dict[str, str]) -> str:
    """Why it was looked at; early lines do not say, and were evaluations."""
    return look.get("purpose", "evaluation")


def main() -> None:
    """Write every page; a fault in a file is one line."""
    try:
        pages = [
            *cards(),
            (PAGE, render()),
            (SPEED, speed_page(HERE)),
            (QUALITY, quality_page(HERE)),
        ]
    except VenuleError as error:
        sys.exit(f"error: {error}")
    for path, text in pages:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
