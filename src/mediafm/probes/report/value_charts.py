"""Charts of numbers: predicted against true values, rank correlations of groups, scores against context radius."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from mediafm.probes.report import svg
from mediafm.probes.report.charts import Chart, Entry, Numbers, plot, view_group
from mediafm.probes.report.groups import Cast
from mediafm.probes.report.measures import binned_means, group_taus
from mediafm.probes.report.numbers import between, decimal, metric_words
from mediafm.probes.report.predictions import Said
from mediafm.probes.result import CurvePoint, ProbeResult

POINTS = 400  # of a scatter
TAU_BINS = 20


def values_chart(said: Mapping[str, Said], labels: Sequence[int]) -> Chart:
    """True values against predicted ones: some examples as dots, and means of ten bins."""
    drawn, legends = [], []
    for number, label in enumerate(labels):
        drawn.append(view_group(number, _values(said, label), len(labels)))
        legends.append([Entry(part, one.features) for part, one in said.items()])
    name = said["focus"].features
    drawing = svg.picture(360, 280, f"True values against those that {name} predicts.", *drawn)
    held = len(said["focus"])
    dots = f"a sample of {POINTS} of {held:,} examples" if held > POINTS else f"all {held:,} examples"
    note = (
        "Marks are means of ten bins of equally many examples; on the dashed diagonal, what is predicted is what is "
        f"there. Dots: {dots}, as {name} predicts them."
    )
    return Chart("Predicted and true values", note, drawing, legends)


def _values(said: Mapping[str, Said], label: int) -> list[Markup]:
    focus = said["focus"]
    shown = np.unique(np.linspace(0, len(focus) - 1, POINTS).astype(np.int64))
    predicted, true = focus.score_NL[shown, label], focus.truth_NL[shown, label]
    means = {part: binned_means(one, label) for part, one in said.items()}
    low_x, high_x = _room(np.concatenate([predicted, *(x for x, _ in means.values())]))
    low_y, high_y = _room(np.concatenate([true, *(y for _, y in means.values())]))
    area = plot(low_x, high_x, low_y, high_y)
    low, high = max(low_x, low_y), min(high_x, high_y)
    parts = [area.frame("predicted", "true")]
    if low < high:
        parts.append(area.through([(low, low), (high, high)], "line ideal"))
    dots = [svg.tag("circle", cx=area.x(x), cy=area.y(y), r=1.6) for x, y in zip(predicted, true, strict=True)]
    parts.append(svg.tag("g", *dots, class_="dots"))
    for part, (xs, ys) in reversed(means.items()):
        points = list(zip(xs.tolist(), ys.tolist(), strict=True))
        parts.append(area.through(points, f"line {part}"))
        parts += [svg.marker(part, area.x(x), area.y(y), size=3) for x, y in points]
    return parts


def _room(values: np.ndarray) -> tuple[float, float]:
    """A range with some air around the values."""
    low, high = float(values.min()), float(values.max())
    air = 0.04 * (high - low) or 0.5
    return low - air, high + air


def tau_chart(said: Mapping[str, Said], labels: Sequence[int]) -> Chart:
    """How many groups have which rank correlation: bars for the one, an outline for concat."""
    drawn, legends, groups = [], [], 0
    for number, label in enumerate(labels):
        taus = {part: group_taus(one, label) for part, one in said.items()}
        groups = max(groups, *(len(held) for held in taus.values()))
        drawn.append(view_group(number, _histogram(taus), len(labels)))
        legends.append([
            Entry(part, said[part].features, f"mean {decimal(float(held.mean()) if len(held) else None)}")
            for part, held in taus.items()
        ])  # fmt: skip
    told = ", ".join(f"{entry.name} {entry.value}" for entry in legends[0])
    drawing = svg.picture(360, 280, f"Kendall's tau of {groups} groups: {told}.", *drawn)
    note = (
        f"Kendall's tau of each of {groups:,} groups: 1 is the true order, 0 no order, −1 the reverse. Bars: the first "
        "feature set; outline: concat. Means are over groups here, over folds of groups in the table."
    )
    return Chart("Kendall's tau of each group", note, drawing, legends)


def _histogram(taus: Mapping[str, np.ndarray]) -> list[Markup]:
    edges = np.linspace(-1, 1, TAU_BINS + 1)
    counts = {part: np.histogram(held, edges)[0] for part, held in taus.items()}
    area = plot(-1, 1, 0, max(1, *(int(held.max()) for held in counts.values())))
    parts = [area.frame("Kendall's tau", "groups"), svg.line(area.x(0), area.y.start, area.x(0), area.y.stop, "zero")]
    for part, held in counts.items():
        if part == "focus":
            parts += [
                svg.tag(
                    "rect", x=area.x(left) + 1, y=area.y(n), width=area.x(right) - area.x(left) - 2,
                    height=area.y(0) - area.y(n), class_="bar focus",
                )
                for left, right, n in zip(edges[:-1], edges[1:], held.tolist(), strict=True) if n
            ]  # fmt: skip
        else:
            steps = [
                (x, n)
                for left, right, n in zip(edges[:-1], edges[1:], held, strict=True)
                for x, n in ((left, n), (right, n))
            ]
            parts.append(area.through(steps, f"line {part}"))
    for part, values in taus.items():
        if len(values):
            mean = area.x(float(values.mean()))
            parts.append(svg.line(mean, area.y.start, mean, area.y.stop - 4, f"line {part} mean"))
    return parts


def radius_chart(result: ProbeResult, cast: Cast) -> Chart:
    """Scores against the context that examples were embedded in: shots on either side, the whole title at the end."""
    radii = sorted({point.radius for point in result.curve if point.radius is not None})
    places = {radius: math.log2(1 + radius) for radius in radii}
    end = max(places.values(), default=0.0) + 1.6
    levels = ({"concat": cast.concat.score} if cast.concat else {}) | {"chance": cast.focus.chance}
    values = [v for p in result.curve for v in (p.score, p.low, p.high) if v is not None]
    low, high = _room(np.array([*values, *levels.values()]))
    area = plot(-0.35, end + 0.35, low, high)
    names = [(places[radius], str(radius)) for radius in radii]
    parts = [area.frame("shots on either side", metric_words(result.metric), [*names, (end, "title")])]
    for part, level in levels.items():
        parts.append(svg.line(area.x.start, area.y(level), area.x.stop, area.y(level), f"line {part}"))
    models = list(dict.fromkeys(point.model for point in result.curve))
    for number, model in enumerate(models):
        points = [point for point in result.curve if point.model == model]
        parts.append(_radius_line(area, points, places, end, f"model{min(number, 2)}"))
    legend = [Entry(f"model{min(number, 2)}", model) for number, model in enumerate(models)]
    legend += [Entry(part, part, decimal(level)) for part, level in levels.items()]
    told = "; ".join(f"{_radius(p)}: {decimal(p.score)}" for p in result.curve)
    drawing = svg.picture(360, 280, f"Score against context radius. {told}.", *parts)
    whiskers = "Whiskers are 95 % intervals. " if any(point.low is not None for point in result.curve) else ""
    note = f"{whiskers}The axis is logarithmic; the last point sees the whole title."
    return Chart("Score against context", note, drawing, [legend], _radius_numbers(result.curve))


def _radius_line(
    area: svg.Plot, points: Sequence[CurvePoint], places: Mapping[int, float], end: float, part: str
) -> Markup:
    at = [end if point.radius is None else places[point.radius] for point in points]
    line = area.through([(x, p.score) for x, p in zip(at, points, strict=True)], f"line {part}")
    parts = [line]
    for x, point in zip(at, points, strict=True):
        if point.low is not None and point.high is not None:
            parts.append(svg.line(area.x(x), area.y(point.low), area.x(x), area.y(point.high), f"whisker {part}"))
        parts.append(svg.marker(part, area.x(x), area.y(point.score)))
    return Markup("").join(parts)


def _radius_numbers(points: Sequence[CurvePoint]) -> Numbers:
    rows = [[p.features, _radius(p), decimal(p.score), between(p.low, p.high)] for p in points]
    return Numbers(["feature set", "shots on either side", "score", "95 %"], rows)


def _radius(point: CurvePoint) -> str:
    return "whole title" if point.radius is None else str(point.radius)
