"""The list of supported data sets, and how a name or a path is resolved to one of them."""

import difflib
import os
from pathlib import Path

from venule.data import avrdb, chase, drive, fives, folders, hrf, idrid, ridb, rite, stare, table
from venule.data.case import Dataset
from venule.data.layout import Layout
from venule.errors import DatasetError

LAYOUTS: tuple[Layout, ...] = (
    drive.LAYOUT,
    stare.LAYOUT,
    chase.LAYOUT,
    hrf.LAYOUT,
    fives.LAYOUT,
    rite.LAYOUT,
    avrdb.LAYOUT,
    idrid.LAYOUT,
    ridb.LAYOUT,
    folders.DEEPLAB,
    folders.PLAIN,
    table.LAYOUT,
)
"""Every layout; a new data set is one more module and one more entry here."""

DATA_VARIABLE = "VENULE_DATA"


def open_dataset(spec: str, *, data_root: Path | None = None) -> Dataset:
    """Open the data set given by `spec`: "NAME", "NAME=PATH" or "PATH".

    A bare path is recognised by its layout. A bare name is looked up by its usual folder names
    under `data_root` or the environment variable VENULE_DATA. A known name takes precedence over a
    folder of the same name in the current directory; write ./drive for the folder. PATH may contain
    environment variables, as in $VENULE_DATA/mine.

    Raises:
        DatasetError: nothing is there, its layout is unknown, or it matches more than one.
    """
    spec = os.path.expandvars(spec)
    name, separator, path = spec.partition("=")
    layout = find_layout(name)
    if layout is not None and separator:
        return _read_as(layout, Path(path).expanduser())
    if layout is not None:
        return layout.read(_find_root(layout, data_root))
    root = Path(spec).expanduser()
    if root.exists():
        return _recognize(root).read(root)
    if separator or not _looks_like_path(spec):
        raise DatasetError(_unknown_name(name))
    raise DatasetError(
        f"{spec}: no such file or folder; give the folder a data set was unpacked to"
    )


def installed(*, data_root: Path | None = None) -> tuple[Dataset, ...]:
    """Every data set under `data_root` or VENULE_DATA in one of its usual folders.

    Raises:
        DatasetError: neither is given, or no known data set is there.
    """
    root = _data_root(data_root, "no data set given")
    places = [(layout, _find_below(root, layout)) for layout in LAYOUTS]
    found = [(layout, place) for layout, place in places if place is not None]
    if not found:
        folders = ", ".join(f"{layout.folders[0]}/" for layout in LAYOUTS if layout.folders)
        raise DatasetError(f"{root}: none of {folders} is there; give NAME=PATH or PATH")
    return tuple(layout.read(place) for layout, place in found)


def find_layout(name: str) -> Layout | None:
    """The layout with this name or alias, ignoring case; None if there is none."""
    wanted = name.casefold()
    return next((layout for layout in LAYOUTS if wanted in _names(layout)), None)


def _names(layout: Layout) -> tuple[str, ...]:
    return tuple(name.casefold() for name in (layout.name, *layout.aliases))


def _looks_like_path(spec: str) -> bool:
    return any(mark in spec for mark in (os.sep, "/", "~", "."))


def _unknown_name(name: str) -> str:
    known = [name for layout in LAYOUTS for name in _names(layout)]
    near = difflib.get_close_matches(name.casefold(), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return (
        f"unknown data set {name!r}; {hint}known: "
        f"{', '.join(layout.name.casefold() for layout in LAYOUTS)}; or give a path"
    )


def _read_as(layout: Layout, root: Path) -> Dataset:
    if not root.exists():
        raise DatasetError(f"{layout.name}: {root} does not exist; give the folder that holds it")
    if not layout.recognizes(root):
        raise DatasetError(
            f"{layout.name}: {root} does not have its layout; looked for {layout.looked_for}"
            f"{_nearby(root)}"
        )
    return layout.read(root)


def _find_root(layout: Layout, data_root: Path | None) -> Path:
    if not layout.folders:
        raise DatasetError(f"{layout.name}: give its location, as {layout.name}=PATH")
    data_root = _data_root(data_root, layout.name)
    found = _find_below(data_root, layout)
    if found is None:
        usual = " or ".join(f"{folder}/" for folder in layout.folders)
        raise DatasetError(
            f"{layout.name}: not under {data_root} (looked for {usual} with {layout.looked_for}); "
            f"set {DATA_VARIABLE} to the folder that holds it, or use {layout.name.casefold()}=PATH"
        )
    return found


def _find_below(data_root: Path, layout: Layout) -> Path | None:
    """The first of its usual folders that holds the data set."""
    candidates = (data_root / folder for folder in layout.folders)
    return next((root for root in candidates if layout.recognizes(root)), None)


def _data_root(data_root: Path | None, what: str) -> Path:
    if data_root is not None:
        return data_root
    if value := os.environ.get(DATA_VARIABLE):
        return Path(value).expanduser()
    raise DatasetError(
        f"{what}: {DATA_VARIABLE} is not set; set it to the folder that holds DRIVE/, CHASE_DB1/ "
        f"and so on, or give the data set's location, as NAME=PATH"
    )


def _recognize(root: Path) -> Layout:
    found = [layout for layout in LAYOUTS if layout.recognizes(root)]
    if len(found) == 1:
        return found[0]
    if found:
        names = [layout.name.casefold() for layout in found]
        raise DatasetError(
            f"{root}: could be {' or '.join(names)}; say which, as {names[0]}={root}"
        )
    looked_for = "; ".join(f"{layout.name}: {layout.looked_for}" for layout in LAYOUTS)
    raise DatasetError(
        f"{root}: not a data set layout we know{_nearby(root)}. Looked for {looked_for}"
    )


_OWN = frozenset(["images", "labels", "masks", "fov"])
"""The folders of the layout for a user's own data."""


def _nearby(root: Path) -> str:
    """A hint that a parent or child folder is a data set; empty if none is."""
    below = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    capitals = [path.name for path in below if path.name.lower() in _OWN and path.name not in _OWN]
    if capitals:
        small = ", ".join(f"{name}/ to {name.lower()}/" for name in capitals)
        return f" (rename {small}: names must be lower case)"
    for near in (root.resolve().parent, *below):
        for layout in LAYOUTS:
            if layout.folders and layout.recognizes(near):
                return f" (but {near} is {layout.name}: give that folder)"
    return ""
