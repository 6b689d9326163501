"""Tiny fake copies of data sets: real folder and file names and kinds, synthetic photographs.

Each `make_` function writes a whole data set below the folder it is given and returns its root.
Photographs are 64 x 60 px: a disc on black with a few dark curves, which are the vessels.
"""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 60, 64
STARE_NUMBERS = (
    1,
    2,
    3,
    4,
    5,
    44,
    77,
    81,
    82,
    139,
    162,
    163,
    235,
    236,
    239,
    240,
    255,
    291,
    319,
    324,
)


@dataclass(frozen=True)
class Drawn:
    """A photograph (H, W, 3) uint8 with bool masks: field of view, vessels of two experts."""

    image: NDArray[np.uint8]
    fov: NDArray[np.bool_]
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]


def draw(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Drawn:
    """One synthetic eye; another seed gives other pixels."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    radius = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    fov = radius < 0.46 * min(height, width)
    distance = np.full((height, width), np.inf)
    for _ in range(3):
        phase, amplitude, level = generator.uniform([0, 2, 0.25], [6, 6, 0.75])
        curve = level * height + amplitude * np.sin(columns / width * 6 + phase)
        distance = np.minimum(distance, np.abs(rows - curve))
    first, second = fov & (distance < 1.5), fov & (distance < 1.0)
    image = np.array([190.0, 100.0, 50.0]) + generator.normal(0, 4, (height, width, 3))
    image[first] -= (60, 50, 20)
    image[~fov] = 0
    return Drawn(image.clip(0, 255).astype(np.uint8), fov, first, second)


def save(path: Path, array: NDArray[Any], **options: Any) -> Path:
    """Write an array as an image, its folder made; a bool array as 0 and 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = array.astype(np.uint8) * 255 if array.dtype == np.bool_ else array
    Image.fromarray(pixels).save(path, **options)
    return path


def save_palette(path: Path, mask: NDArray[np.bool_]) -> Path:
    """A palette GIF as DRIVE's 2nd_manual: indices 0 and 1, colours grey 3 and grey 253."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask.astype(np.uint8)).convert("P")
    image.putpalette([3, 3, 3, 253, 253, 253])
    image.putdata(mask.astype(np.uint8).ravel().tolist())
    image.save(path, optimize=False)
    return path


def make_drive(folder: Path, *, test_labels: bool = True) -> Path:
    """DRIVE, 40 images; without `test_labels` as downloaded today."""
    root = folder / "DRIVE"
    for number in range(1, 41):
        part = "test" if number <= 20 else "training"
        drawn, name = draw(number), f"{number:02d}"
        save(root / part / "images" / f"{name}_{part}.tif", drawn.image)
        save(root / part / "mask" / f"{name}_{part}_mask.gif", drawn.fov)
        if part == "training" or test_labels:
            save(root / part / "1st_manual" / f"{name}_manual1.gif", drawn.first)
        if part == "test" and test_labels:
            save_palette(root / part / "2nd_manual" / f"{name}_manual2.gif", drawn.second)
    return root


def make_stare(folder: Path, *, zipped: bool = False) -> Path:
    """STARE, its 20 labelled images and one without labels."""
    root = folder / "STARE"
    for number in (*STARE_NUMBERS, 6):
        drawn, name = draw(1000 + number), f"im{number:04d}"
        _save_ppm(root / "stare-images" / f"{name}.ppm", drawn.image, zipped=zipped)
        if number != 6:
            _save_ppm(root / "labels-ah" / f"{name}.ah.ppm", drawn.first, zipped=zipped)
            _save_ppm(root / "labels-vk" / f"{name}.vk.ppm", drawn.second, zipped=zipped)
    return root


def _save_ppm(path: Path, array: NDArray[Any], *, zipped: bool) -> None:
    if not zipped:
        save(path, array)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = BytesIO()
    pixels = array.astype(np.uint8) * 255 if array.dtype == np.bool_ else array
    Image.fromarray(pixels).save(content, "PPM")
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content.getvalue()))


def make_chase(folder: Path, *, masks: bool = True) -> Path:
    """CHASE_DB1, 28 images; annotations are 1-bit PNG."""
    root = folder / "CHASE_DB1"
    for child in range(1, 15):
        for eye in "LR":
            drawn, name = draw(2000 + 2 * child + (eye == "R")), f"Image_{child:02d}{eye}"
            save(root / f"{name}.jpg", drawn.image, quality=95)
            Image.fromarray(drawn.first).convert("1").save(root / f"{name}_1stHO.png")
            Image.fromarray(drawn.second).convert("1").save(root / f"{name}_2ndHO.png")
            if masks:
                save(root / "mask" / f"{name}.png", drawn.fov)
    return root


def make_hrf(folder: Path) -> Path:
    """HRF, 45 images; mixed case of suffixes, three-channel fields of view."""
    root = folder / "HRF"
    for group, suffix in (("dr", "JPG"), ("g", "jpg"), ("h", "jpg")):
        for number in range(1, 16):
            drawn, name = draw(3000 + 50 * number + ord(group[0])), f"{number:02d}_{group}"
            save(root / "images" / f"{name}.{suffix}", drawn.image, quality=95)
            save(root / "manual1" / f"{name}.tif", drawn.first)
            fov = drawn.fov.astype(np.uint8) * 255
            save(root / "mask" / f"{name}_mask.tif", np.stack([fov] * 3, axis=2))
    return root


def make_fives(folder: Path, *, train: int = 600, test: int = 200) -> Path:
    """FIVES; the numbers start again in test/."""
    root = folder / "FIVES"
    for part, count in (("train", train), ("test", test)):
        for number in range(1, count + 1):
            group = "ADGN"[4 * (number - 1) // count]
            drawn, name = draw(5000 + number + 1000 * (part == "test")), f"{number}_{group}.png"
            save(root / part / "Original" / name, drawn.image)
            save(root / part / "Ground truth" / name, drawn.first)
    return root


def make_deeplab_folders(folder: Path) -> Path:
    """Manshi3's folders: 21-36 train, 37-40 valid, 01-20 without masks in test_images."""
    root = folder / "drive_folders"
    for number in range(1, 41):
        part = "test" if number <= 20 else "train" if number <= 36 else "valid"
        drawn, name = draw(number), f"{number:02d}"
        kind = "test" if part == "test" else "training"
        save(root / f"{part}_images" / f"{name}_{kind}.tif", drawn.image)
        if part != "test":
            save(root / f"{part}_masks" / f"{name}_manual1.gif", drawn.first)
    return root


def make_folders(folder: Path, names: Sequence[str] = ("a", "b", "c"), *, fov: bool = True) -> Path:
    """A plain images/ labels/ fov/ folder."""
    root = folder / "own"
    for seed, name in enumerate(names):
        drawn = draw(7000 + seed)
        save(root / "images" / f"{name}.png", drawn.image)
        save(root / "labels" / f"{name}.png", drawn.first)
        if fov:
            save(root / "fov" / f"{name}.png", drawn.fov)
    return root


def make_csv(folder: Path, rows: Sequence[dict[str, str]] | None = None) -> Path:
    """A CSV file beside a plain folder; by default a and b train, c tests. Returns the file."""
    root = make_folders(folder)
    default = [
        {
            "id": name,
            "image": f"images/{name}.png",
            "label": f"labels/{name}.png",
            "fov": f"fov/{name}.png",
            "split": split,
            "patient": name.upper(),
        }
        for name, split in (("a", "train"), ("b", "train"), ("c", "test"))
    ]
    rows = default if rows is None else rows
    path = root / "list.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
