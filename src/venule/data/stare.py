"""STARE as released: stare-images/, labels-ah/ and labels-vk/, PPM files with or without gzip.

Hoover et al., IEEE TMI 19(3), 2000, doi:10.1109/42.845178; https://cecas.clemson.edu/~ahoover/stare.
Adam Hoover's labels (ah) are the usual reference, Valentina Kouznetsova's (vk) the second expert.
The archives unpack without a folder, so all three may share one. There are no field-of-view
masks and no patient information.
"""

from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Layout, first_of, images_in, stems_in
from venule.data.protocol import Protocol, Splits

_NUMBERS = (1, 2, 3, 4, 5, 44, 77, 81, 82, 139, 162, 163, 235, 236, 239, 240, 255, 291, 319, 324)
IMAGES = tuple(f"im{number:04d}" for number in _NUMBERS)
"""The 20 images with vessel labels; the release has 397 photographs in all."""


def read(root: Path) -> Dataset:
    """The labelled STARE images found under `root`; ids are im0001 to im0324."""
    images, first, second = (
        images_in(_folder(root, name)) for name in ("stare-images", "labels-ah", "labels-vk")
    )
    cases = tuple(
        Case(
            id=name,
            image=images[name],
            first=first_of(first, [f"{name}.ah"]),
            second=first_of(second, [f"{name}.vk"]),
        )
        for name in IMAGES
        if name in images
    )
    return Dataset(name="STARE", root=root, cases=cases)


def recognizes(root: Path) -> bool:
    """True if one of the 20 labelled photographs is present."""
    return not set(IMAGES).isdisjoint(stems_in(_folder(root, "stare-images")))


def _folder(root: Path, name: str) -> Path:
    return root / name if (root / name).is_dir() else root


def _leave_one_out(ids: tuple[str, ...], *, held_out: int) -> Splits:
    """For every image: test on it, validate on the next `held_out` in the list, train on the rest.

    The list is circular: the first follows the last.
    """
    splits: dict[str, tuple[str, ...]] = {}
    for place, id in enumerate(ids):
        rest = ids[place + 1 :] + ids[:place]
        splits |= {
            f"train-{id}": rest[held_out:],
            f"val-{id}": rest[:held_out],
            f"test-{id}": (id,),
        }
    return splits


PROTOCOLS = (
    Protocol(
        name="loo",
        source="no official split; leave one out over the 20 labelled images, as Soares et al. "
        "2006 and others; val-ID is the 3 images after ID, ours",
        splits=_leave_one_out(IMAGES, held_out=3),
    ),
)


LAYOUT = Layout(
    name="STARE",
    folders=("STARE", "stare"),
    looked_for="stare-images/im0001.ppm or .ppm.gz",
    truth="labels-ah/{id}.ah.ppm",
    recognizes=recognizes,
    read=read,
    protocols=PROTOCOLS,
)
