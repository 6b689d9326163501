"""The service behind the viewer: a bounded queue, one worker, and a cache of results."""

import logging
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from venule.analysis.analyse import GRADE, Analysis, Networks, Step, analyse, in_order
from venule.analysis.columns import COLUMNS, Cell
from venule.errors import ImageError, UsageError, VenuleError
from venule.files.cells import text
from venule.image.photograph import Photograph, read_photograph
from venule.serve.items import Item
from venule.serve.limits import Limits

_log = logging.getLogger(__name__)


class BusyError(VenuleError):
    """The queue is full."""


class UnknownError(VenuleError):
    """No photograph with that id, or no longer."""


class ElsewhereError(VenuleError):
    """The photograph was corrected or predicted elsewhere in the meantime."""


class Service:
    """Photographs by opaque ids; one thread analyses them in turn.

    First their vessels are segmented and graded, and shown immediately; then, when no photograph is
    waiting for that, come the `later` steps and the table of measurements.

    Args:
        open_networks: loads the networks; called once, in the worker.
        limits: limits on time and memory.
        listed: photographs known from the start, such as those of a folder.
        renewed: the listed photographs whose stored results have changed since its last call.
        later: steps run after the vessels have been shown.
        groups: names of `COLUMNS` that fill the table.
    """

    def __init__(
        self,
        open_networks: Callable[[], Networks],
        *,
        limits: Limits | None = None,
        listed: Sequence[Item] = (),
        renewed: Callable[[], Iterable[Item]] = tuple,
        later: Sequence[Step] = (),
        groups: Sequence[str] = (),
    ) -> None:
        self.limits = limits or Limits()
        self._open_networks = open_networks
        self._networks: Networks | None = None
        self._later, self._groups = tuple(later), tuple(groups)
        self.listed = tuple(listed)
        self._items = {item.id: item for item in self.listed}
        self._renewed, self._refreshing = renewed, threading.Lock()
        self._uploads: OrderedDict[str, Item] = OrderedDict()
        self._kept: OrderedDict[str, Item] = OrderedDict()  # those with an analysis
        self._first: deque[Item] = deque()
        self._second: deque[Item] = deque()
        self._reserved = 0
        self._closed = False
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name="venule-analysis", daemon=True)
        self._worker.start()

    def close(self) -> None:
        """End the worker, after its present task."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._worker.join(timeout=5)

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Reserve a place in the queue while a client sends a file.

        Raises:
            BusyError: the queue is full.
        """
        with self._changed:
            if len(self._first) + self._reserved >= self.limits.waiting:
                raise BusyError("too many photographs are waiting; try again in a moment")
            self._reserved += 1
        try:
            yield
        finally:
            with self._changed:
                self._reserved -= 1

    def add(self, content: bytes, name: str) -> Item:
        """Queue a photograph's file, for which a place is reserved."""
        item = Item(
            id=secrets.token_urlsafe(12),
            name=name,
            open=partial(_analyse_content, content, self.limits.pixels),
            uploaded=True,
        )
        with self._changed:
            while self._uploads and len(self._uploads) >= self.limits.kept_photographs:
                self._forget(_first_to_go(self._uploads))
            self._items[item.id] = self._uploads[item.id] = item
            self._queue(item)
        return item

    def open(self, id: str) -> Item:
        """Queue a photograph whose result is not available.

        Raises:
            BusyError: the queue is full.
            UnknownError: no such photograph.
            ElsewhereError: its stored results cannot currently be read.
        """
        try:
            self.refresh()
        except ElsewhereError:
            if self.get(id).analysis is None:
                raise
        with self._changed:
            item = self._find(id)
            if item.state in ("waiting", "running") or item.analysis is not None:
                return item
            if item.uploaded:
                raise UnknownError("this photograph is no longer kept; drop it again")
            if len(self._first) + self._reserved >= self.limits.waiting:
                raise BusyError("too many photographs are waiting; try again in a moment")
            item.reason = ""
            self._queue(item)
            return item

    def get(self, id: str) -> Item:
        """The photograph with that id; one that exceeds the time limit counts as failed.

        Raises:
            UnknownError: no such photograph.
        """
        with self._changed:
            item = self._find(id)
            if item.id in self._kept:
                self._kept.move_to_end(item.id)
            self._give_up(item)
            return item

    def analysis(self, id: str) -> Analysis:
        """The analysis of a photograph.

        Raises:
            UnknownError: no such photograph, or its result is not available.
        """
        item = self.get(id)
        analysis = item.analysis
        if analysis is None:
            raise UnknownError(
                f"no result for this photograph yet, which is {item.state}; post to "
                f"/api/photographs/{id}/analysis if it is listed, and poll until it is done"
            )
        return analysis

    def cancel(self, id: str) -> None:
        """Cancel a queued or running photograph, and forget an uploaded one.

        Raises:
            UnknownError: no such photograph.
        """
        with self._changed:
            item = self._find(id)
            if item.state in ("waiting", "running"):
                item.state = "cancelled"
                self._unqueue(item)
            if item.uploaded:
                self._forget(item)

    def uploads(self) -> tuple[Item, ...]:
        """The uploaded photographs, the latest first."""
        with self._changed:
            return tuple(reversed(self._uploads.values()))

    def replace(self, id: str, analysis: Analysis, *, instead_of: Analysis) -> bool:
        """Replace a photograph's analysis, and measure the new one.

        Returns False, changing nothing, if its analysis is no longer `instead_of`.
        """
        with self._changed:
            item = self._find(id)
            if item.analysis is not instead_of:
                return False
            self._keep(item, analysis)
            item.stale = item.corrected = True
            item.complete, item.rests_until = False, time.monotonic() + self.limits.rest_s
            if item not in self._second:
                self._second.append(item)
            self._changed.notify_all()
            return True

    def refresh(self) -> None:
        """Drop the analyses of listed photographs that were predicted again, and use their results.

        Raises:
            ElsewhereError: the stored results cannot currently be read.
        """
        with self._refreshing:
            for new in self._renewed():
                with self._changed:
                    self._renew(self._items[new.id], new)

    def drop(self, id: str) -> None:
        """Drop a photograph's analysis, so that a listed one is read again when opened.

        Raises:
            UnknownError: no such photograph.
        """
        with self._changed:
            self._evict(self._find(id))

    @property
    def waiting(self) -> int:
        """Number of photographs being received or waiting for their vessels."""
        with self._changed:
            return len(self._first) + self._reserved

    def _find(self, id: str) -> Item:
        if id not in self._items:
            raise UnknownError("no such photograph; if it is no longer kept, drop it again")
        return self._items[id]

    def _queue(self, item: Item) -> None:
        item.state, item.began, item.later_taken = "waiting", None, False
        self._first.append(item)
        self._changed.notify_all()

    def _unqueue(self, item: Item) -> None:
        for queue in (self._first, self._second):
            if item in queue:
                queue.remove(item)

    def _forget(self, item: Item) -> None:
        """Forget a photograph; a step that is running finds another analysis and keeps nothing."""
        self._items.pop(item.id, None)
        self._uploads.pop(item.id, None)
        self._kept.pop(item.id, None)
        self._unqueue(item)
        item.analysis, item.open = None, None

    def _keep(self, item: Item, analysis: Analysis) -> None:
        """Keep an analysis in memory; evict the least recently used ones beyond the limit.

        One with unsaved corrections is evicted only if no other is left.
        """
        item.analysis = analysis
        self._kept[item.id] = item
        self._kept.move_to_end(item.id)
        while sum(one.bytes for one in self._kept.values()) > self.limits.kept_bytes:
            if len(self._kept) == 1:
                break
            oldest = _first_to_go({id: one for id, one in self._kept.items() if one is not item})
            self._evict(oldest)

    def _evict(self, item: Item) -> None:
        self._kept.pop(item.id, None)
        item.analysis, item.complete = None, False
        item.state = "listed"
        if item.uploaded:
            self._forget(item)

    def _renew(self, item: Item, new: Item) -> None:
        queued = item.state in ("waiting", "running")  # what is running finds it queued again
        self._unqueue(item)
        self._evict(item)
        item.renew(new)
        if queued:
            self._queue(item)

    def _give_up(self, item: Item) -> None:
        limit = self.limits.analysis_s
        late = item.began is not None and time.monotonic() - item.began > limit
        if item.state == "running" and late:
            item.fail(f"took longer than {limit:g} s")

    def _work(self) -> None:
        while (task := self._next()) is not None:
            item, finish = task
            try:
                self._finish(item) if finish else self._begin(item)
            except VenuleError as error:
                self._failed(item, str(error))
            except MemoryError:
                self._failed(item, "needs more memory than is available")
            except Exception as error:
                _log.exception("analysis")
                self._failed(item, f"a fault in venule, please report it: {type(error).__name__}")

    def _next(self) -> tuple[Item, bool] | None:
        """The next photograph, and whether its vessels are done; None at the end."""
        with self._changed:
            while not self._closed:
                if self._first:
                    item = self._first.popleft()
                    item.begin()
                    return item, False
                now = time.monotonic()
                ready = next((one for one in self._second if one.rests_until <= now), None)
                if ready is not None:
                    self._second.remove(ready)
                    return ready, True
                rest = min((one.rests_until - now for one in self._second), default=None)
                self._changed.wait(rest)
        return None

    def _begin(self, item: Item) -> None:
        with self._changed:
            read = item.open
            if item.uploaded:
                item.open = None
        if read is None:  # forgotten
            return
        analysis = read(self._loaded)
        with self._changed:
            self._give_up(item)
            if item.state != "running" or item.id not in self._items:
                return
            item.state = "done"
            item.grade = analysis.quality.grade if analysis.quality is not None else item.grade
            self._keep(item, analysis)
            self._second.append(item)

    def _finish(self, item: Item) -> None:
        """Run the later steps and compute the table."""
        analysis = item.analysis
        if analysis is None:
            return
        if self._later and not item.stored and not item.later_taken:
            for step in in_order(self._later):
                found = step.fill(analysis, self._loaded())
                with self._changed:  # shown immediately; measurements take longer
                    if item.analysis is not analysis:
                        return  # replaced meanwhile, and queued again
                    self._keep(item, found)
                analysis = found
            item.later_taken = True
        cells: dict[str, Cell] = {}
        for group in self._groups:
            if COLUMNS[group].table == "measurements":  # the page shows the others elsewhere
                cells |= dict(COLUMNS[group].row(analysis))
        with self._changed:
            if item.analysis is analysis:
                item.cells, item.stale, item.complete = cells, False, True

    def _failed(self, item: Item, reason: str) -> None:
        with self._changed:
            if item.state == "running":
                item.fail(reason)
            elif item.state == "done":  # the vessels are valid; the later steps failed
                item.reason, item.complete = text(reason), True

    def _loaded(self) -> Networks:
        if self._networks is None:
            self._networks = self._open_networks()
        return self._networks


def _first_to_go(items: Mapping[str, Item]) -> Item:
    """The least recently used item; those with unsaved corrections come last."""
    return next((one for one in items.values() if not one.unsaved), next(iter(items.values())))


def analyse_file(path: Path, name: str, networks: Callable[[], Networks]) -> Analysis:
    """Analyse the photograph in a file, as an `Item` does; errors call it by `name`.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        photograph = read_photograph(path)
    except ImageError as error:  # the path of a DICOM object may name a patient
        raise ImageError(f"{name}: {str(error).removeprefix(f'{path}: ')}") from error
    return analyse(photograph, networks(), steps=(GRADE,))


def _analyse_content(content: bytes, pixels: int, networks: Callable[[], Networks]) -> Analysis:
    photograph: Photograph = read_photograph(content)
    if photograph.pixels.shape[0] * photograph.pixels.shape[1] > pixels:
        raise UsageError(f"more than {pixels / 1e6:.0f} megapixels")
    return analyse(photograph, networks(), steps=(GRADE,))
