"""The page of results, and the cards of the shipped weights.

Every number in the tables stands in a committed file below results/; the peers' alone (`goals.py`,
`speed_page.py`) were measured once and have no file. What `results/NAME/about.json` may hold:

- `title`, `text` (lines), `commands`, `reports` (files of `venule evaluate --json`): one section;
  `goals`, the report among them that is held against the goals of `goals.py`, of which `goals_of`
  names those of "accurate" (unless told) or "general"; `tta`, a file of `tta.py`.
- `kind: "table"`: many trainings in compact form, see `runs.py`.

With a `card.toml` (`venule.evaluation.card.Texts`), NAME is a shipped model: its card is written
beside its weights and to docs/cards/NAME.md, from about.json, the reports and the weights. The
pictures of the card need the photographs: `failures.py` draws them.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import task_card
from checkout import DOCS, RESULTS
from publish.access_page import access_section
from publish.experiments import experiments_section
from publish.goals import PEERS, SETS, goal_table, goals_met
from venule.errors import UsageError
from venule.evaluation.card import ABOUT, TEXTS, card_json, make_card, read_report
from venule.evaluation.card_page import card_page
from venule.evaluation.report import (
    difference_table,
    headings,
    legacy_table,
    markdown,
    score_table,
)
from venule.inference.load import shipped_marks, shipped_weights
from venule.metrics.metric import labels

PAGE = "results.md"

INTRODUCTION = """\
# Results

Written by `make results` from the files in `results/`; do not edit. Scores are inside the field of
view, at the photographs' own size, from probabilities, at the threshold stored with the weights,
against the first expert; means over images with 95 % bootstrap intervals, and all pixels pooled.
Networks, epochs and thresholds were chosen on validation images, never on test images. But test
scores of `general`, its split version and `ddrnet23-slim-drive` prompted further training or the
change of one more setting (docs/experiments.md): to that unknown degree, those scores are
optimistic. Intervals are over images; most networks have one seed, so nothing is said about other
trainings.
"""


def results_page(folder: Path = RESULTS) -> str:
    """Write the text of docs/results.md."""
    sections = [_section(path) for path in sorted(folder.glob(f"*/{ABOUT}"))]
    return "\n".join([INTRODUCTION, *sections, access_section(folder)])


def cards(folder: Path = RESULTS, docs: Path = DOCS) -> Iterator[tuple[Path, str]]:
    """Write the card of each shipped model as JSON and as a page: path and text."""
    for texts in sorted(folder.glob(f"*/{TEXTS}")):
        name = texts.parent.name
        if name in shipped_marks():
            yield docs / "cards" / f"{name}.md", task_card.card(name, root=folder.parent)
            continue
        weights = shipped_weights().get(name)
        if weights is None:
            raise UsageError(f"{texts}: no weights of that name are shipped; remove the card")
        card = make_card(texts.parent, weights)
        yield weights.with_suffix(".json"), card_json(card)
        yield docs / "cards" / f"{name}.md", card_page(card, origin=_origin(name))


def _origin(name: str) -> str:
    return (
        f"Written by `make results` from `results/{name}/`; do not edit. "
        f"`src/venule/weights/{name}.json` says the same for programs."
    )


def _section(about: Path) -> str:
    """Write one section: what it is, how it is made again, its tables and curves."""
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
    if "goals" in described:
        result = read_report(about.parent / described["goals"]).results[0]
        of = described.get("goals_of", "accurate")
        lines += ["### Goals", "", goals_met(result, SETS[of]), ""]
        lines += [*markdown(goal_table(result, SETS[of])), "", PEERS[of], ""]
    if "tta" in described:
        lines += [*_tta(about.parent / described["tta"]), ""]
    if (about.parent / "curves.png").exists():
        lines += [f"![Curves of the training](../results/{about.parent.name}/curves.png)", ""]
    return "\n".join(lines)


def _tta(path: Path) -> Iterator[str]:
    """Say what test-time augmentation would add, on images that the networks did not train on."""
    found = json.loads(path.read_text(encoding="utf-8"))
    runs, images = len(found["runs"]), found["images"]
    yield from ("### Not shipped: test-time augmentation (D4)", "")
    yield f"On the {images} held-out images of {runs} folds (no test image), each segmented once,"
    yield "and with test-time augmentation: the mean logit over the eight symmetries of the square."
    yield "Threshold, calibration and component rules are chosen for each; no other score uses it:"
    yield ""
    table = [["score", "one pass", "D4", "paired difference"]]
    for name, change in found["difference"].items():
        numbers = [f"{found[way][name]:.4f}" for way in ("once", "d4")]
        interval = f"{change['mean']:+.4f} [{change['low']:+.4f}, {change['high']:+.4f}]"
        table.append([labels()[name], *numbers, interval])
    yield from markdown(table)
