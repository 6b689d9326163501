"""Vessels to compare with a photograph's own: of other networks, folders of maps, files."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Literal

from venule.batch.reading import holds_results, read_results
from venule.errors import ImageError, UsageError
from venule.files.cells import text
from venule.image.foreign_map import decode_map
from venule.image.io import read_bytes
from venule.image.levels import Levels
from venule.image.names import IMAGE_SUFFIXES
from venule.inference.segment import Segmenter
from venule.serve.service import BusyError, Service, UnknownError

Kind = Literal["model", "map"]

_ENDINGS = ("_prob", "_mask", "")
_KEPT_BYTES = 2**28
_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Other:
    """Other vessels of a photograph: from another network, or from an existing map.

    `key` identifies it in URLs; `levels` is (H, W) uint16, vessel from `threshold` (0..1) up.
    """

    key: str
    name: str
    kind: Kind
    levels: Levels
    threshold: float


class MapFolder:
    """A folder of masks or probability maps, matched by the names of their photographs.

    Raises:
        UsageError: no such folder.
        OutputError: it holds results that cannot currently be read.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder of maps")
        self.name = text(folder.resolve().name)
        self.threshold = _DEFAULT_THRESHOLD
        if holds_results(folder):
            self.threshold = read_results(folder).threshold
        self._files = {
            text(path.relative_to(folder).with_suffix("").as_posix()): path
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
        }
        self._by_start: dict[str, list[Path]] = {}
        for place, path in self._files.items():
            parts = Path(place).name.split("_")
            for count in range(1, max(len(parts), 2)):
                self._by_start.setdefault("_".join(parts[:count]), []).append(path)

    def find(self, name: str, photographs: Iterable[str]) -> Path | None:
        """The map of a photograph: of its own name with the suffix `_prob`, `_mask` or none.

        Otherwise that of its name without folders, the only file that starts with this name, as
        `Image_01L_1stHO`, or the only one with the same part before the first `_`, if that has a
        digit, as `21_training` and `21_manual1`. None if it matches another of the `photographs` as
        well.
        """
        rank, path = self._match(name)
        if rank == 0 or path is None:
            return path
        others = (self._match(other) for other in photographs if _stem(other) != _stem(name))
        return None if any(its == path and at <= rank for at, its in others) else path

    def _match(self, name: str) -> tuple[int, Path | None]:
        """The map that matches a photograph's name best, and how well it does: 0 if by its name."""
        stem = _stem(name)
        whole = Path(stem).name
        start = whole.split("_")[0]
        matches = (
            self._named(name) or self._named(stem),
            self._named(whole),
            self._only(whole),
            self._only(start) if re.search(r"\d", start) else None,
        )
        found = ((rank, path) for rank, path in enumerate(matches) if path is not None)
        return next(found, (len(matches), None))

    def _named(self, place: str) -> Path | None:
        found = (self._files.get(f"{place}{ending}") for ending in _ENDINGS)
        return next((path for path in found if path is not None), None)

    def _only(self, start: str) -> Path | None:
        found = self._by_start.get(start, [])
        return found[0] if len(found) == 1 else None


def _stem(name: str) -> str:
    return re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name)


class Beside:
    """A cache of other vessels of the service's photographs; least recently used are evicted.

    Args:
        service: holds the photographs.
        models: loads each selectable network, by name.
        folders: folders of maps.
    """

    def __init__(
        self,
        service: Service,
        *,
        models: Mapping[str, Callable[[], Segmenter]] | None = None,
        folders: Sequence[MapFolder] = (),
    ) -> None:
        self._service = service
        self._models = dict(models or {})
        self._folders = tuple(folders)
        self._loaded: tuple[str, Segmenter] | None = None
        self._kept: OrderedDict[tuple[str, str], Other] = OrderedDict()
        self._lock, self._one = Lock(), BoundedSemaphore(1)
        self._files = 0

    def choices(self, id: str) -> Iterator[tuple[str, str, Kind]]:
        """Key, name and kind of everything the photograph can be compared with.

        Raises:
            UnknownError: no such photograph.
        """
        item = self._service.get(id)
        used = item.analysis.model if item.analysis is not None else ""
        for place, folder in enumerate(self._folders):
            if folder.find(item.name, self._names()) is not None:
                yield f"folder-{place}", folder.name, "map"
        with self._lock:
            sent = [one for (of, _), one in self._kept.items() if of == id]
        yield from ((one.key, one.name, "map") for one in sent if one.key.startswith("file-"))
        yield from ((f"model-{name}", name, "model") for name in self._models if name != used)

    def get(self, id: str, key: str) -> Other:
        """The other vessels of a photograph; a network's are computed now.

        Raises:
            UnknownError: no such photograph, no result for it, or an unknown key.
            BusyError: another network is running.
            ImageError: a file cannot be read, or differs in size from the photograph.
        """
        with self._lock:
            kept = self._kept.get((id, key))
            if kept is not None:
                self._kept.move_to_end((id, key))
                return kept
        kind, _, name = key.partition("-")
        if kind == "model" and name in self._models:
            return self._keep(id, self._segment(id, key, name))
        if kind == "folder" and name.isdecimal() and int(name) < len(self._folders):
            folder = self._folders[int(name)]
            path = folder.find(self._service.get(id).name, self._names())
            if path is not None:
                levels = decode_map(read_bytes(path), Path(path.name))
                return self._keep(
                    id, self._map(id, key, folder.name, levels, threshold=folder.threshold)
                )
        raise UnknownError("no such comparison for this photograph; choose it again")

    def add(self, id: str, content: bytes, name: str) -> Other:
        """Add a mask or a probability map for a photograph, from the content of its file.

        Raises:
            UnknownError: no such photograph, or no result for it.
            ImageError: it cannot be read, or differs in size from the photograph.
        """
        levels = decode_map(content, Path(name))
        with self._lock:
            self._files += 1
            key = f"file-{self._files}"
        return self._keep(id, self._map(id, key, name, levels, threshold=_DEFAULT_THRESHOLD))

    def _names(self) -> Iterator[str]:
        """The names of all photographs."""
        return (item.name for item in (*self._service.listed, *self._service.uploads()))

    def _map(self, id: str, key: str, name: str, levels: Levels, *, threshold: float) -> Other:
        shape = self._service.analysis(id).photograph.shape
        if levels.shape != shape:
            raise ImageError(
                f"{name}: {levels.shape[1]} x {levels.shape[0]} px, but the photograph has "
                f"{shape[1]} x {shape[0]} px"
            )
        return Other(key, name, "map", levels, threshold)

    def _segment(self, id: str, key: str, name: str) -> Other:
        analysis = self._service.analysis(id)
        if not self._one.acquire(blocking=False):
            raise BusyError("another network is running; try again in a moment")
        try:
            if self._loaded is None or self._loaded[0] != name:
                self._loaded = (name, self._models[name]())
            network = self._loaded[1]
            found = network.segment(analysis.photograph, fov=analysis.prediction.fov).vessel_map
        finally:
            self._one.release()
        return Other(key, name, "model", found.levels, found.threshold)

    def _keep(self, id: str, other: Other) -> Other:
        with self._lock:
            self._kept[id, other.key] = other
            self._kept.move_to_end((id, other.key))
            while sum(one.levels.nbytes for one in self._kept.values()) > _KEPT_BYTES:
                if len(self._kept) == 1:
                    break
                self._kept.popitem(last=False)
        return other
