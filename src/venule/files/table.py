"""Strict reading of CSV tables that users write."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from venule.errors import DatasetError


def read_rows(
    path: Path, check: Callable[[Path, Sequence[str]], None]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield every row by column, with the line number of its end; cells are stripped of blanks.

    `check` raises an error for columns that the table may not have, before any row is read.

    Raises:
        DatasetError: not readable as CSV in UTF-8, a column occurs twice, or a row has more or
            fewer cells than the first line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [name.strip() for name in reader.fieldnames or ()]
            for name in columns:
                if columns.count(name) > 1:
                    raise DatasetError(
                        f"{path}: the column {name!r} occurs twice; keep one of them"
                    )
            check(path, columns)
            for row in reader:
                # csv stores extra cells under None and pads short rows with it.
                cells = {(key or "").strip(): value for key, value in row.items()}
                if any(not isinstance(value, str) for value in cells.values()):
                    raise DatasetError(
                        f"{path}: line {reader.line_num} has more or fewer cells than line 1"
                    )
                yield reader.line_num, {key: str(value).strip() for key, value in cells.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: not readable as CSV ({error}); save it as UTF-8") from error
