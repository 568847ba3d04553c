"""Small drawings as SVG that sits inside the page: it takes colours and text size from the page's style.

Charts are drawn 360 wide, as wide as a phone, so that their text is never shrunk until it cannot be read.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate to a tenth, as short as it goes."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def tag(element: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element. Children are escaped unless they are Markup; `class_` is written class, `stroke_width` stroke-width.

    Attributes that are None are left out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value if isinstance(value, str) else number(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{element}{written}>{''.join(escape(child) for child in children)}</{element}>")


def picture(width: float, height: float, label: str, *children: str, class_: str = "chart") -> Markup:
    """An <svg> that says in words what it shows."""
    box = f"0 0 {number(width)} {number(height)}"
    return tag("svg", *children, class_=class_, viewBox=box, role="img", aria_label=label)


def path(points: Iterable[Point], class_: str) -> Markup:
    """A line through points."""
    drawn = "".join(f"{'L' if i else 'M'}{number(x)} {number(y)}" for i, (x, y) in enumerate(points))
    return tag("path", d=drawn, class_=class_)


def text(x: float, y: float, content: str, anchor: str = "start", class_: str = "t") -> Markup:
    """A piece of text; anchor: start, middle or end."""
    return tag("text", content, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def marker(part: str, x: float, y: float, hollow: bool = False, size: float = 3.6) -> Markup:
    """A mark whose shape, not only its colour, says whose it is: circle, square, triangle."""
    class_ = f"mark {part}{' hollow' if hollow else ''}"
    if part == "concat":
        side = size * 0.9
        return tag("rect", x=x - side, y=y - side, width=2 * side, height=2 * side, class_=class_)
    if part == "around":
        corners = f"M{number(x)} {number(y - size * 1.1)}l{number(size)} {number(size * 1.9)}h{number(-2 * size)}z"
        return tag("path", d=corners, class_=class_)
    return tag("circle", cx=x, cy=y, r=size, class_=class_)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values [low, high] to places [start, stop] on the page; values beyond are drawn at the edge."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where a value is drawn."""
        span = self.high - self.low
        share = 0.5 if span == 0 else (min(max(value, self.low), self.high) - self.low) / span
        return self.start + share * (self.stop - self.start)

    def ticks(self, about: int = 4) -> list[float]:
        """Round values inside, about so many."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        rough = span / about
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(i * step, 10) + 0.0 for i in range(first, last + 1)]


def tick_text(value: float) -> str:
    """A tick's value as short as it goes, with a true minus sign."""
    return f"{value:.10g}".replace("-", "\u2212")


@dataclass(frozen=True, slots=True)
class Plot:
    """The area of a chart: scales whose starts and stops are its edges."""

    x: Scale
    y: Scale

    def frame(
        self, x_title: str, y_title: str, x_ticks: Sequence[tuple[float, str]] | None = None, below: float = 0
    ) -> Markup:
        """Grid, tick values and titles; the y title stands above, so that nobody has to turn their head.

        below: room between the area and the x axis' values, where something else is drawn.
        """
        left, right, floor = self.x.start, self.x.stop, self.y.start
        named = x_ticks if x_ticks is not None else [(value, tick_text(value)) for value in self.x.ticks()]
        parts = [line(left, self.y(v), right, self.y(v), "grid") for v in self.y.ticks()]
        parts += [text(left - 7, self.y(v) + 4, tick_text(v), "end") for v in self.y.ticks()]
        parts += [line(self.x(v), floor, self.x(v), floor + 4, "axis") for v, _ in named]
        parts += [text(self.x(v), floor + below + 17, name, "middle") for v, name in named]
        parts.append(line(left, floor, right, floor, "axis"))
        parts.append(text(left, self.y.stop - 10, y_title, class_="t title"))
        parts.append(text(right, floor + below + 33, x_title, "end", class_="t title"))
        return Markup("").join(parts)

    def through(self, points: Iterable[Point], class_: str) -> Markup:
        """A line through values."""
        return path([(self.x(x), self.y(y)) for x, y in points], class_)
