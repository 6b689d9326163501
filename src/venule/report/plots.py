"""Small plots of a cohort as inline SVG."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np

_WIDTH, _HEIGHT, _BASE = 230, 110, 84


def histogram(values: Sequence[float], title: str) -> str:
    """Draw a histogram of values, captioned with their number, median and quartiles."""
    numbers = np.asarray([value for value in values if math.isfinite(value)], float)
    if len(numbers) < 2:
        return ""
    counts, edges = np.histogram(numbers, bins=min(24, max(6, round(math.sqrt(len(numbers))))))
    wide = _WIDTH / len(counts)
    bars = "".join(
        f'<rect x="{place * wide + 0.5:.1f}" y="{_BASE - height:.1f}" width="{wide - 1:.1f}" '
        f'height="{height:.1f}"/>'
        for place, count in enumerate(counts)
        if (height := _BASE * count / counts.max()) > 0
    )
    low, middle, high = np.quantile(numbers, (0.25, 0.5, 0.75))
    words = f"n = {len(numbers)}, median {middle:.4g}, quartiles {low:.4g} to {high:.4g}"
    return (
        f'<figure class="plot"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}: {words}">'
        f'{bars}<line x1="0" y1="{_BASE}" x2="{_WIDTH}" y2="{_BASE}"/>'
        f'<text x="0" y="{_HEIGHT - 8}">{edges[0]:.4g}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 8}" text-anchor="end">{edges[-1]:.4g}</text></svg>'
        f"<p>{words}</p></figure>"
    )
