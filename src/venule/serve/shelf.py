"""A cache of small images."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock


@dataclass
class Shelf:
    """A cache of small images; the least recently used are evicted.

    Args:
        few: held while an image is made; caches may share it.
        most: maximum number of images.
    """

    few: BoundedSemaphore
    most: int = 2000
    _pictures: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The image with that key, made and cached if necessary."""
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
