"""Pictures of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.model.card import TRIVIAL_NAMES

_TRAINING, _VALIDATION, _QUIET = "tab:blue", "tab:red", "0.35"
_POINTS, _BLOCKS, _PER_BLOCK = (
    60,
    300,
    8,
)  # a curve of more points is drawn as blocks, so many at most, of so many at least
_MARKED = 40  # more evaluations than that are a line without dots


def plot_loss(rows: Sequence[Mapping[str, Any]], trivial: Mapping[str, float], path: Path) -> None:
    """The figure of `draw_loss` as PNG at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_loss(rows, trivial).savefig(path, dpi=110, format="png")


def draw_loss(rows: Sequence[Mapping[str, Any]], trivial: Mapping[str, float]) -> Any:
    """Distance over steps, in training and on validation titles, beside the trivial predictors; the rate below.

    rows: lines of `metrics.jsonl`. The best evaluation is marked. Where the objective is another than the distance, it
    has a small panel of its own. Returns a matplotlib figure.
    """
    # The figure is built without pyplot, which would keep global state and pick a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    small = [key for key in ("objective", "rate") if any(key in row for row in rows)]
    heights = [4.6, *[0.9] * len(small)]
    figure = Figure(figsize=(8, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights).ravel()
    _distances(panels[0], rows, trivial)
    for panel, key in zip(panels[1:], small, strict=True):
        panel.plot(*_blocks(*_points(rows, key))[:2], color=_QUIET, linewidth=1.2)
        panel.set_ylabel(key, fontsize="small")
        panel.set_ylim(bottom=min(panel.get_ylim()[0], 0))
    for panel in panels:
        panel.grid(alpha=0.25)
        panel.tick_params(labelsize="small")
        panel.spines[["top", "right"]].set_visible(False)
    axis = panels[-1].xaxis
    axis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axis.set_major_formatter("{x:,.0f}")
    last = max((row["step"] for row in rows), default=0)
    panels[-1].set(xlabel="step", xlim=(-0.03 * max(last, 1), 1.03 * max(last, 1)))
    figure.align_ylabels()
    return figure


def _distances(axes: Any, rows: Sequence[Mapping[str, Any]], trivial: Mapping[str, float]) -> None:
    steps, losses = _points(rows, "loss")
    if len(steps):
        where, mean, low, high = _blocks(steps, losses)
        axes.fill_between(where, low, high, color=_TRAINING, alpha=0.2, linewidth=0)
        axes.plot(where, mean, color=_TRAINING, linewidth=1.2, label="training titles", marker=_marker(where))
    steps, values = _points(rows, "msm")
    if len(steps):
        axes.plot(steps, values, color=_VALIDATION, label="validation titles", marker=_marker(steps))
        best = int(np.argmin(values))
        label = f"best: {values[best]:.3f} after step {steps[best]:,}"
        axes.plot(
            steps[best], values[best], "*", color=_VALIDATION, markersize=13, markeredgecolor="white", label=label
        )
    for (name, value), style in zip(trivial.items(), ("--", "-.", ":", (0, (5, 1))), strict=False):
        label = f"{TRIVIAL_NAMES.get(name, name.replace('_', ' '))} {value:.3f}"
        axes.axhline(value, color=_QUIET, linewidth=1.1, linestyle=style, label=label)
    axes.set_ylabel("cosine distance to hidden shots")
    # Above the axes, where no curve can run into it.
    axes.legend(fontsize="small", ncols=2, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))


def _points(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Steps and finite values of one figure."""
    found = [(r["step"], r[key]) for r in rows if key in r and np.isfinite(r[key])]
    return np.array([s for s, _ in found], np.int64), np.array([v for _, v in found], np.float64)


def _blocks(steps: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Step, mean, 10th and 90th percentile of consecutive blocks of the points; few points stand for themselves."""
    count = len(steps) if len(steps) <= _POINTS else min(max(len(steps) // _PER_BLOCK, _POINTS), _BLOCKS)
    cuts = np.array_split(np.arange(len(steps)), count)
    low, high = (np.array([np.quantile(values[cut], q) for cut in cuts]) for q in (0.1, 0.9))
    return np.array([steps[c].mean() for c in cuts]), np.array([values[c].mean() for c in cuts]), low, high


def _marker(points: NDArray[Any]) -> str | None:
    return "." if len(points) <= _MARKED else None
