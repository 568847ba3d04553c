"""What people and programs see: progress on standard error, results on standard output."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from mediafm.progress import Progress

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else there.")
]
CatalogOption = Annotated[
    str, typer.Option("--catalog", "-c", help="The catalog: a folder, or s3:// or gs:// address.")
]

LINE_EVERY_S = 5.0


class LineProgress:
    """Structured progress where no terminal listens: a JSON line at a stage's start, end and every few seconds."""

    def __init__(self) -> None:
        self._stage = ""
        self._total: int | None = None
        self._done = 0
        self._facts: dict[str, Any] = {}
        self._started = self._last = 0.0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage."""
        self._stage, self._total, self._done, self._facts = stage, total, 0, {}
        self._started = self._last = time.monotonic()
        self._line(unit=unit)

    def advance(self, amount: int = 1, **facts: Any) -> None:
        """Count, and write a line when one is due."""
        self._done += amount
        self._facts.update(facts)
        if time.monotonic() - self._last >= LINE_EVERY_S:
            self._last = time.monotonic()
            self._line()

    def end(self, **facts: Any) -> None:
        """Close the stage with its last line."""
        self._facts.update(facts)
        self._line(ended=True)

    def _line(self, **more: Any) -> None:
        elapsed = round(time.monotonic() - self._started, 1)
        line = {
            "stage": self._stage,
            "done": self._done,
            "total": self._total,
            "seconds": elapsed,
            **self._facts,
            **more,
        }
        print(json.dumps(line, default=str), file=sys.stderr, flush=True)


class TerminalProgress:
    """Progress drawn on a terminal: bar, rate, time left, and the facts a stage thinks worth showing."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[facts]}", style="dim"),
            console=Console(stderr=True),
        )
        self._task: Any = None
        self._facts: dict[str, Any] = {}

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin a stage with a bar of its own."""
        self._bars.start()
        self._facts = {}
        self._task = self._bars.add_task(stage, total=total, unit=unit, facts="")

    def advance(self, amount: int = 1, **facts: Any) -> None:
        """Move the bar."""
        self._facts.update(facts)
        self._bars.update(self._task, advance=amount, facts=_facts_line(self._facts))

    def end(self, **facts: Any) -> None:
        """Finish the bar and leave it on the screen."""
        self._facts.update(facts)
        self._bars.update(self._task, facts=_facts_line(self._facts))
        self._bars.stop_task(self._task)
        self._bars.stop()


def _facts_line(facts: Mapping[str, Any]) -> str:
    return "  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in facts.items())


@contextmanager
def progress() -> Iterator[Progress]:
    """The progress receiver that fits where standard error goes; restores the terminal on any exit."""
    if not sys.stderr.isatty():
        yield LineProgress()
        return
    terminal = TerminalProgress()
    try:
        yield terminal
    finally:
        terminal._bars.stop()


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
