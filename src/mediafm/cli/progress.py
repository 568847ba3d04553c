"""Progress as people and programs see it, on standard error: drawn on a terminal, JSON lines elsewhere."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mediafm.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

FADE_S = 60.0  # what lies this far back counts a third of what was just done
LINES_S = (5.0, 60.0)  # seconds between two lines: 5 at first, a twentieth of the time spent later, 60 at most
REDRAWS_PER_S = 4  # a drawing takes a millisecond of the core that also trains


class Pace:
    """How far a stage is and how fast it goes, recent minutes before older ones.

    Amounts and seconds fade alike, so the rate is a mean over time whether a unit takes a millisecond or an hour.
    """

    def __init__(self, total: int | None, done: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done = total, done
        self._clock = clock
        self.began = self._last = clock()
        self._units = self._parts = self._seconds = 0.0

    def add(self, units: int, parts: float = 0) -> None:
        """Count what was done since the last call."""
        now = self._clock()
        keep = math.exp((self._last - now) / FADE_S)
        self._units = self._units * keep + units
        self._parts = self._parts * keep + parts
        self._seconds = self._seconds * keep + now - self._last
        self._last = now
        self.done += units

    @property
    def seconds(self) -> float:
        """Spent on the stage so far."""
        return self._clock() - self.began

    @property
    def rate(self) -> float | None:
        """Units a second; None before any were done."""
        return self._units / self._seconds if self._units > 0 and self._seconds > 0 else None

    @property
    def part_rate(self) -> float | None:
        """Parts a second; None before any were done."""
        return self._parts / self._seconds if self._parts > 0 and self._seconds > 0 else None

    @property
    def left_s(self) -> float | None:
        """Seconds to the end at this pace, the time since the last unit taken off; None where that is not known."""
        if self.total is None or self.rate is None:
            return None
        return max((self.total - self.done) / self.rate - (self._clock() - self._last), 0.0)


class _Stage:
    """One stage as both receivers keep it; between two drawings it only counts."""

    def __init__(self, name: str, total: int | None, unit: str, done: int, parts: str) -> None:
        self.name, self.unit, self.parts = name, unit, parts
        self.pace = Pace(total, done)
        self.facts: dict[str, Any] = {}

    def advance(self, amount: int, parts: float, facts: Mapping[str, Any]) -> None:
        self.pace.add(amount, parts)
        self.facts.update(facts)

    @property
    def rate(self) -> tuple[float | None, str]:
        """The rate worth showing, and its unit."""
        return (self.pace.part_rate, self.parts) if self.parts else (self.pace.rate, self.unit)


class LineProgress:
    """Structured progress where no terminal listens: a JSON line at a stage's start and end and now and then between.

    Keys: stage, done, total, unit, seconds, rate with rate_unit, left_s (null while unknown), then the stage's facts;
    the last line has `ended`. A note is a line with `note`.
    """

    def __init__(self) -> None:
        self._stage: _Stage | None = None
        self._due = 0.0

    def start(self, stage: str, total: int | None, unit: str, done: int = 0, parts: str = "") -> None:
        """Begin a stage."""
        self._stage = _Stage(stage, total, unit, done, parts)
        self._line()

    def advance(self, amount: int = 1, parts: float = 0, **facts: Any) -> None:
        """Count, and write a line when one is due."""
        if self._stage is None:
            return
        self._stage.advance(amount, parts, facts)
        if time.monotonic() >= self._due:
            self._line()

    def note(self, text: str) -> None:
        """Write a line of its own."""
        _print_json({"stage": self._stage.name if self._stage else "", "note": text})

    def end(self, **facts: Any) -> None:
        """Close the stage with its last line."""
        if self._stage is not None:
            self._stage.facts.update(facts)
            self._line(ended=True)
        self._stage = None

    def _line(self, **more: Any) -> None:
        stage = self._stage
        assert stage is not None
        pace, (rate, rate_unit) = stage.pace, stage.rate
        self._due = time.monotonic() + min(max(pace.seconds / 20, LINES_S[0]), LINES_S[1])
        standing = {"stage": stage.name, "done": pace.done, "total": pace.total, "unit": stage.unit}
        timing = {
            "seconds": round(pace.seconds, 1),
            "rate": _rounded(rate),
            "rate_unit": f"{rate_unit}/s",
            "left_s": _rounded(pace.left_s),
        }
        _print_json({**standing, **timing, **stage.facts, **more})


class TerminalProgress:
    """Progress drawn on a terminal: bar, rate and time left; below them the facts a stage thinks worth showing."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.spinner import Spinner

        self._console = Console(stderr=True)
        self._spinner = Spinner("dots")
        self._live: Live | None = None
        self._stage: _Stage | None = None
        self._ended_s: float | None = None

    def start(self, stage: str, total: int | None, unit: str, done: int = 0, parts: str = "") -> None:
        """Begin a stage with a drawing of its own."""
        from rich.live import Live

        self.close()
        self._stage, self._ended_s = _Stage(stage, total, unit, done, parts), None
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=REDRAWS_PER_S)
        self._live.start()

    def advance(self, amount: int = 1, parts: float = 0, **facts: Any) -> None:
        """Count; the drawing follows by itself."""
        if self._stage is not None:
            self._stage.advance(amount, parts, facts)

    def note(self, text: str) -> None:
        """Print a line above the drawing."""
        self._console.print(text, markup=False, highlight=False, style="yellow")

    def end(self, **facts: Any) -> None:
        """Finish the drawing and leave it on the screen."""
        if self._stage is not None:
            self._stage.facts.update(facts)
            self._ended_s = self._stage.pace.seconds
        self.close()

    def close(self) -> None:
        """Give the terminal back as it was, the last drawing above."""
        if self._live is not None:
            self._live.stop()
        self._live = None

    def _draw(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        stage = self._stage
        if stage is None:
            return Text("")
        pace, (rate, unit) = stage.pace, stage.rate
        bar = ProgressBar(total=pace.total, completed=pace.done, width=28, pulse=pace.total is None)
        count = f"{pace.done:,}" if pace.total is None else f"{pace.done:,}/{pace.total:,}"
        timing = f"{_clock(pace.left_s)} left" if self._ended_s is None else f"in {_clock(self._ended_s)}"
        pace_text = f"{_short(rate)} {unit}/s" if rate else ""
        sign = self._spinner if self._ended_s is None else Text(" ")
        line = Table.grid(padding=(0, 1))
        line.add_row(sign, stage.name, bar, f"{count} {stage.unit}", pace_text, timing)
        facts = facts_line(stage.facts)
        return Group(line, Text(f"  {facts}", style="dim")) if facts else line


def facts_line(facts: Mapping[str, Any]) -> str:
    """Facts for people: `loss 0.712  title mean 0.851`."""
    return "  ".join(
        f"{k.replace('_', ' ')} {v:.3f}" if isinstance(v, float) else f"{k.replace('_', ' ')} {v}"
        for k, v in facts.items()
    )


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
        terminal.close()


def _print_json(line: Mapping[str, Any]) -> None:
    # What is not known yet, such as the best loss before the first evaluation, may be infinite: no JSON number is.
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
    print(json.dumps(finite, default=str), file=sys.stderr, flush=True)


def _rounded(value: float | None) -> float | None:
    """To three significant digits, whole numbers in full."""
    if value is None:
        return None
    return float(round(value)) if value >= 100 else float(f"{value:.3g}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _clock(seconds: float | None) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
