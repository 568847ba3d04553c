"""The small drawings inside tables: a score as a bar with its interval, a difference on both sides of zero."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mediafm.probes.report import svg
from mediafm.probes.report.numbers import between, decimal, signed
from mediafm.probes.result import Difference, LabelScore, ProbeRow

WIDTH, HEIGHT, EDGE = 150.0, 22.0, 6.0
MIDDLE = HEIGHT / 2
LOWEST = -1.0  # R2 has no lower bound: what is worse is drawn at the edge


@dataclass(frozen=True, slots=True)
class Bars:
    """All bars of one column share a scale, from zero to a round number above the best."""

    scale: svg.Scale

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Bars":
        """A scale on which all values find room; None is left out."""
        held = [value for value in values if value is not None and math.isfinite(value)]
        low = max(min([0.0, *held]), LOWEST)
        return cls(svg.Scale(-_round_up(-low) or 0.0, _round_up(max([0.1, *held])), EDGE, WIDTH - EDGE))

    @classmethod
    def of_rows(cls, rows: Sequence[ProbeRow]) -> "Bars":
        """For the scores of a table."""
        return cls.of(value for row in rows for value in (row.score, row.low, row.high, row.chance))

    @property
    def axis(self) -> Markup:
        """The scale's values, for the head of the column."""
        return _axis(self.scale)

    def score(self, row: ProbeRow, part: str) -> Markup:
        """A bar, the interval across it, and where chance is."""
        place = self.scale
        interval = f", 95 % interval {between(row.low, row.high)}" if row.low is not None else ""
        return _drawing(
            f"{decimal(row.score)}{interval}, chance {decimal(row.chance)}",
            _bar(place(0), place(row.score), part),
            _chance(place(row.chance)),
            _whisker(place, row.low, row.high),
            svg.marker(part, place(row.score), MIDDLE, size=3),
        )

    def label(self, label: LabelScore, concat: LabelScore | None) -> Markup:
        """A label's score, with marks where concat and chance are."""
        place = self.scale
        beside = f", concat {decimal(concat.score)}" if concat else ""
        return _drawing(
            f"{decimal(label.score)}{beside}, chance {decimal(label.chance)}",
            _bar(place(0), place(label.score), "focus"),
            _chance(place(label.chance)),
            svg.marker("concat", place(concat.score), MIDDLE, hollow=True, size=3.6) if concat else "",
            svg.marker("focus", place(label.score), MIDDLE, size=3),
        )


@dataclass(frozen=True, slots=True)
class Forest:
    """Differences on one scale with zero in the middle. A filled mark is a real one, a hollow one may be chance."""

    scale: svg.Scale

    @classmethod
    def of(cls, differences: Iterable[Difference | None]) -> "Forest":
        """A scale on which all of them find room."""
        bounds = [abs(v) for d in differences if d for v in (d.difference, d.low, d.high) if v is not None]
        reach = _round_up(max([0.01, *bounds]))
        return cls(svg.Scale(-reach, reach, EDGE, WIDTH - EDGE))

    @property
    def axis(self) -> Markup:
        """The scale's values, for the head of the column."""
        return _axis(self.scale)

    def difference(self, difference: Difference, real: bool) -> Markup:
        """A mark with its interval, and the line of no difference."""
        place = self.scale
        interval = f", 95 % interval {between(difference.low, difference.high, signs=True)}"
        return _drawing(
            signed(difference.difference) + (interval if difference.low is not None else ""),
            svg.line(place(0), 0, place(0), HEIGHT, "zero"),
            _whisker(place, difference.low, difference.high),
            svg.marker("plain", place(difference.difference), MIDDLE, hollow=not real, size=3.6),
        )


def leaves_out_zero(difference: Difference) -> bool:
    """Whether its own interval does, whatever else is in the table."""
    return difference.low is not None and difference.high is not None and difference.low * difference.high > 0


def _drawing(label: str, *parts: str) -> Markup:
    return svg.picture(WIDTH, HEIGHT, label, *parts, class_="cell")


def _bar(zero: float, end: float, part: str) -> Markup:
    return svg.tag("rect", x=min(zero, end), y=MIDDLE - 5, width=abs(end - zero), height=10, class_=f"bar {part}")


def _chance(x: float) -> Markup:
    return svg.line(x, 1, x, HEIGHT - 1, "chance")


def _whisker(place: svg.Scale, low: float | None, high: float | None) -> Markup:
    if low is None or high is None:
        return Markup("")
    ends = [svg.line(place(v), MIDDLE - 3.5, place(v), MIDDLE + 3.5, "whisker") for v in (low, high)]
    return Markup("").join([svg.line(place(low), MIDDLE, place(high), MIDDLE, "whisker"), *ends])


def _axis(scale: svg.Scale) -> Markup:
    """Ends of the scale and zero."""
    values = dict.fromkeys((scale.low, 0.0, scale.high))
    anchors = {scale.low: "start", scale.high: "end"}
    parts = [svg.text(_at_edge(scale, v), 11, svg.tick_text(v), anchors.get(v, "middle")) for v in values]
    ticks = [svg.line(scale(v), 14, scale(v), 18, "axis") for v in values]
    line = svg.line(scale.start, 18, scale.stop, 18, "axis")
    return svg.tag("svg", *parts, *ticks, line, class_="cell", viewBox="0 0 150 20", aria_hidden="true")


def _at_edge(scale: svg.Scale, value: float) -> float:
    """Where a tick's value is written: at the ends flush with the drawing."""
    return {scale.low: scale.start - 4, scale.high: scale.stop + 4}.get(value, scale(value))


def _round_up(value: float) -> float:
    """The next round number: 0.15 -> 0.2, 0.61 -> 0.8, 0.83 -> 1."""
    if value <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(round(size * m, 12) for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if size * m >= value - 1e-12)
