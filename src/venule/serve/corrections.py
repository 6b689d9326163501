"""Corrections of segmentations: applied stroke by stroke, saved immediately, measured again."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
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
    latest_revision,
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
from venule.errors import ImageError, OutputError
from venule.files.atomic import writing_together
from venule.files.cells import text
from venule.files.lock import locked
from venule.image.optic_disc import Disc, outside_frame, reaches_frame
from venule.serve.history import appended
from venule.serve.service import ElsewhereError, Service, UnknownError
from venule.serve.strokes import PARTS, Stroke

LOCK = ".venule-corrections.lock"
"""The file in a results folder by which several servers correct in turn."""

_ELSEWHERE = "this photograph was corrected in another window, or earlier; open it again"
_OTHER = "this was drawn on another photograph or prediction; open that one to save it"
_ROWS = 64


class _ReplacedError(Exception):
    """The service's analysis is no longer the one that was changed."""


@dataclass(frozen=True)
class Place:
    """The path of a listed photograph's corrections, and the present hash of its prediction."""

    path: Path  # without suffixes
    prediction_sha256: Callable[[], str]

    @property
    def history(self) -> Path:
        """The log of changes with author and time."""
        return self.path.with_name(self.path.name + HISTORY_SUFFIX)

    @property
    def lock(self) -> Path:
        """The file by which several servers correct in turn."""
        return self.path.with_name(LOCK)

    def files(self) -> list[Path]:
        """The existing files of the correction."""
        paths = (corrected_path(self.path, what) for what in SUFFIXES)
        return [path for path in paths if path.is_file()]


def prediction_key(analysis: Analysis) -> str:
    """A key of a photograph and its prediction, whatever their names; corrections keep it."""
    pixels = analysis.photograph.pixels
    told = f"{pixels.shape} {analysis.model} {analysis.prediction_sha256}"
    digest = hashlib.sha256(told.encode())
    digest.update(pixels[:: -(-len(pixels) // _ROWS)].tobytes())  # enough to tell eyes apart
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Status:
    """State of a photograph's correction; `saved` is a file name, None if in memory only."""

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
        service: holds the photographs.
        places: where corrections of stored results are saved, by id; others are kept in memory.
        who: the author recorded in the history.
    """

    service: Service
    places: Mapping[str, Place] = field(default_factory=dict)
    who: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def status(self, id: str) -> Status:
        """The state of a photograph's correction.

        Raises:
            UnknownError: no such photograph, or its result is not available.
        """
        return self._status(id, self.service.analysis(id))

    def stroke(self, id: str, stroke: Stroke, *, base: int, prediction: str = "") -> Status:
        """Apply a stroke drawn on revision `base`, and save its changes.

        `prediction` is the `prediction_key` of the analysis on which it was drawn, if known.

        Raises:
            UnknownError: no such photograph, or its result is not available.
            ElsewhereError: the correction is at another revision, or of another prediction.
            UsageError, ImageError: the stroke is malformed, or outside the photograph.
            OutputError: it cannot be saved, and nothing is changed.
        """
        places, values = stroke.decoded()

        def changed(analysis: Analysis) -> Analysis:
            if stroke.layer == "types":
                return correct_types(analysis, places, values.astype(np.uint8))
            if stroke.layer == "probability":
                return correct_probability(analysis, places, values.astype(np.uint16))
            return correct(analysis, with_pixels(analysis.prediction.vessels, places, values > 0))

        change = Change(stroke.tool, changed, PARTS[stroke.layer])
        return self.change(id, change, base=base, prediction=prediction)

    def disc(self, id: str, disc: Disc | None, *, base: int, prediction: str = "") -> Status:
        """Set the disc drawn by the user, or None for no disc; raises as `stroke` does."""

        def changed(analysis: Analysis) -> Analysis:
            if disc is not None:
                _check_disc(disc, analysis.photograph.shape)
            return correct_disc(analysis, disc)

        tool = "disc" if disc is not None else "no disc"
        change = Change(tool, changed, frozenset({"disc"}))
        return self.change(id, change, base=base, prediction=prediction)

    def change(self, id: str, change: Change, *, base: int, prediction: str = "") -> Status:
        """Apply any change; raises as `stroke` does."""
        with self._alone(id):
            analysis = self.service.analysis(id)
            if prediction not in ("", prediction_key(analysis)):
                raise ElsewhereError(_OTHER)
            before = self._status(id, analysis)
            if base != before.revision or before.offered:
                raise ElsewhereError(_ELSEWHERE)
            self._require_latest(id, analysis)
            self._make(id, change, before.revision + 1)
            return self._status(id, self.service.analysis(id))

    def accept(self, id: str) -> Status:
        """Apply a correction that was made for another prediction.

        Raises:
            UnknownError: there is none.
            ElsewhereError: the photograph was predicted again since it was opened.
        """
        with self._alone(id):
            analysis = self.service.analysis(id)
            found = self._stored(id, analysis)
            if found is None:
                raise UnknownError("no correction of this photograph to apply")
            stored = found.correction

            def changed(analysis: Analysis) -> Analysis:
                return apply(analysis, stored)

            parts: frozenset[Changed] = apply(analysis, stored).corrected
            self._make(id, Change("taken over", changed, parts), found.revision + 1)
            return self._status(id, self.service.analysis(id))

    def put_aside(self, id: str) -> Status:
        """Rename the files of a correction made for another prediction, so that nothing is lost.

        Raises:
            UnknownError: there is none.
            OutputError: the files cannot be renamed.
        """
        with self._alone(id):
            analysis = self.service.analysis(id)
            place = self.places.get(id)
            if place is None or not self._status(id, analysis).offered:
                raise UnknownError("no correction of another prediction to put aside")
            for path in (*place.files(), place.history):
                with suppress(FileNotFoundError):
                    _rename(path)
            return self._status(id, analysis)

    def _status(self, id: str, analysis: Analysis) -> Status:
        place = self.places.get(id)
        saved = place.files() if place is not None else []
        applied = bool(analysis.corrected)
        offered = bool(saved) and not applied and self._of_another(id, analysis)
        name = text(saved[0].name) if saved and applied else None
        return Status(analysis.revision, name, offered)

    def _of_another(self, id: str, analysis: Analysis) -> bool:
        """Return whether there is a correction of another prediction, or of an unknown one."""
        found, known = self._stored(id, analysis), analysis.prediction_sha256
        return found is not None and (not known or found.prediction_sha256 != known)

    def _stored(self, id: str, analysis: Analysis) -> StoredCorrection | None:
        place = self.places.get(id)
        if place is None:
            return None
        try:
            return read_correction(place.path, analysis.photograph.shape)
        except ImageError:
            return None  # not in a results folder

    @contextmanager
    def _alone(self, id: str) -> Iterator[None]:
        """Exclude other changes, also those by other servers of the same results."""
        place = self.places.get(id)
        with self._lock, nullcontext() if place is None else locked(place.lock):
            yield

    def _require_latest(self, id: str, analysis: Analysis) -> None:
        """Raise ElsewhereError if another server has saved a change; opened again, it is read."""
        place = self.places.get(id)
        if place is None:
            return
        if latest_revision(place.path, analysis.prediction_sha256) != analysis.revision:
            self.service.drop(id)
            raise ElsewhereError(_ELSEWHERE)

    def _make(self, id: str, change: Change, revision: int) -> None:
        """Save and keep a change; repeat it if the service's analysis has changed meanwhile."""
        while True:
            before = self.service.analysis(id)
            after = replace(change.of(before), revision=revision)
            with suppress(_ReplacedError):
                with self._saved(id, change, before, after):
                    if not self.service.replace(id, after, instead_of=before):
                        raise _ReplacedError
                return

    @contextmanager
    def _saved(self, id: str, change: Change, before: Analysis, after: Analysis) -> Iterator[None]:
        """Save a change with its line of history; undone if the body fails."""
        place = self.places.get(id)
        if place is None:
            yield
            return
        if place.prediction_sha256() not in (before.prediction_sha256, ""):
            self.service.drop(id)
            raise ElsewhereError("this photograph was predicted again since; open it again")
        about = Corrected(after.prediction_sha256, after.revision)
        files = {
            corrected_path(place.path, what): content
            for what, content in encode_correction(after, about, change.parts)
        }
        line = appended(place.history, who=self.who, what=change.tool, before=before, after=after)
        with writing_together(files), line:
            yield


def _check_disc(disc: Disc, shape: tuple[int, int]) -> None:
    """Raise ImageError for a disc that no photograph (H, W) can have."""
    if not 0 < disc.minor_px <= disc.major_px:
        raise ImageError(
            f"optic disc with half-axes of {disc.major_px:g} and {disc.minor_px:g} px: give the "
            "longer one as major_px, both above 0"
        )
    if not reaches_frame(disc.x, disc.y, disc.radius_px, shape):
        raise ImageError(outside_frame(disc.x, disc.y, shape))


def _rename(path: Path) -> None:
    """Append `.old` to a file's name, or `.old2` and so on if that exists."""
    number = 1
    while (new := path.with_name(f"{path.name}.old{number if number > 1 else ''}")).exists():
        number += 1
    try:
        path.rename(new)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OutputError(f"{path.name}: cannot be renamed ({error.strerror})") from error
