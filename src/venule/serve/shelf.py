"""Small pictures that were made before."""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Shelf:
    """Small pictures that were made before; the least recently used go first."""

    most: int = 2000
    _pictures: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: str) -> bytes | None:
        """The picture of that key, if it was made."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: str, picture: bytes) -> bytes:
        """Keep a picture."""
        with self._lock:
            self._pictures[key] = picture
            while len(self._pictures) > self.most:
                self._pictures.popitem(last=False)
        return picture
