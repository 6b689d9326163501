"""The report as one self-contained HTML file."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from venule.analysis.columns import LANDMARKS_OF, Cell
from venule.analysis.definitions import describe
from venule.errors import UsageError
from venule.evaluation.card import Card, card_file, read_card
from venule.files.cells import number_in
from venule.metrics.metric import labels
from venule.report.collect import Contents, Subject
from venule.report.document import document, write_document
from venule.report.pictures import data_uri
from venule.report.plots import histogram

PREFERRED = (
    "vessel_density",
    "vessel_caliber_mean_um",
    "vessel_caliber_mean_px",
    "vessel_tortuosity_tau1_median",
    "vessel_fractal_d0",
    "avr_knudtson_zone_b",
)
"""Columns shown in the table and the plots, if measured."""

MANY = 100
"""With at least this many photographs, a panel is limited to the columns of the table."""


def page(contents: Contents) -> str:
    """The report's HTML."""
    columns = _columns(contents.subjects)
    body = [
        *_head(contents),
        *_plots(contents.subjects, columns),
        *_sheet(contents.subjects),
        *_table(contents.subjects, columns),
        *_panels(contents.subjects, columns),
        *_definitions(contents.subjects, columns),
        *_card(contents.model),
        *_parameters(contents),
    ]
    return document(contents.title, body)


def _columns(subjects: Sequence[Subject]) -> list[str]:
    """The main columns: the preferred ones, or else the first with numbers."""
    known = dict.fromkeys(name for one in subjects for name in one.measured)
    preferred = [name for name in PREFERRED if name in known]
    if preferred:
        return preferred
    return [
        name
        for name in known
        if any(number_in(one.cells.get(name)) is not None for one in subjects)
    ][:6]


def _head(contents: Contents) -> Iterator[str]:
    subjects = contents.subjects
    grades = Counter(one.grade or one.status for one in subjects)
    yield f"<header><h1>{escape(contents.title)}</h1>"
    yield '<p class="soft">Vessels found by venule. Research use only, not a medical device.</p>'
    number = f"{len(subjects)} photograph{'s' if len(subjects) != 1 else ''}"
    yield f'<p class="tally"><b>{number}</b>'
    for grade, count in grades.most_common():
        yield f'<span><span class="grade {escape(grade)}">{escape(grade)}</span> {count}</span>'
    yield "</p><p>ok: nothing suggests that the vessels are unreliable. usable: check them first. "
    yield "reject: do not rely on them.</p>"
    yield '<p class="controls"><label><input id="all" type="checkbox" checked> '
    yield "Show vessels over every photograph</label></p></header>"


def _plots(subjects: Sequence[Subject], columns: Sequence[str]) -> Iterator[str]:
    if len(subjects) < 5:
        return
    plots = []
    for name in ("uncertainty", *columns):
        values = [
            value for one in subjects if (value := number_in(one.cells.get(name))) is not None
        ]
        what = describe(name)
        unit = f" [{what.unit}]" if what.unit else ""
        plots.append(histogram(values, what.label + unit))
    yield f'<section><h2>Cohort</h2><div class="plots">{"".join(plots)}</div></section>'


def _sheet(subjects: Sequence[Subject]) -> Iterator[str]:
    if len(subjects) < 2:
        return
    yield '<section><h2>Contact sheet</h2><div class="sheet">'
    for number, one in enumerate(subjects):
        if one.pictures is not None:
            picture = data_uri(one.pictures.thumbnail, "image/jpeg")
            yield f'<a href="#p{number}" title="{escape(one.name)}"><img alt="" src="{picture}">'
            yield f"{escape(one.name)}</a>"
    yield "</div></section>"


def _table(subjects: Sequence[Subject], columns: Sequence[str]) -> Iterator[str]:
    yield '<section><h2>Photographs</h2><div class="scroll"><table><thead><tr>'
    for label in ("Photograph", "Grade", "Reasons"):
        yield f'<th scope="col" data-label="{label}"><button type="button">{label}</button></th>'
    for name in ("uncertainty", *columns):
        what = describe(name)
        unit = f" [{what.unit}]" if what.unit else ""
        title = f' title="{escape(what.plain)}"' if what.plain else ""
        label = escape(what.label + unit)
        yield f'<th scope="col" class="n" data-label="{label}"{title}>'
        yield f'<button type="button">{label}</button></th>'
    yield "</tr></thead><tbody>"
    for number, one in enumerate(subjects):
        grade = escape(one.grade or one.status)
        yield f'<tr><td><a href="#p{number}">{escape(one.name)}</a></td>'
        yield f'<td><span class="grade {grade}">{grade}</span></td>'
        yield f'<td class="reasons">{escape(_why(one))}</td>'
        for name in ("uncertainty", *columns):
            cell = one.cells.get(name)
            value = number_in(cell)
            yield f'<td class="n" data-value="{"" if value is None else value}">{_text(cell)}</td>'
        yield "</tr>"
    yield "</tbody></table></div></section>"


def _panels(subjects: Sequence[Subject], columns: Sequence[str]) -> Iterator[str]:
    yield "<section><h2>One by one</h2>"
    for number, one in enumerate(subjects):
        yield from _panel(number, one, columns if len(subjects) >= MANY else _ordered(one, columns))
    yield "</section>"


def _ordered(one: Subject, columns: Sequence[str]) -> list[str]:
    """Every measurement of a photograph: the preferred first, landmark positions last."""
    rest = [name for name in one.measured if name not in columns and name not in LANDMARKS_OF]
    return [*columns, *rest, *(name for name in LANDMARKS_OF if name in one.measured)]


def _panel(number: int, one: Subject, columns: Sequence[str]) -> Iterator[str]:
    bare = "" if one.pictures is not None else " bare"
    yield f'<article class="panel{bare}" id="p{number}">'
    if one.pictures is not None:
        photograph = data_uri(one.pictures.photograph, "image/jpeg")
        layer = data_uri(one.pictures.layer, "image/png")
        yield f'<div><div class="picture"><img alt="Photograph {escape(one.name)}" '
        yield f'src="{photograph}"><img class="layer" alt="Its vessels" src="{layer}"></div>'
        yield '<p class="toggle-line"><label><input class="toggle" type="checkbox" checked> '
        yield "Vessels</label></p></div>"
    grade = escape(one.grade or one.status)
    yield f'<div><h3>{escape(one.name)}</h3><p><span class="grade {grade}">{grade}</span> '
    yield f"{escape(_why(one))}</p>"
    if one.size is not None:
        yield f'<p class="soft">{one.size[1]} × {one.size[0]} px</p>'
    for note in dict.fromkeys((*one.notes, *one.measuring_notes)):
        yield f'<p class="soft">{escape(note)}</p>'
    shown = [name for name in columns if one.cells.get(name) not in (None, "")]
    first, rest = shown[:14], shown[14:]
    yield _values(one, first)
    if rest:
        yield f"<details><summary>{len(rest)} more measurements</summary>"
        yield f"{_values(one, rest)}</details>"
    yield "</div></article>"


def _values(one: Subject, names: Sequence[str]) -> str:
    rows = []
    for name in names:
        what = describe(name)
        unit = f" {what.unit}" if what.unit else ""
        value = f"{_text(one.cells[name])}{escape(unit)}"
        rows.append(f'<tr><th scope="row">{escape(what.label)}</th><td class="n">{value}</td></tr>')
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _definitions(subjects: Sequence[Subject], columns: Sequence[str]) -> Iterator[str]:
    known = dict.fromkeys(name for one in subjects for name in one.measured)
    defined = [(name, what) for name in known if (what := describe(name)).definition]
    if not defined:
        return
    yield "<section><h2>Definitions</h2><p>The preferred measures first: "
    yield f"{escape(', '.join(describe(name).label for name in columns))}.</p>"
    yield '<div class="scroll"><table><thead><tr><th scope="col">Measure</th>'
    yield '<th scope="col">Column</th><th scope="col">Unit</th>'
    yield '<th scope="col">What it means</th><th scope="col">Definition</th>'
    yield "</tr></thead><tbody>"
    for name, what in sorted(defined, key=lambda pair: pair[0] not in columns):
        yield f"<tr><td>{escape(what.label)}</td><td>{escape(name)}</td>"
        yield f"<td>{escape(what.unit)}</td><td>{escape(what.plain)}</td>"
        yield f"<td>{escape(what.definition)}</td></tr>"
    yield "</tbody></table></div></section>"


def _card(model: str) -> Iterator[str]:
    try:
        card = read_card(card_file(model))
    except UsageError:
        yield f"<section><h2>Model</h2><p>{escape(model)}, which has no model card.</p></section>"
        return
    yield f"<section><h2>Model card: {escape(card.name)}</h2><p>{escape(card.summary)}</p>"
    yield f"<p>Licence: {escape(card.weights.licence)}. SHA-256 {card.weights.sha256}.</p>"
    for heading, sentences in (
        ("Intended use", card.intended_use),
        ("Not for", card.out_of_scope),
        ("Known limits", card.limitations),
    ):
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
        yield f"<h3>{heading}</h3><ul>{items}</ul>"
    yield from _scores(card)
    yield "</section>"


def _scores(card: Card) -> Iterator[str]:
    names = [name for name in labels() if any(name in one.mean for one in card.scores)][:6]
    yield f'<h3>Scores</h3><p class="soft">{escape(card.interval)}</p><div class="scroll"><table>'
    yield '<thead><tr><th scope="col">On</th>'
    yield "".join(f'<th scope="col" class="n">{escape(labels()[name])}</th>' for name in names)
    yield "</tr></thead><tbody>"
    for scores in card.scores:
        yield f"<tr><td>{escape(scores.where)} ({scores.images} images)</td>"
        for name in names:
            found = scores.mean.get(name)
            text = "" if found is None else f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"
            yield f'<td class="n">{text}</td>'
        yield "</tr>"
    yield "</tbody></table></div>"


def _parameters(contents: Contents) -> Iterator[str]:
    text = json.dumps(contents.settings, indent=2, ensure_ascii=False)
    yield f"<section><h2>Exact parameters</h2><pre>{escape(text)}</pre></section>"


def _why(one: Subject) -> str:
    return one.reason or str(one.cells.get("quality_reasons") or "")


def _text(cell: Cell) -> str:
    value = number_in(cell)
    if value is not None:
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return "" if cell is None else escape(str(cell))


def write_page(contents: Contents, path: Path) -> int:
    """Write the report; return the file's size in bytes.

    Raises:
        OutputError: the report cannot be written.
    """
    return write_document(page(contents), path)
