"""Results on standard output, for people and for programs."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else there.")
]
CatalogOption = Annotated[
    str, typer.Option("--catalog", "-c", help="The catalog: a folder, or s3:// or gs:// address.")
]


def emit(document: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(document, default=str, allow_nan=False))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table for people on standard output."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title or None, title_justify="left")
    for i, column in enumerate(columns):
        drawn.add_column(column, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*(f"{x:.3f}" if isinstance(x, float) else str(x) for x in row))
    Console().print(drawn)


def say(text: str) -> None:
    """Print a line for people on standard output."""
    print(text)
