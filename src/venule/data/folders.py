"""A user's own folders: images/ with labels/, and the train/validation folders of DeepLabV3.

The second is the layout of Manshi3's DeepLabV3 vessel segmentation (after DebuggerCafe), made
from DRIVE's training images: train_images/, train_masks/, valid_images/, valid_masks/ and
test_images/, whose photographs have no annotation.
"""

import re
from collections import Counter
from pathlib import Path

from venule.data.case import Annotation, Case, Dataset
from venule.data.layout import Layout, first_of, images_in, stems_in
from venule.data.protocol import as_filed
from venule.data.truth import ArteryVein, Codec, Landmarks
from venule.errors import DatasetError

_PARTS = {"train": "train", "valid": "val", "test": "test"}
_DRIVE_NAME = re.compile(r"(\d\d)_(?:training|test)")


def read_plain(root: Path) -> Dataset:
    """The photographs in images/ with the label and field of view of the same stem, their id.

    Labels are in labels/, or in masks/ if there is no labels/; fields of view in fov/ if known,
    arteries and veins in av/ (red and blue, green where they cross), outlined optic discs in disc/.

    Raises:
        DatasetError: labels/ and masks/ both exist, so that masks/ is ambiguous.
    """
    if (root / "labels").is_dir() and (root / "masks").is_dir():
        raise DatasetError(
            f"{root}: has labels/ and masks/; keep the vessels in labels/ and rename masks/ to "
            f"fov/ if it holds fields of view"
        )
    labels = images_in(root / "labels") or images_in(root / "masks")
    fovs, types, discs = (images_in(root / part) for part in ("fov", "av", "disc"))
    cases = tuple(
        Case(
            id=stem,
            image=path,
            fov=fovs.get(stem),
            first=labels.get(stem),
            av=_annotation(types.get(stem), ArteryVein()),
            landmarks=_annotation(discs.get(stem), Landmarks(outlined=True)),
        )
        for stem, path in images_in(root / "images").items()
    )
    return Dataset(name="folders", root=root, cases=cases)


def _annotation(path: Path | None, codec: Codec) -> Annotation | None:
    return None if path is None else Annotation(path, codec)


def recognizes_plain(root: Path) -> bool:
    """True if images/ has photographs and there is a labels/, masks/ or disc/."""
    labelled = any((root / part).is_dir() for part in ("labels", "masks", "disc"))
    return labelled and bool(stems_in(root / "images"))


def read_deeplab(root: Path) -> Dataset:
    """The photographs in train_images/, valid_images/ and test_images/, splits train, val, test.

    A mask has the photograph's stem, or DRIVE's name for it (21_manual1 for 21_training). The id
    is the stem, prefixed with the split if a stem occurs in two folders.
    """
    parts = {split: images_in(root / f"{folder}_images") for folder, split in _PARTS.items()}
    occurs = Counter(stem for images in parts.values() for stem in images)
    shared = any(count > 1 for count in occurs.values())
    cases = []
    for folder, split in _PARTS.items():
        masks = images_in(root / f"{folder}_masks")
        for stem, path in parts[split].items():
            id = f"{split}-{stem}" if shared else stem
            first = first_of(masks, _mask_stems(stem))
            cases.append(Case(id=id, image=path, first=first, split=split))
    return Dataset(name="deeplab-folders", root=root, cases=tuple(cases))


def recognizes_deeplab(root: Path) -> bool:
    """True if train_images/ and train_masks/ exist, or the same for valid."""
    return any(
        (root / f"{part}_images").is_dir() and (root / f"{part}_masks").is_dir()
        for part in ("train", "valid")
    )


def _mask_stems(stem: str) -> tuple[str, ...]:
    match = _DRIVE_NAME.fullmatch(stem)
    return (stem,) if match is None else (stem, f"{match[1]}_manual1")


PLAIN = Layout(
    name="folders",
    looked_for="images/ with photographs, and labels/ (or masks/) with the same names",
    truth="labels/{stem}.png",
    recognizes=recognizes_plain,
    read=read_plain,
    protocols=as_filed,
)

DEEPLAB = Layout(
    name="deeplab-folders",
    aliases=("deeplab",),
    looked_for="train_images/ and train_masks/, or valid_images/ and valid_masks/",
    truth="{part}_masks/{stem}.png",
    recognizes=recognizes_deeplab,
    read=read_deeplab,
    protocols=as_filed,
)
