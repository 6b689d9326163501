"""The page of results, and the cards of the shipped weights.

Every number in the tables is in a committed file below results/; only those of peers (`goals.py`,
`speed_page.py`) were measured once and have no file. `results/NAME/about.json` may contain:

- `title`, `text` (lines), `commands`, `reports` (files of `venule evaluate --json`): one section;
  `goals`, the report among them to compare with the goals of `goals.py`, where `goals_of` selects
  those of "accurate" (the default) or "general"; `augmented`, the same report with test-time
  augmentation.
- `kind: "table"`: many training runs in compact form, see `runs.py`.

With a `card.toml` (`venule.evaluation.card.Texts`), NAME is a shipped model: its card is written
next to its weights and to docs/cards/NAME.md, from about.json, the reports and the weights. The
images on the card need the photographs: `failures.py` draws them.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import task_card
from checkout import DOCS, RESULTS
from publish.access_page import access_section
from publish.card_page import card_page
from publish.experiments import experiments_section
from publish.goals import PEERS, SETS, goal_table, goals_met
from venule.errors import UsageError
from venule.evaluation.card import ABOUT, TEXTS, card_json, make_card, read_report
from venule.evaluation.intervals import paired_difference
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
    """Generate the card of each shipped model as JSON and as a page: path and text."""
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
    """Generate one section: description, commands to reproduce it, tables and curves."""
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
    if "augmented" in described:
        once, augmented = (about.parent / described[key] for key in ("goals", "augmented"))
        lines += [*_tta(once, augmented), ""]
    if (about.parent / "curves.png").exists():
        lines += [f"![Curves of the training](../results/{about.parent.name}/curves.png)", ""]
    return "\n".join(lines)


def _tta(once: Path, augmented: Path) -> Iterator[str]:
    """Show what test-time augmentation adds."""
    first, second = (read_report(path).results[0] for path in (once, augmented))
    yield from ("### With test-time augmentation", "")
    yield f"{first.dataset} {first.split} with `--tta`: the mean logit over the eight flips and"
    yield "rotations of a square (D4), at the same threshold and calibration, in eight times the"
    yield "network's time. No other score uses it."
    yield ""
    before, after = (
        {image.id: image.scores for image in result.images} for result in (first, second)
    )
    table = [["score", "one pass", "`--tta`", "paired difference"]]
    for name, score in first.mean.items():
        change = paired_difference(
            [after[id][name] for id in before], [before[id][name] for id in before]
        )
        interval = f"{change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}]"
        values = (f"{value:.4f}" for value in (score.mean, second.mean[name].mean))
        table.append([labels()[name], *values, interval])
    yield from markdown(table)
