"""Tables on stdout: drawn on a terminal, plain aligned columns in a pipe."""

import sys


def print_table(rows: list[list[str]]) -> None:
    """Print rows of cells, the header first."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for index, heading in enumerate(rows[0]):
            table.add_column(Text(heading), justify="right" if index else "left")
        for row in rows[1:]:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print("  ".join(cells).rstrip())
