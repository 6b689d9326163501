"""Collection for a page while images are scored: pooled pixels, best and worst images."""

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from venule.evaluation.evaluate import ScoredImage
from venule.image.encode import encode_jpeg
from venule.metrics.counts import Counts
from venule.metrics.curves import Histogram
from venule.viz.overlay import errors

EXTREMES = 3
"""Number of best, and of worst, images shown."""

LONGEST_PX = 760
"""Pixels of an image's longer side."""

_RANKED_BY = "dice"


@dataclass
class Column:
    """One model, folder of maps or observer: its pooled pixels, and its error maps by image."""

    name: str
    histogram: Histogram = field(default_factory=Histogram)
    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0, 0))
    maps: dict[str, bytes] = field(default_factory=dict)


class Gallery:
    """Collects columns in turn; the Dice of the first decides which images are shown.

    Only candidates for display are kept in memory, however many images are scored.
    """

    def __init__(self, *, extremes: int = EXTREMES) -> None:
        self.extremes = extremes
        self.columns: list[Column] = []
        self.photographs: dict[str, bytes] = {}
        self._ranked: list[tuple[float, str]] = []

    def begin(self, name: str) -> None:
        """Begin the column of the next model; its images follow."""
        self.columns.append(Column(name))

    def add(self, image: ScoredImage) -> None:
        """Add a scored image."""
        column = self.columns[-1]
        column.histogram += image.scored.histogram
        column.counts += image.scored.counts
        if len(self.columns) == 1 and not self._ranks(image):
            return
        if image.id in self.photographs:
            column.maps[image.id] = _error_map(image)

    @property
    def worst(self) -> Sequence[str]:
        """The images of lowest Dice in the first column, lowest first."""
        return [id for _, id in self._ranked[: min(self.extremes, len(self._ranked))]]

    @property
    def best(self) -> Sequence[str]:
        """The images of its highest Dice that are not among the worst, highest first."""
        rest = self._ranked[len(self.worst) :]
        return [id for _, id in reversed(rest[-self.extremes :])]

    def _ranks(self, image: ScoredImage) -> bool:
        """Rank an image of the first column; drop images that are no longer extreme."""
        score = image.scores[_RANKED_BY]
        if math.isnan(score):
            return False
        insort(self._ranked, (score, image.id))
        shown = {*self.worst, *self.best}
        if image.id in shown:
            self.photographs[image.id] = encode_jpeg(
                image.photograph, quality=82, longest_px=LONGEST_PX
            )
        for id in self.photographs.keys() - shown:
            del self.photographs[id]
            self.columns[0].maps.pop(id, None)
        return image.id in shown


def _error_map(image: ScoredImage) -> bytes:
    one = image.scored
    drawn = errors(one.predicted, one.truth, one.fov, image=image.photograph)
    return encode_jpeg(drawn, quality=90, longest_px=LONGEST_PX)
