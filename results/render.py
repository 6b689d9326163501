"""Writes docs/results.md from the result files beside it: `make results`.

Every number in docs/results.md and in the README's table stands in one of these files, and each
file says by which command it was made.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from venule.evaluation.report import Table, difference_table, headings, published_table, score_table
from venule.evaluation.result import Report

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "results.md"

INTRODUCTION = """\
# Results

Written by `make results` from the files in `results/`; do not edit. Scores are inside the field of
view, at the photographs' own size, from probabilities, at the threshold stored with the weights,
against the first expert; means over images with 95 % bootstrap intervals, and all pixels pooled.
Test images choose nothing: networks, epochs and thresholds come from validation images.
"""


def render() -> str:
    """The page's text."""
    sections = [_experiment(path) for path in sorted(HERE.glob("*/about.json"))]
    return "\n".join([INTRODUCTION, *sections, _looks()])


def _experiment(about: Path) -> str:
    """One experiment: what it is, how it is made again, its tables and curves."""
    described = json.loads(about.read_text(encoding="utf-8"))
    lines = [f"## {described['title']}", "", *described["text"], ""]
    lines += ["```console", *(f"$ {command}" for command in described["commands"]), "```", ""]
    for name in described["reports"]:
        report = Report.model_validate_json((about.parent / name).read_text(encoding="utf-8"))
        lines += [f"### {report.results[0].dataset} {report.results[0].split}", ""]
        lines += [*(f"- {line}" for line in headings(report)), ""]
        lines += [*_markdown(score_table(report)), ""]
        if report.differences:
            lines += [*_markdown(difference_table(report)), ""]
        lines += [*_markdown(published_table(report)), ""]
    if (about.parent / "curves.png").exists():
        lines += [f"![Curves of the training](../results/{about.parent.name}/curves.png)", ""]
    return "\n".join(lines)


def _markdown(table: Table) -> list[str]:
    header, *rows = ["| " + " | ".join(row) + " |" for row in table]
    rule = "|" + "|".join([" --- "] + [" ---: "] * (len(table[0]) - 1)) + "|"
    return [header, rule, *rows]


def _looks() -> str:
    """How often test images were scored, by weights."""
    path = HERE / "test_looks.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    looks = [json.loads(line) for line in text.splitlines()]
    counts = Counter((look["dataset"], look["model"]) for look in looks)
    lines = ["## Looks at test images", "", f"{len(looks)} recorded in `results/test_looks.jsonl`."]
    lines += ["", "| data set | what was scored | looks |", "| --- | --- | ---: |"]
    lines += [f"| {data} | {model} | {number} |" for (data, model), number in counts.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
