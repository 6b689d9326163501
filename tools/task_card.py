"""Model cards of the networks for tasks other than vessels: `python tools/task_card.py NAME...`.

A card is generated from the record in `src/venule/weights/NAME.onnx`, from
`results/NAME/card.toml` (intended use, limits, known behaviour) and from the reports beside that,
written by `venule evaluate NAME --task ... --json results/NAME/DATA.json`.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from venule.evaluation.card import splits_seen
from venule.evaluation.card_terms import ATTRIBUTIONS
from venule.evaluation.report import interval_text
from venule.evaluation.tasks import LABELS, TaskReport, TaskResult
from venule.files.hashes import file_sha256
from venule.inference.load import load, shipped_marks
from venule.models.record import ModelRecord

ROOT = Path(__file__).resolve().parent.parent


def card(name: str, *, root: Path = ROOT) -> str:
    """The page of one network, as Markdown."""
    weights = shipped_marks()[name]
    record = load(name, runtime="onnx").record
    texts = tomllib.loads((root / "results" / name / "card.toml").read_text(encoding="utf-8"))
    lines = [
        f"# Model card: `{name}`",
        "",
        f"Written by `make results` from `results/{name}/`; do not edit.",
        "",
        texts["summary"],
        *_list("Intended use", texts["uses"]),
        *_list("Not for", texts["not_for"]),
        *_list("Known limits", texts["limits"]),
        *_list("Weights", list(_weights(weights, record))),
        *_list("Training", [*texts["training"], *_trained_on(record)]),
        *_scores(root / "results" / name, file_sha256(weights)),
    ]
    return "\n".join(lines) + "\n"


def _list(heading: str, items: list[str]) -> list[str]:
    return ["", f"## {heading}", "", *(f"- {item}" for item in items)]


def _weights(path: Path, record: ModelRecord) -> Iterator[str]:
    yield f"file: `{path.name}`, {path.stat().st_size / 1e6:.1f} MB"
    yield f"SHA-256: `{file_sha256(path)}`"
    yield f"licence: {record.licence}"
    options = ", ".join(f"{key} = {value}" for key, value in record.options.items())
    yield f"network: {record.model} ({options})"
    yield f"classes: {', '.join(record.class_names)} ({record.activation})"
    yield f"preprocessing: scaling = {record.preprocessing.scaling.model_dump()}"


def _trained_on(record: ModelRecord) -> Iterator[str]:
    for seen, images in splits_seen(record):
        terms = ATTRIBUTIONS.get(seen.dataset)
        source = f"; {terms.citation}. {terms.terms}. <{terms.url}>" if terms else ""
        split = f"{seen.dataset}, {seen.protocol} {seen.split}"
        yield f"{seen.role}: {split}: {images} images{source}"


def _scores(folder: Path, sha256: str) -> Iterator[str]:
    """One table per report.

    Raises:
        ValueError: a report is of other weights than the shipped ones.
    """
    yield from ("", "## Scores", "")
    for path in sorted(folder.glob("*.json")):
        report = TaskReport.model_validate_json(path.read_text(encoding="utf-8"))
        for result in report.results:
            if result.weights_sha256 != sha256:
                raise ValueError(f"{path}: scores of other weights; evaluate again")
            yield from _table(result, report.interval)


def _table(result: TaskResult, interval: str) -> Iterator[str]:
    yield f"### {result.dataset}, {result.protocol} {result.split}"
    yield ""
    whose = f" Vessels: `{result.vessels}`." if result.task == "av" else ""
    images = f"{len(result.images)} images ({result.split_source})"
    yield f"{images}.{whose} Means over images [{interval}]."
    yield ""
    if result.seen:
        roles = sorted({one.role for one in result.seen})
        known = len({one.id for one in result.seen})
        learnt = f"{' and '.join(roles)} on {known} of these images"
        yield f"The network, or the weights that it started from, was {learnt}."
        yield ""
    yield from ("| score | mean over images | images |", "| --- | ---: | ---: |")
    for name, label in LABELS[result.task].items():
        score = result.mean[name]
        yield f"| {label} | {interval_text(score)} | {score.images} |"
    yield ""


def main(names: list[str]) -> None:
    """Write docs/cards/NAME.md for each name."""
    for name in names or list(shipped_marks()):
        (ROOT / "docs" / "cards" / f"{name}.md").write_text(card(name), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
