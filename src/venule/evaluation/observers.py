"""People who corrected masks, scored as human observers."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from venule.analysis.corrected_files import SUFFIX
from venule.data.layout import stem_of
from venule.data.protocols import Selection
from venule.errors import DatasetError

CORRECTED = "corrected:"
"""Prefix of an observer's name: `corrected:FOLDER`, a folder of corrected results."""


def find_corrected(folder: Path, selection: Selection) -> dict[str, Path]:
    """Find the corrected mask of every image, by the image's id.

    It is named like the photograph's file or the image's id, with `_mask.corrected.png`; folders in
    a name may be joined by `__`, as by `venule data from-corrections`. Without such a file, one in
    a subfolder is found by its own name alone.

    Raises:
        DatasetError: no such folder, or an image has no corrected mask, or two.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; give a folder of corrected results")
    whole: dict[str, list[Path]] = {}
    within: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        name = path.relative_to(folder).as_posix().removesuffix(SUFFIX)
        whole.setdefault(_normal(name.replace("/", "__")), []).append(path)
        within.setdefault(_normal(Path(name).name), []).append(path)
    found, missing = {}, []
    for case in selection.cases:
        accepted = {_normal(case.id), stem_of(case.image)}
        paths = _named(whole, accepted) or _named(within, accepted)
        if len(paths) > 1:
            names = ", ".join(path.relative_to(folder).as_posix() for path in paths)
            raise DatasetError(f"{folder}: {len(paths)} corrected masks for {case.id} ({names})")
        if not paths:
            missing.append(case.id)
        found[case.id] = paths[0] if paths else folder
    if missing:
        raise DatasetError(
            f"{folder}: {len(missing)} of {len(selection.cases)} images have no corrected mask "
            f"there (the first is {missing[0]}); score photographs that were corrected"
        )
    return found


def _named(files: Mapping[str, Sequence[Path]], names: Iterable[str]) -> list[Path]:
    return [path for name in names for path in files.get(name, ())]


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)
