"""Photographs in one folder per class, laid out as ImageNet, for pretraining backbones."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from venule.data.layout import photographs_in
from venule.errors import DatasetError

Labelled = tuple[Path, int]
"""A photograph and the index of its class."""


@dataclass(frozen=True, kw_only=True)
class ClassTree:
    """Class names in alphabetical order, and labelled photographs for training and validation."""

    root: Path
    classes: tuple[str, ...]
    train: tuple[Labelled, ...]
    val: tuple[Labelled, ...]

    def digest(self) -> str:
        """SHA-256 of all photographs' names, each with its class and whether it is held out.

        Pixels are not hashed: reading a million photographs would take too long.
        """
        names = [
            f"{split}/{path.parent.name}/{path.name}"
            for split, items in (("train", self.train), ("val", self.val))
            for path, _ in items
        ]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()


def open_class_tree(root: Path, *, val_share: float = 0.1, seed: int = 0) -> ClassTree:
    """The photographs of `root`/train/CLASS and `root`/val/CLASS, or of `root`/CLASS.

    Args:
        root: the folder.
        val_share: without `root`/val, this fraction of each class is held out for validation.
        seed: of that choice, which otherwise depends only on the names of classes and photographs.

    Raises:
        DatasetError: no such folder, fewer than two classes, a class of `val` that `train` lacks,
            or no photographs for validation.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; give one that holds a folder for each class")
    if (root / "images").is_dir() and (root / "labels").is_dir():
        raise DatasetError(
            f"{root}: a data set with labels of vessels, not of classes; cut it into classes with "
            "`venule data patches`"
        )
    train_root = root / "train" if (root / "train").is_dir() else root
    found = _by_class(train_root)
    classes = tuple(found)
    if len(classes) < 2:
        raise DatasetError(
            f"{train_root}: holds {len(classes)} folders with photographs; a classifier needs one "
            "folder for each of at least two classes"
        )
    if train_root != root and (root / "val").is_dir():
        held = _by_class(root / "val")
        if not held:
            raise DatasetError(f"{root / 'val'}: holds no photographs in folders of classes")
        unknown = [name for name in held if name not in found]
        if unknown:
            raise DatasetError(f"{root / 'val' / unknown[0]}: a class that {train_root} lacks")
    else:
        held = {name: _hold_out(paths, val_share, seed) for name, paths in found.items()}
        found = {name: _without(found[name], held[name]) for name in classes}
    tree = ClassTree(
        root=root, classes=classes, train=_label(found, classes), val=_label(held, classes)
    )
    if not tree.val:
        raise DatasetError(f"{root}: too few photographs in each class to hold some out")
    return tree


def _by_class(root: Path) -> dict[str, list[Path]]:
    """Photographs by the name of their folder, both in alphabetical order."""
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    files = {
        folder.name: photographs_in(folder) for folder in folders if not folder.name.startswith(".")
    }
    return {name: paths for name, paths in files.items() if paths}


def _hold_out(paths: Sequence[Path], share: float, seed: int) -> list[Path]:
    """`share` of one class's photographs; at least one if there are two."""

    def draw(path: Path) -> str:
        return hashlib.sha256(f"{seed}/{path.parent.name}/{path.name}".encode()).hexdigest()

    count = min(max(1, round(share * len(paths))), len(paths) - 1)
    return sorted(sorted(paths, key=draw)[:count])


def _without(paths: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    left_out = set(others)
    return [path for path in paths if path not in left_out]


def _label(found: dict[str, list[Path]], classes: tuple[str, ...]) -> tuple[Labelled, ...]:
    labels = {name: label for label, name in enumerate(classes)}
    return tuple((path, labels[name]) for name in sorted(found) for path in found[name])
