"""Corrections of masks: taken stroke by stroke, saved at once, measured anew."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from venule.analysis.analyse import Analysis
from venule.analysis.correction import HISTORY_SUFFIX, SUFFIX, Corrected, correct, encode_corrected
from venule.batch.reading import read_corrected
from venule.errors import OutputError, UsageError, VenuleError
from venule.files.atomic import write_bytes
from venule.image.arrays import Mask
from venule.serve.service import Service, UnknownError


class ElsewhereError(VenuleError):
    """Somebody else, or another window, has corrected the photograph meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """A rectangle of the mask as it is after a stroke; `bits` hold its rows, first bit first."""

    left: int
    top: int
    width: int
    height: int
    bits: bytes
    tool: str = "brush"

    def mask(self) -> Mask:
        """(height, width) bool.

        Raises:
            UsageError: not as many bytes as the rectangle has bits.
        """
        size = self.width * self.height
        if len(self.bits) != -(-size // 8):
            raise UsageError(f"{len(self.bits)} bytes for {self.width} x {self.height} pixels")
        bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=size)
        return bits.reshape(self.height, self.width).astype(bool)


@dataclass(frozen=True)
class Place:
    """Where corrections of a listed photograph are saved, and the hash of what they correct."""

    path: Path  # without the endings
    prediction_sha256: Callable[[], str]

    @property
    def mask(self) -> Path:
        """The corrected mask."""
        return self.path.with_name(self.path.name + SUFFIX)

    @property
    def history(self) -> Path:
        """Who did what when."""
        return self.path.with_name(self.path.name + HISTORY_SUFFIX)


@dataclass(frozen=True)
class Status:
    """How far a photograph's correction is; `saved` is the file's name, None in memory alone."""

    revision: int
    saved: str | None
    offered: bool = False


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
        """How far the correction of a photograph is.

        Raises:
            UnknownError: no such photograph, or no result of it is at hand.
        """
        analysis = self.service.analysis(id)
        with self._lock:
            return self._status(id, analysis)

    def _status(self, id: str, analysis: Analysis) -> Status:
        place = self.places.get(id)
        saved = place.mask.name if place is not None and place.mask.is_file() else None
        applied = analysis.mask_source == "corrected"
        if id not in self._revisions:
            self._revisions[id] = self._stored(place, analysis) if applied else 0
        offered = saved is not None and not applied
        return Status(self._revisions[id], saved if applied else None, offered)

    def _stored(self, place: Place | None, analysis: Analysis) -> int:
        found = None if place is None else read_corrected(place.mask, analysis.photograph.shape)
        return 0 if found is None else found[1].revision

    def stroke(self, id: str, stroke: Stroke, *, base: int) -> Status:
        """Take a stroke that was drawn on revision `base`, and save the mask.

        Raises:
            UnknownError: no such photograph, or no result of it is at hand.
            ElsewhereError: the correction is at another revision.
            UsageError: the rectangle is not in the photograph.
            OutputError: it cannot be saved; nothing has changed then.
        """
        analysis = self.service.analysis(id)
        height, width = analysis.photograph.shape
        right, bottom = stroke.left + stroke.width, stroke.top + stroke.height
        if right > width or bottom > height:
            raise UsageError("the stroke is not in the photograph")
        mask = analysis.prediction.vessels.copy()
        mask[stroke.top : bottom, stroke.left : right] = stroke.mask()
        return self.replace(id, mask, base=base, tool=stroke.tool)

    def replace(self, id: str, mask: Mask, *, base: int, tool: str) -> Status:
        """Take a whole mask, (H, W) bool, as `stroke` takes a part of it.

        Raises:
            ImageError: a mask of another size, and as for `stroke`.
        """
        with self._lock:
            analysis = self.service.analysis(id)
            before = self._status(id, analysis)
            if base != before.revision or before.offered:
                raise ElsewhereError(
                    "this photograph has been corrected elsewhere, or before; open it again"
                )
            changed = correct(analysis, mask)
            revision = before.revision + 1
            self._save(id, analysis, changed, revision, tool)
            self._revisions[id] = revision
            self.service.replace(id, changed)
            return self._status(id, changed)

    def accept(self, id: str) -> Status:
        """Apply a correction that was made for another prediction.

        Raises:
            UnknownError: there is none.
        """
        with self._lock:
            analysis = self.service.analysis(id)
            place = self.places.get(id)
            found = None
            if place is not None:
                found = read_corrected(place.mask, analysis.photograph.shape)
            if found is None:
                raise UnknownError("no correction of this photograph is there to be used")
            mask, about = found
            changed = correct(analysis, mask)
            self._save(id, analysis, changed, about.revision + 1, "taken over")
            self._revisions[id] = about.revision + 1
            self.service.replace(id, changed)
            return self._status(id, changed)

    def _save(self, id: str, before: Analysis, after: Analysis, revision: int, tool: str) -> None:
        place = self.places.get(id)
        if place is None:
            return
        digest = place.prediction_sha256()
        write_bytes(place.mask, encode_corrected(after, Corrected(digest, revision)))
        old, new = before.prediction.vessels, after.prediction.vessels
        line = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "who": self.who,
            "what": tool,
            "revision": revision,
            "added_px": int(np.count_nonzero(new & ~old)),
            "removed_px": int(np.count_nonzero(old & ~new)),
            "model": after.model,
            "prediction_sha256": digest,
        }
        try:
            with place.history.open("a", encoding="utf-8") as history:
                history.write(json.dumps(line) + "\n")
        except OSError as error:
            raise OutputError(
                f"{place.history.name}: cannot be written ({error.strerror})"
            ) from error
