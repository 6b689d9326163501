"""Tiny data sets of synthetic fundus photographs, and settings that train on them in seconds."""

import csv
from pathlib import Path
from typing import Any

from support.trees import save
from venule.synth.fundus import synthesize_fundus

NETWORK: dict[str, Any] = {
    "model": "ddrnet23-slim",
    "options": {"width": 8, "context_width": 8, "head_width": 8, "stride": 8},
}
"""A DDRNet small enough for a test."""


def make_synthetic(folder: Path, *, train: int = 4, val: int = 2, size_px: int = 80) -> Path:
    """A CSV data set of synthetic photographs filed as train and val; returns the CSV file."""
    path = folder / "synthetic.csv"
    splits = ["train"] * train + ["val"] * val
    rows = []
    for number, split in enumerate(splits):
        synthetic, name = synthesize_fundus(number, size_px=size_px), f"{number:02d}.png"
        save(folder / "images" / name, synthetic.image)
        save(folder / "labels" / name, synthetic.vessels)
        save(folder / "fov" / name, synthetic.fov)
        files = {"image": f"images/{name}", "label": f"labels/{name}", "fov": f"fov/{name}"}
        rows.append({"id": f"{number:02d}", **files, "split": split})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def settings(data: Path, /, **sections: Any) -> dict[str, Any]:
    """A configuration as TOML would give it: two steps an epoch, fp32, sections merged over it."""
    base: dict[str, Any] = {
        "name": "tiny",
        "data": {"dataset": str(data)},
        "network": NETWORK,
        "input": {"crop_px": 64},
        "augmentation": {"horizontal_flip_p": 0.5, "rotate_deg": 30, "noise_p": 0.5},
        "optimizer": {"learning_rate": 1e-2},
        "schedule": {"epochs": 2, "batch_size": 2, "precision": "fp32", "device": "cpu"},
    }
    for name, section in sections.items():
        base[name] = {**base[name], **section} if isinstance(base.get(name), dict) else section
    if not any(isinstance(base["data"].get(part, ""), str) for part in ("train", "val")):
        del base["data"]["dataset"]  # of no use beside two lists, and refused
    return base
