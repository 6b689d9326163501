"""The key to the pseudonyms: which of them is which photograph of which patient.

It is the one file beside the archive's own that names patients, and is written only when asked for.
"""

import csv
import os
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

from venule.dicom.require import require_pydicom
from venule.errors import ImageError, OutputError
from venule.files.atomic import write_bytes
from venule.files.cells import inert

_KEYWORDS = {
    "patient_id": "PatientID",
    "accession_number": "AccessionNumber",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "instance_uid": "SOPInstanceUID",
}


def write_key(path: Path, files: Iterable[tuple[str, Path]], *, overwrite: bool) -> None:
    """Write a CSV of names and paths with what the headers say; only its owner may read it.

    A file that cannot be read has a line without the header's values.

    Raises:
        OutputError: it cannot be written, or exists and is not to be overwritten.
        ImageError: pydicom is missing.
    """
    require_pydicom(path.name)
    table = StringIO()
    writer = csv.DictWriter(table, ["name", "path", *_KEYWORDS, "acquired"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_lines(files))
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path}: exists already; replace it with --overwrite")
    write_bytes(path, table.getvalue().encode("utf-8", "surrogateescape"), mode=0o600)


def _lines(files: Iterable[tuple[str, Path]]) -> Iterator[dict[str, str]]:
    from venule.dicom.elements import quiet, read_elements, text
    from venule.dicom.header import acquisition_date

    for name, path in files:
        line = {"name": name, "path": str(path.absolute())}
        try:
            with quiet():
                header = read_elements(path.read_bytes(), name)
                line |= {column: text(header, word) for column, word in _KEYWORDS.items()}
                line["acquired"] = acquisition_date(header)
        except (ImageError, OSError):
            pass
        yield {column: inert(cell) for column, cell in line.items()}
