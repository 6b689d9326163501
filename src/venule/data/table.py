"""A data set given as a CSV file of id,image,label[,fov,split,patient]."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from venule.data.case import Case, Dataset
from venule.data.layout import Layout
from venule.data.protocol import as_filed
from venule.errors import DatasetError
from venule.files.table import read_rows

REQUIRED = ("id", "image", "label")
OPTIONAL = ("fov", "split", "patient")


def read(path: Path) -> Dataset:
    """Read one case per row; paths are relative to the CSV file, and an empty cell means none.

    Raises:
        DatasetError: not readable as CSV, a column missing or unknown, an empty id or image,
            an id that is not a valid file name, or a duplicate id. Missing files are left to
            `venule data check`.
    """
    cases = tuple(_case(path, line, row) for line, row in read_rows(path, _check_columns))
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise DatasetError(f"{path}: id {case.id} is in two rows; ids must be unique")
        seen.add(case.id)
    return Dataset(name="csv", root=path.parent, cases=cases)


def recognizes(path: Path) -> bool:
    """True if `path` is a file that ends in .csv."""
    return path.suffix.lower() == ".csv" and path.is_file()


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    known = (*REQUIRED, *OPTIONAL)
    for column in columns:
        if column not in known:
            near = difflib.get_close_matches(column.lower(), known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise DatasetError(
                f"{path}: unknown column {column!r}; {hint}Known: {', '.join(known)}"
            )
    if missing := [column for column in REQUIRED if column not in columns]:
        raise DatasetError(
            f"{path}: no column {', '.join(missing)}; the first line must be "
            f"{','.join(REQUIRED)} and any of {','.join(OPTIONAL)}"
        )


def _case(path: Path, line: int, row: Mapping[str, str]) -> Case:
    def file(column: str) -> Path | None:
        return path.parent / row[column] if row.get(column) else None

    image = file("image")
    if image is None or not row["id"]:
        raise DatasetError(f"{path}: line {line} has no {'image' if row['id'] else 'id'}")
    if set(row["id"]) & set("/\\"):
        raise DatasetError(
            f"{path}: line {line} has the id {row['id']}; it names files, so use another "
            "character for / and \\"
        )
    return Case(
        id=row["id"],
        image=image,
        fov=file("fov"),
        first=file("label"),
        split=row.get("split") or None,
        patient=row.get("patient") or None,
    )


LAYOUT = Layout(
    name="csv",
    looked_for="a .csv file with the columns id,image,label",
    truth="",
    recognizes=recognizes,
    read=read,
    protocols=as_filed,
)
