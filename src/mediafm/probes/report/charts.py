"""Charts of the page that show curves over thresholds and probabilities.

Where there are several labels, one drawing holds them all, each in a group of class v0, v1, ... (v0: all labels
together); the page's style shows the one that is picked, without a script.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from mediafm.probes.report import svg
from mediafm.probes.report.measures import RECALLS, Bins, Curve, calibration_of, precision_recall
from mediafm.probes.report.numbers import decimal, short_count
from mediafm.probes.report.predictions import Said

FEW = 10  # a bin with fewer predictions is drawn hollow


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend. part: whose line it is; value: the number that sums it up."""

    part: str
    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A chart's numbers as a table."""

    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its words. legends: one for each view that can be picked."""

    title: str
    note: str
    drawing: Markup
    legends: list[list[Entry]]
    numbers: Numbers | None = field(default=None)


def plot(low_x: float, high_x: float, low_y: float, high_y: float, height: float = 280, floor: float = 42) -> svg.Plot:
    """A plot area, 360 wide; floor: room below it."""
    return svg.Plot(svg.Scale(low_x, high_x, 42, 348), svg.Scale(low_y, high_y, height - floor, 30))


def precision_recall_chart(said: Mapping[str, Said], views: Sequence[int | None], micro: bool) -> Chart:
    """Precision at each recall of a few feature sets (by part), and the share of positives as the level of chance."""
    area, drawn, legends = plot(0, 1, 0, 1), [], []
    for number, view in enumerate(views):
        curves = {part: precision_recall(one, view, micro) for part, one in said.items()}
        prevalence = curves["focus"].prevalence
        lines = [svg.line(area.x(0), area.y(prevalence), area.x(1), area.y(prevalence), "line chance")]
        lines += [_curve(area, curve, part) for part, curve in reversed(curves.items())]
        drawn.append(view_group(number, lines, len(views)))
        legends.append([
            *(Entry(part, said[part].features, decimal(curve.area)) for part, curve in curves.items()),
            Entry("chance", "share of positives", decimal(prevalence)),
        ])  # fmt: skip
    label = "Precision against recall. " + _read_out(legends[0], "average precision")
    drawing = svg.picture(360, 280, label, area.frame("recall", "precision"), *drawn)
    return Chart("Precision and recall", _averaging(next(iter(said.values())), micro), drawing, legends)


def _curve(area: svg.Plot, curve: Curve, part: str) -> Markup:
    known = ~np.isnan(curve.precision)
    points = list(zip(RECALLS[known].tolist(), curve.precision[known].tolist(), strict=True))
    return area.through(points, f"line {part}")


def _averaging(said: Said, micro: bool) -> str:
    folds, labels = len(said.folds), len(said.labels)
    steps = []
    if labels > 1:
        steps.append("of all labels: every (example, label) pair in one list" if micro else "of all labels: their mean")
    if folds > 1:
        steps.append(f"each curve is the mean of {folds} folds at each recall, never one list of all folds")
    said_so = f" ({'; '.join(steps)})" if steps else ""
    return (
        f"The area under a curve is its average precision{said_so}. Dotted: the share of positives; a random order of "
        "few examples averages a little more."
    )


def calibration_chart(said: Mapping[str, Said], kind: str, views: Sequence[int | None]) -> Chart:
    """Share that was true against what was said, in ten bins, and below how many predictions each bin holds."""
    area, drawn, legends = plot(0, 1, 0, 1, floor=86), [], []
    behind: dict[str, Bins] = {}
    for number, view in enumerate(views):
        bins = {part: calibration_of(one, kind, view) for part, one in said.items()}
        behind = behind or bins
        lines = [_reliability(area, held, part) for part, held in reversed(bins.items())]
        drawn.append(view_group(number, [_counts(area, bins["focus"]), *lines], len(views)))
        legends.append([Entry(part, said[part].features, decimal(held.error)) for part, held in bins.items()])
    diagonal = area.through([(0, 0), (1, 1)], "line ideal")
    label = "Share that was true against probability. " + _read_out(legends[0], "calibration error")
    frame = area.frame("probability said", "share that was true", below=44)
    caption = svg.text(area.x.start - 7, area.y.start + 38, "count", "end")
    drawing = svg.picture(360, 280, label, frame, caption, diagonal, *drawn)
    return Chart("Calibration", _calibration_note(kind, len(views)), drawing, legends, _bin_numbers(said, behind))


def _reliability(area: svg.Plot, bins: Bins, part: str) -> Markup:
    """Marks of all bins; a line through those that hold enough to mean something."""
    points = list(zip(bins.probability.tolist(), bins.share.tolist(), bins.count.tolist(), strict=True))
    marks = [svg.marker(part, area.x(x), area.y(y), hollow=n < FEW, size=3) for x, y, n in points if n]
    return Markup("").join([area.through([(x, y) for x, y, n in points if n >= FEW], f"line {part}"), *marks])


def _counts(area: svg.Plot, bins: Bins) -> Markup:
    """Bars as high as the logarithm of their count, which stands above each."""
    width = (area.x.stop - area.x.start) / len(bins.count)
    floor, room = area.y.start + 44, 24.0
    most = np.log1p(max(int(bins.count.max()), 1))
    parts = []
    for number, count in enumerate(bins.count.tolist()):
        if count:
            high, left = max(room * np.log1p(count) / most, 1.0), area.x.start + number * width
            parts.append(svg.tag("rect", x=left + 2, y=floor - high, width=width - 4, height=high, class_="count"))
            parts.append(svg.text(left + width / 2, floor - high - 3, short_count(count), "middle", "t tiny"))
    return Markup("").join(parts)


def _calibration_note(kind: str, views: int) -> str:
    pooled = "each example's likeliest class" if kind == "multiclass" else "every (example, label) pair"
    of_all = f" All together: {pooled}." if views > 1 else ""
    return (
        "On the diagonal, what is said with 70 % comes true 70 % of the time. The number is the expected calibration "
        f"error, over ten bins and all folds.{of_all} Hollow marks are bins of fewer than {FEW}; bars count those of "
        "the first feature set, on a logarithmic scale."
    )


def _bin_numbers(said: Mapping[str, Said], bins: Mapping[str, Bins]) -> Numbers:
    heads = ["probability"]
    for part in bins:
        heads += [f"{said[part].features}: said", "true", "count"]
    count = len(bins["focus"].count)
    rows = []
    for i in range(count):
        cells = [f"{i / count:.1f} to {(i + 1) / count:.1f}"]
        for held in bins.values():
            cells += [decimal(float(held.probability[i])), decimal(float(held.share[i])), f"{held.count[i]:,}"]
        rows.append(cells)
    return Numbers(heads, rows)


def view_group(number: int, parts: Sequence[str], views: int) -> Markup:
    """What belongs to one view; a lone view needs no group."""
    return svg.tag("g", *parts, class_=f"view v{number}") if views > 1 else Markup("").join(parts)


def _read_out(legend: Sequence[Entry], what: str) -> str:
    return f"{what.capitalize()}: " + ", ".join(f"{entry.name} {entry.value}" for entry in legend) + "."
