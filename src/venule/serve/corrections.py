"""Corrections of what was found: taken stroke by stroke, saved at once, measured anew."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from venule.analysis.analyse import Analysis, Changed
from venule.analysis.corrected_files import (
    HISTORY_SUFFIX,
    SUFFIXES,
    Corrected,
    StoredCorrection,
    corrected_path,
    encode_correction,
    read_correction,
)
from venule.analysis.correction import (
    apply,
    correct,
    correct_disc,
    correct_probability,
    correct_types,
    with_pixels,
)
from venule.errors import ImageError, OutputError, VenuleError
from venule.files.atomic import writing_together
from venule.image.optic_disc import Disc
from venule.serve.history import append_line
from venule.serve.service import Service, UnknownError
from venule.serve.strokes import PARTS, Stroke


class ElsewhereError(VenuleError):
    """Somebody else, or another window, has corrected the photograph meanwhile."""


@dataclass(frozen=True)
class Place:
    """The place of a listed photograph's corrections, and the hash of what they correct."""

    path: Path  # without the endings
    prediction_sha256: Callable[[], str]

    @property
    def history(self) -> Path:
        """Who did what when."""
        return self.path.with_name(self.path.name + HISTORY_SUFFIX)

    def files(self) -> list[Path]:
        """The files of the correction that are there."""
        paths = (corrected_path(self.path, what) for what in SUFFIXES)
        return [path for path in paths if path.is_file()]


@dataclass(frozen=True)
class Status:
    """State of a photograph's correction; `saved` is a file's name, None in memory alone."""

    revision: int
    saved: str | None
    offered: bool = False


@dataclass(frozen=True)
class Change:
    """One action, its tool, and the parts that it changes."""

    tool: str
    of: Callable[[Analysis], Analysis]
    parts: frozenset[Changed]


@dataclass
class Corrections:
    """Corrections of a service's photographs.

    Args:
        service: knows the photographs.
        places: where those of results are saved, by id; others are kept in memory.
        who: the name that the history has.
    """

    service: Service
    places: Mapping[str, Place] = field(default_factory=dict)
    who: str = ""
    _revisions: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def status(self, id: str) -> Status:
        """Tell the state of a photograph's correction.

        Raises:
            UnknownError: no such photograph, or no result of it is at hand.
        """
        analysis = self.service.analysis(id)
        with self._lock:
            return self._status(id, analysis)

    def stroke(self, id: str, stroke: Stroke, *, base: int) -> Status:
        """Take a stroke that was drawn on revision `base`, and save what it changes.

        Raises:
            UnknownError: no such photograph, or no result of it is at hand.
            ElsewhereError: the correction is at another revision.
            UsageError, ImageError: the stroke is broken, or not in the photograph.
            OutputError: it cannot be saved; nothing has changed then.
        """
        places, values = stroke.decoded()

        def changed(analysis: Analysis) -> Analysis:
            if stroke.layer == "types":
                return correct_types(analysis, places, values.astype(np.uint8))
            if stroke.layer == "probability":
                return correct_probability(analysis, places, values.astype(np.uint16))
            return correct(analysis, with_pixels(analysis.prediction.vessels, places, values > 0))

        return self._change(id, base, Change(stroke.tool, changed, PARTS[stroke.layer]))

    def disc(self, id: str, disc: Disc | None, *, base: int) -> Status:
        """Take a disc that somebody has drawn, or that none is there; raises as `stroke` does."""

        def changed(analysis: Analysis) -> Analysis:
            return correct_disc(analysis, disc)

        tool = "disc" if disc is not None else "no disc"
        return self._change(id, base, Change(tool, changed, frozenset({"disc"})))

    def change(self, id: str, change: Change, *, base: int) -> Status:
        """Make any change; raises as `stroke` does."""
        return self._change(id, base, change)

    def accept(self, id: str) -> Status:
        """Apply a correction that was made for another prediction.

        Raises:
            UnknownError: there is none.
        """
        with self._lock:
            analysis = self.service.analysis(id)
            found = self._stored(id, analysis)
            if found is None:
                raise UnknownError("no correction of this photograph is there to be used")
            stored = found.correction

            def changed(analysis: Analysis) -> Analysis:
                return apply(analysis, stored)

            parts: frozenset[Changed] = apply(analysis, stored).corrected
            self._make(id, Change("taken over", changed, parts), found.revision + 1)
            return self._status(id, self.service.analysis(id))

    def put_aside(self, id: str) -> Status:
        """Rename the files of a correction that was made for another prediction: none is lost.

        Raises:
            UnknownError: there is none.
            OutputError: they cannot be renamed.
        """
        with self._lock:
            analysis = self.service.analysis(id)
            place = self.places.get(id)
            if place is None or not self._status(id, analysis).offered:
                raise UnknownError("no correction of another prediction is there")
            for path in (*place.files(), place.history):
                with suppress(FileNotFoundError):
                    _rename(path)
            self._revisions[id] = 0
            return self._status(id, analysis)

    def _status(self, id: str, analysis: Analysis) -> Status:
        place = self.places.get(id)
        saved = place.files() if place is not None else []
        applied = bool(analysis.corrected)
        if id not in self._revisions:
            found = self._stored(id, analysis) if applied else None
            self._revisions[id] = 0 if found is None else found.revision
        offered = bool(saved) and not applied and self._stored(id, analysis) is not None
        return Status(self._revisions[id], saved[0].name if saved and applied else None, offered)

    def _stored(self, id: str, analysis: Analysis) -> StoredCorrection | None:
        place = self.places.get(id)
        if place is None:
            return None
        try:
            return read_correction(place.path, analysis.photograph.shape)
        except ImageError:
            return None  # no file of ours

    def _change(self, id: str, base: int, change: Change) -> Status:
        with self._lock:
            before = self._status(id, self.service.analysis(id))
            if base != before.revision or before.offered:
                raise ElsewhereError(
                    "this photograph has been corrected elsewhere, or before; open it again"
                )
            self._make(id, change, before.revision + 1)
            return self._status(id, self.service.analysis(id))

    def _make(self, id: str, change: Change, revision: int) -> None:
        """Save and keep a change; again where the service has found more meanwhile."""
        while True:
            before = self.service.analysis(id)
            after = change.of(before)
            self._save(id, change, before, after, revision)
            if self.service.replace(id, after, instead_of=before):
                self._revisions[id] = revision
                return

    def _save(
        self, id: str, change: Change, before: Analysis, after: Analysis, revision: int
    ) -> None:
        place = self.places.get(id)
        if place is None:
            return
        about = Corrected(place.prediction_sha256(), revision)
        files = {
            corrected_path(place.path, what): content
            for what, content in encode_correction(after, about, change.parts)
        }
        line = {"who": self.who, "what": change.tool, "revision": revision}
        with writing_together(files):
            append_line(place.history, line, before, after, about.prediction_sha256)


def _rename(path: Path) -> None:
    """Put `.old` after a file's name, or `.old2` and so on where that is there."""
    number = 1
    while (new := path.with_name(f"{path.name}.old{number if number > 1 else ''}")).exists():
        number += 1
    try:
        path.rename(new)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OutputError(f"{path.name}: cannot be renamed ({error.strerror})") from error
