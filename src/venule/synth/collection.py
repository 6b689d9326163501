"""Folders of drawn photographs with their truth to train on.

Drawing k depends only on the seed of the whole and on k: a folder can be extended, and its
drawings shared out among workers, without changing one of them.
"""

import io
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from venule import __version__
from venule.errors import OutputError
from venule.image.arrays import RGB
from venule.image.atomic import write_bytes
from venule.image.io import write_png
from venule.synth.config import VARIED, DrawingConfig
from venule.synth.fundus import draw_fundus

Format = Literal["png", "jpg"]

GENERATOR = 4
"""Counts the generator's versions: the same number, seed and config give the same drawings."""

ABOUT = "synth.json"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One photograph to be drawn and where its files go, under the folder's root."""

    seed: int
    config: DrawingConfig
    image: str
    label: str
    fov: str


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A folder of drawings with their labels and fields of view."""

    root: Path
    size_px: int
    seed: int = 0
    format: Format = "png"
    config: DrawingConfig = VARIED

    def drawings(self, count: int) -> tuple[Drawing, ...]:
        """The first `count` drawings."""
        return tuple(self._drawing(k) for k in range(count))

    def missing(self, count: int) -> tuple[Drawing, ...]:
        """Those of the first `count` drawings that are not in the folder yet."""
        return tuple(one for one in self.drawings(count) if not (self.root / one.image).is_file())

    def begin(self) -> None:
        """Make the folders and write `synth.json`.

        Raises:
            OutputError: the folder holds drawings made in another way, or cannot be written.
        """
        about = self._about()
        self._require_same(about)
        for folder in (self.root / name for name in ("fov", "images", "labels")):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
        text = json.dumps(about | {"package": __version__}, indent=2) + "\n"
        write_bytes(self.root / ABOUT, text.encode())

    def _drawing(self, k: int) -> Drawing:
        name = f"{k:06d}"
        return Drawing(
            seed=_seed_of(self.seed, k),
            config=self.config,
            image=f"images/{name}.{self.format}",
            label=f"labels/{name}.png",
            fov=f"fov/{name}.png",
        )

    def _about(self) -> dict[str, Any]:
        """What decides the drawings' bytes, as JSON has it."""
        about = {
            "generator": GENERATOR,
            "seed": self.seed,
            "size_px": self.size_px,
            "format": self.format,
            "config": asdict(self.config),
        }
        return dict(json.loads(json.dumps(about)))

    def _require_same(self, about: dict[str, Any]) -> None:
        path = self.root / ABOUT
        if not path.is_file():
            if self.root.is_dir() and any(self.root.iterdir()):
                raise OutputError(f"{self.root}: not empty; give a folder of its own")
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            different = [key for key, value in about.items() if found.get(key) != value]
        except (OSError, ValueError, AttributeError) as error:
            raise OutputError(f"{path}: cannot be read; give another folder") from error
        if different:
            raise OutputError(
                f"{self.root}: holds drawings of another {' and '.join(different)}; give another "
                "folder"
            )


def draw_all(
    collection: Collection, drawings: Sequence[Drawing], *, workers: int = 1
) -> Iterator[Drawing]:
    """Draw and write; each drawing comes out, in order, once its files are there.

    Raises:
        OutputError: a file cannot be written.
    """
    draw = partial(draw_file, collection)
    if workers == 1 or len(drawings) < 2:
        yield from map(draw, drawings)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(drawings)), mp_context=spawn) as pool:
        try:
            yield from pool.map(draw, drawings)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def draw_file(collection: Collection, drawing: Drawing) -> Drawing:
    """Write one drawing's files, the photograph last: where it is, the others are."""
    drawn = draw_fundus(drawing.seed, size_px=collection.size_px, config=drawing.config)
    write_png(collection.root / drawing.label, drawn.vessels)
    write_png(collection.root / drawing.fov, drawn.fov)
    write_bytes(collection.root / drawing.image, _encode(drawn.image, collection.format))
    return drawing


def _encode(image: RGB, format: Format) -> bytes:
    encoded = io.BytesIO()
    if format == "jpg":
        Image.fromarray(image).save(encoded, "JPEG", quality=92)
    else:
        Image.fromarray(image).save(encoded, "PNG", compress_level=4)
    return encoded.getvalue()


def _seed_of(seed: int, k: int) -> int:
    """A seed for drawing `k`, far from those of its neighbours and of other collections."""
    return int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0])
