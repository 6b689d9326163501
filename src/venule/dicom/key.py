"""The key to the pseudonyms: the photograph and patient behind each.

Apart from the archive's own files it is the only one that names patients; written on request only.
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from io import StringIO
from pathlib import Path

from venule.dicom.require import require_pydicom
from venule.errors import ImageError, OutputError
from venule.files.atomic import write_bytes
from venule.files.cells import Lines, inert

_KEYWORDS = {
    "patient_id": "PatientID",
    "accession_number": "AccessionNumber",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "instance_uid": "SOPInstanceUID",
}

_COLUMNS = ("name", "path", *_KEYWORDS, "acquired")


def write_key(
    path: Path,
    files: Iterable[tuple[str, Path]],
    *,
    overwrite: bool,
    read: Callable[[Path], bytes] = Path.read_bytes,
) -> None:
    """Write a CSV of names and paths with header data; readable by its owner only.

    `read` gives the content of a file, which may be stored zipped.

    A file that cannot be read has a row without header data. An existing key is replaced if all its
    photographs are among these, as when a run is resumed, or with `overwrite`; any other file
    never.

    Raises:
        OutputError: the key cannot be written, or the existing file must not be replaced.
        ImageError: pydicom is missing.
    """
    require_pydicom(path.name)
    lines = list(_lines(files, read))
    if os.path.lexists(path):
        before = _photographs_of(path)
        if before is None:
            raise OutputError(f"{path}: exists already and is no key; name a new file")
        if not overwrite and before - {(line["name"], line["path"]) for line in lines}:
            raise OutputError(
                f"{path}: exists already, with other photographs; replace it with --overwrite"
            )
    table = StringIO()
    writer = csv.DictWriter(Lines(table), _COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    write_bytes(path, table.getvalue().encode("utf-8", "surrogateescape"), mode=0o600)


def _photographs_of(key: Path) -> set[tuple[str, str]] | None:
    """Names and paths of the photographs of a key; None if the file is not a key."""
    try:
        with key.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.DictReader(file)
            if tuple(table.fieldnames or ()) != _COLUMNS:
                return None
            return {(row["name"], row["path"]) for row in table}
    except (OSError, csv.Error):
        return None


def _lines(
    files: Iterable[tuple[str, Path]], read: Callable[[Path], bytes]
) -> Iterator[dict[str, str]]:
    from venule.dicom.elements import quiet, read_elements, text
    from venule.dicom.header import acquisition_date

    for name, path in files:
        line = {"name": name, "path": str(path.absolute())}
        try:
            with quiet():
                header = read_elements(read(path), name)
                line |= {column: text(header, word) for column, word in _KEYWORDS.items()}
                line["acquired"] = acquisition_date(header)
        except (ImageError, OSError):
            pass
        yield {column: inert(cell) for column, cell in line.items()}
