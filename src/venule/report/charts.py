"""Charts of scores as SVG: curves, points with intervals, and differences."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

_WIDTH, _HEIGHT = 340, 300
_LEFT, _RIGHT, _TOP, _BASE = 46, 330, 12, 254
COLORS = 6
"""Number of series with distinct colours (`c0` to `c5` in the style sheet)."""

Place = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One model in a chart: a line through points, markers, and intervals as (x, low, high)."""

    name: str
    line: Sequence[Place] = ()
    dots: Sequence[Place] = ()
    intervals: Sequence[tuple[float, float, float]] = field(default=())


def legend(names: Sequence[str]) -> str:
    """The names of series beside their colours and dash patterns."""
    items = "".join(
        f'<li><svg viewBox="0 0 34 10" aria-hidden="true"><g class="c{number % COLORS}">'
        f'<path d="M1 5h32"/><circle cx="17" cy="5" r="3.5"/></g></svg>{escape(name)}</li>'
        for number, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>'


def unit_chart(
    title: str, axes: tuple[str, str], series: Sequence[Series], *, diagonal: bool = False
) -> str:
    """Draw series in the unit square; with `diagonal`, also the line x = y."""
    ticks = [(n / 5, f"{n / 5:.1f}") for n in range(6)]
    body = [*_frame(axes, ticks, ticks)]
    if diagonal:
        body.append(f'<path class="grid" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>')
    body += [_drawn(number, one) for number, one in enumerate(series)]
    return _figure(title, body)


def class_chart(
    title: str, axes: tuple[str, str], classes: Sequence[str], series: Sequence[Series]
) -> str:
    """Draw series over classes 0, 1, ...: the x of a point is its class; y in 0..1."""
    count, shift = max(1, len(classes)), 0.5 / max(1, len(series) + 1)
    ticks = [((place + 0.5) / count, name) for place, name in enumerate(classes)]
    body = [*_frame(axes, ticks, [(n / 5, f"{n / 5:.1f}") for n in range(6)])]
    for number, one in enumerate(series):
        aside = 0.5 + shift * (number - (len(series) - 1) / 2)
        moved = Series(
            one.name,
            [((x + aside) / count, y) for x, y in one.line],
            [((x + aside) / count, y) for x, y in one.dots],
            [((x + aside) / count, low, high) for x, low, high in one.intervals],
        )
        body.append(_drawn(number, moved))
    return _figure(title, body)


def forest(title: str, rows: Sequence[tuple[str, Sequence[tuple[float, float, float]]]]) -> str:
    """Draw rows of (mean, low, high), one per series, on both sides of 0."""
    ends = [abs(v) for _, values in rows for one in values for v in one if math.isfinite(v)]
    reach = _round_up(max(ends, default=0.0) or 1.0)
    each = max(len(values) for _, values in rows) * 9 + 12
    height = _TOP + each * len(rows) + 30
    left, right = 215, 610

    def at(value: float) -> float:
        return left + (right - left) * (value + reach) / (2 * reach)

    base = height - 24
    body = []
    for tick in (-reach, -reach / 2, 0.0, reach / 2, reach):
        name = "zero" if tick == 0 else "grid"
        body.append(f'<path class="{name}" d="M{at(tick):.1f} {_TOP}V{base}"/>')
        body.append(
            f'<text x="{at(tick):.1f}" y="{base + 15}" text-anchor="middle">{_sign(tick)}</text>'
        )
    for place, (name, values) in enumerate(rows):
        middle = _TOP + each * (place + 0.5)
        body.append(
            f'<text x="{left - 10}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>'
        )
        for number, (mean, low, high) in enumerate(values):
            if not math.isfinite(mean):
                continue
            y = middle + 9 * (number - (len(values) - 1) / 2)
            whisker = f'<path d="M{at(low):.1f} {y}H{at(high):.1f}"/>' if math.isfinite(low) else ""
            dot = f'<circle cx="{at(mean):.1f}" cy="{y}" r="3.5"/>'
            body.append(f'<g class="c{(number + 1) % COLORS}">{whisker}{dot}</g>')
    return _figure(title, body, size=(640, height), name="chart wide")


def _round_up(value: float) -> float:
    """The next larger of 1, 1.5, 2, 3, 5, 7.5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= value * (1 - 1e-9)
    )


def _sign(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−") if value else "0"


def _x(value: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * value, 1)


def _y(value: float) -> float:
    return round(_BASE - (_BASE - _TOP) * min(1.0, max(0.0, value)), 1)


def _frame(
    axes: tuple[str, str], across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]
) -> Iterator[str]:
    for place, text in up:
        yield f'<path class="grid" d="M{_LEFT} {_y(place)}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 6}" y="{_y(place) + 4}" text-anchor="end">{text}</text>'
    for place, text in across:
        yield f'<text x="{_x(place)}" y="{_BASE + 16}" text-anchor="middle">{escape(text)}</text>'
    yield f'<path class="axis" d="M{_LEFT} {_TOP}V{_BASE}H{_RIGHT}"/>'
    middle = (_LEFT + _RIGHT) / 2
    yield f'<text class="name" x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">'
    yield f"{escape(axes[0])}</text>"
    yield f'<text class="name" transform="translate(11 {(_TOP + _BASE) / 2}) rotate(-90)" '
    yield f'text-anchor="middle">{escape(axes[1])}</text>'


def _drawn(number: int, one: Series) -> str:
    line = "L".join(f"{_x(x)} {_y(y)}" for x, y in one.line if math.isfinite(x + y))
    parts = [f'<path class="line" d="M{line}"/>'] if line else []
    parts += [
        f'<path class="whisker" d="M{_x(x)} {_y(low)}V{_y(high)}"/>'
        for x, low, high in one.intervals
        if math.isfinite(low + high)
    ]
    parts += [
        f'<circle cx="{_x(x)}" cy="{_y(y)}" r="3.5"/>' for x, y in one.dots if math.isfinite(x + y)
    ]
    return f'<g class="c{number % COLORS}"><title>{escape(one.name)}</title>{"".join(parts)}</g>'


def _figure(
    title: str,
    body: Sequence[str],
    *,
    size: tuple[int, int] = (_WIDTH, _HEIGHT),
    name: str = "chart",
) -> str:
    return (
        f'<figure class="{name}"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{escape(title)}">'
        f"{''.join(body)}</svg></figure>"
    )
