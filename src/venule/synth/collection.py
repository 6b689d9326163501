"""Folders of synthetic fundus images with their ground truth, for training.

Image k depends only on the collection's seed and on k: a folder can be extended, and its images
distributed among workers, without changing any of them.
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
from venule.files.atomic import write_bytes
from venule.image.arrays import RGB
from venule.image.artery_vein import color_types
from venule.image.io import write_png
from venule.synth.config import VARIED, SyntheticFundusConfig
from venule.synth.fundus import synthesize_fundus

Format = Literal["png", "jpg"]

GENERATOR = 4
"""Version of the generator: equal version, seed and config give the same images."""

ABOUT = "synth.json"


@dataclass(frozen=True, kw_only=True)
class SyntheticImage:
    """One image to generate, with the paths of its files below the folder's root."""

    seed: int
    config: SyntheticFundusConfig
    image: str
    label: str
    fov: str
    av: str


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A folder of synthetic images with labels and fields of view.

    With `types` also av/: arteries red, veins blue, crossings green.
    """

    root: Path
    size_px: int
    seed: int = 0
    format: Format = "png"
    config: SyntheticFundusConfig = VARIED
    types: bool = False

    def images(self, count: int) -> tuple[SyntheticImage, ...]:
        """The first `count` synthetic images."""
        return tuple(self._image(k) for k in range(count))

    def missing(self, count: int) -> tuple[SyntheticImage, ...]:
        """Those of the first `count` synthetic images that the folder lacks."""
        return tuple(one for one in self.images(count) if not (self.root / one.image).is_file())

    def begin(self) -> None:
        """Create the folders and write `synth.json`.

        Raises:
            OutputError: the folder holds synthetic images made in another way, or cannot be
            written.
        """
        about = self._about()
        self._require_same(about)
        names = ("fov", "images", "labels", *(("av",) if self.types else ()))
        for folder in (self.root / name for name in names):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
        text = json.dumps(about | {"package": __version__}, indent=2) + "\n"
        write_bytes(self.root / ABOUT, text.encode())

    def _image(self, k: int) -> SyntheticImage:
        name = f"{k:06d}"
        return SyntheticImage(
            seed=_seed_of(self.seed, k),
            config=self.config,
            image=f"images/{name}.{self.format}",
            label=f"labels/{name}.png",
            fov=f"fov/{name}.png",
            av=f"av/{name}.png",
        )

    def _about(self) -> dict[str, Any]:
        """The settings that determine the images' bytes, as stored in JSON."""
        about = {
            "generator": GENERATOR,
            "seed": self.seed,
            "size_px": self.size_px,
            "format": self.format,
            "config": asdict(self.config),
        }
        if self.types:
            about["types"] = True
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
            what = " and ".join(different)
            raise OutputError(f"{self.root}: holds images of another {what}; give another folder")


def synthesize_all(
    collection: Collection, images: Sequence[SyntheticImage], *, workers: int = 1
) -> Iterator[SyntheticImage]:
    """Generate and write; yield each image, in order, once its files are written.

    Raises:
        OutputError: a file cannot be written.
    """
    draw = partial(synthesize_file, collection)
    if workers == 1 or len(images) < 2:
        yield from map(draw, images)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(images)), mp_context=spawn) as pool:
        try:
            yield from pool.map(draw, images)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def synthesize_file(collection: Collection, image: SyntheticImage) -> SyntheticImage:
    """Write one image's files, the photograph last, so that its presence implies the others."""
    synthetic = synthesize_fundus(image.seed, size_px=collection.size_px, config=image.config)
    write_png(collection.root / image.label, synthetic.vessels)
    write_png(collection.root / image.fov, synthetic.fov)
    if collection.types:
        write_png(collection.root / image.av, color_types(synthetic.artery, synthetic.vein))
    write_bytes(collection.root / image.image, _encode(synthetic.image, collection.format))
    return image


def _encode(image: RGB, format: Format) -> bytes:
    encoded = io.BytesIO()
    if format == "jpg":
        Image.fromarray(image).save(encoded, "JPEG", quality=92)
    else:
        Image.fromarray(image).save(encoded, "PNG", compress_level=4)
    return encoded.getvalue()


def _seed_of(seed: int, k: int) -> int:
    """A seed for image `k`, unrelated to those of its neighbours and of other collections."""
    return int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0])
