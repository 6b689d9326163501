"""A card as a Markdown page; all its content comes from the card."""

from collections.abc import Iterator

from venule.evaluation.card import Card, CardScores
from venule.evaluation.card_check import width_class
from venule.evaluation.card_terms import ATTRIBUTIONS
from venule.evaluation.report import (
    Table,
    interval_text,
    legacy_cells,
    markdown,
    number_text,
)
from venule.metrics.metric import labels

_SCALES = {
    "native": "the photograph",
    "fov": "a field of view 540 px wide",
    "both": "the photograph, whose field of view is about 540 px wide",
}


def card_page(card: Card, *, origin: str = "") -> str:
    """Write a card as a Markdown page; `origin` is a line on how the page was made."""
    lines = [f"# Model card: `{card.name}`", "", *([origin] if origin else [])]
    lines += [
        f"`venule evaluate --card {card.name}` computes every score again.",
        "",
        card.summary,
        "",
    ]
    for heading, sentences in (
        ("Intended use", card.intended_use),
        ("Not for", card.out_of_scope),
        ("Known limits", card.limitations),
    ):
        lines += [f"## {heading}", "", *(f"- {sentence}" for sentence in sentences), ""]
    lines += [*_weights(card), *_training(card), "## Scores", "", *_protocol(card)]
    for scores in card.scores:
        lines += _scores(scores)
    lines += [*_failures(card), *_commands(card)]
    return "\n".join(lines)


def _weights(card: Card) -> Iterator[str]:
    weights = card.weights
    options = ", ".join(f"{key} = {value}" for key, value in weights.options.items())
    yield from ("## Weights", "")
    for label, text in (
        ("file", f"`{weights.file}`, {weights.bytes / 1e6:.1f} MB"),
        ("SHA-256", f"`{weights.sha256}`"),
        ("licence", weights.licence),
        ("network", f"{weights.network}{f' ({options})' if options else ''}"),
        ("threshold", f"{weights.threshold:.4g} ({weights.threshold_source})"),
        *((name, _settings(values)) for name, values in weights.settings.items()),
    ):
        yield f"- {label}: {text}"
    yield ""


def _training(card: Card) -> Iterator[str]:
    yield from ("## Training", "")
    yield from (f"- {sentence}" for sentence in card.training)
    yield f"- Seeds: {', '.join(map(str, card.seeds))}."
    yield ""
    table: Table = [["data", "used", "images", "terms"]]
    for data in card.data:
        split = data.called or f"{data.dataset}, {_split(data.protocol, data.split)}"
        table.append([split, data.role, str(data.images), data.terms])
    yield from markdown(table)
    yield ""
    predictors = {
        data.called or data.dataset: f"{data.citation}. {_link(data.url)}" for data in card.data
    }
    yield from (f"- {name}: {source}" for name, source in predictors.items())
    yield ""


def _split(protocol: str, split: str) -> str:
    """`official train`; the protocol `all` has one split, of that name."""
    return split if protocol == split else f"{protocol} {split}"


def _protocol(card: Card) -> Iterator[str]:
    yield "Inside the field of view, at the photographs' own size, at the threshold above: means"
    yield f"over images [{card.interval}], and all pixels pooled."
    yield ""


def _link(url: str) -> str:
    """A link from docs/cards/; a text that is not a URL is a file of this project."""
    if "://" in url:
        return f"<{url}>"
    return f"[{url.partition('#')[0]}](../{url.removeprefix('docs/')})"


def _scores(scores: CardScores) -> Iterator[str]:
    yield f"### {scores.dataset}, {scores.protocol} {scores.split}"
    yield ""
    yield (
        f"{scores.images} images ({scores.split_source}); truth: {scores.expert} expert; field of "
        f"view: {scores.fov_rule}{f'; computed in {scores.runtime}' if scores.runtime else ''}."
    )
    for role, count in (("trained", scores.trained), ("selected", scores.selected)):
        if count:
            yield f"**The weights were {role} on {count} of these images: this is not a test.**"
    if scores.worst:
        worst = ", ".join(f"{image.id} ({image.dice:.3f})" for image in scores.worst)
        yield f"Lowest Dice: {worst}."
    yield ""
    table: Table = [["score", "mean over images", "pooled"]]
    for name, label in labels().items():
        if name in scores.mean or name in scores.pooled:
            pooled = number_text(scores.pooled.get(name))
            table.append([label, interval_text(scores.mean.get(name)), pooled])
    yield from markdown(table)
    yield ""
    yield from _widths(scores)
    yield from _calibration(scores)
    ways: Table = [["historic scorings: whole frame as a square, threshold 0.5", ""]]
    yield from markdown(ways + [[label, text] for label, text in legacy_cells(scores.legacy)])
    yield ""


def _widths(scores: CardScores) -> Iterator[str]:
    """Recall by width at both scales, or once if they are the same."""
    if not scores.recall_by_width:
        yield "Recall by vessel width: not in this report, which an older version wrote."
        yield ""
    by_scale: dict[str, Table] = {}
    for row in scores.recall_by_width:
        words = width_class(row.above_px, row.up_to_px)
        mean = interval_text(row.mean) if row.pixels else "none"
        pooled = number_text(row.pooled) if row.pixels else ""
        by_scale.setdefault(row.scale, []).append([words, mean, pooled, f"{row.pixels:,}"])
    if by_scale and by_scale["native"] == by_scale["fov"]:
        by_scale = {"both": by_scale["native"]}
    for scale, table in by_scale.items():
        heading = f"vessel width in pixels of {_SCALES[scale]}"
        yield from markdown([[heading, "recall, mean", "pooled", "truth pixels"], *table])
        yield ""


def _calibration(scores: CardScores) -> Iterator[str]:
    filled = [part for part in scores.calibration if part.pixels]
    if not filled:
        return
    table: Table = [["probability", "mean", "share of vessels", "pixels"]]
    for part in filled:
        bounds = f"{part.low:.2f} to {part.high:.2f}"
        numbers = [number_text(part.mean_probability), number_text(part.vessel_share)]
        table.append([bounds, *numbers, f"{part.pixels:,}"])
    yield from markdown(table)
    yield ""


def _failures(card: Card) -> Iterator[str]:
    """The worst images, with pictures only of data sets whose terms allow it."""
    if not card.failures:
        return
    yield from ("## Where it fails", "")
    yield "The images of lowest Dice: photograph, truth, probability, and the mask's errors (grey:"
    yield "found, orange: false, blue: missed)."
    yield ""
    for part in card.failures:
        worst = ", ".join(f"{image.id} (Dice {image.dice:.3f})" for image in part.images)
        source = ATTRIBUTIONS[part.dataset]
        yield f"![Worst images of {part.dataset} {part.split}](../{part.picture})"
        yield ""
        yield (
            f"*{part.dataset}, {part.protocol} {part.split}: {worst}. Photographs: "
            f"{source.citation}; {source.terms}, <{source.url}>; shrunk.*"
        )
        yield ""
        if part.weights_sha256 != card.weights.sha256:
            made = part.made or "made in the same way, but without these images"
            yield f"These maps are of other weights (SHA-256 `{part.weights_sha256[:12]}`): {made}."
            yield ""


def _commands(card: Card) -> Iterator[str]:
    yield from ("## Made with", "", "```console")
    yield from (f"$ {command}" for command in card.commands)
    yield from ("```", "")


def _settings(values: dict[str, object]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in values.items() if value is not None)
