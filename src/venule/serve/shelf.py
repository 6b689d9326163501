"""Small pictures that were made before."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock


@dataclass
class Shelf:
    """Small pictures that were made before; the least recently used go first.

    Args:
        few: held while one is made; shelves may share it.
        most: how many are kept.
    """

    few: BoundedSemaphore
    most: int = 2000
    _pictures: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The picture of that key; made, and kept, if it was not before."""
        picture = self._get(key)
        if picture is None:
            with self.few:
                picture = make()
            self._put(key, picture)
        return picture

    def _get(self, key: str) -> bytes | None:
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def _put(self, key: str, picture: bytes) -> None:
        with self._lock:
            self._pictures[key] = picture
            while len(self._pictures) > self.most:
                self._pictures.popitem(last=False)
