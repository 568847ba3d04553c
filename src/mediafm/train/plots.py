"""Pictures of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_NAMES = {"title_mean": "mean of the title", "previous": "previous shot", "neighbours": "mean of both neighbours"}


def plot_loss(rows: Sequence[Mapping[str, Any]], trivial: Mapping[str, float], path: Path) -> None:
    """Training and validation loss over steps, the trivial predictors as lines, as PNG.

    rows: lines of `metrics.jsonl`.
    """
    # The figure is built without pyplot, which would keep global state and pick a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="step", ylabel="cosine distance to the masked shots")
    _training_curve(axes, [(r["step"], r["loss"]) for r in rows if "loss" in r])
    points = [(r["step"], r["msm"]) for r in rows if "msm" in r]
    if points:
        axes.plot(*zip(*points, strict=True), "o-", color="tab:red", markersize=3, label="validation titles")
    for (name, value), style in zip(trivial.items(), (":", "-.", "--"), strict=False):
        axes.axhline(value, color="black", linewidth=1, linestyle=style, label=f"{_NAMES[name]} ({value:.3f})")
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, format="png")


def _training_curve(axes: Any, points: Sequence[tuple[int, float]]) -> None:
    """Single steps faint, their running mean over a fiftieth of the run strong."""
    if not points:
        return
    steps, losses = map(np.asarray, zip(*points, strict=True))
    axes.plot(steps, losses, color="tab:blue", alpha=0.2, linewidth=0.8)
    width = max(len(losses) // 50, 1)
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    axes.plot(steps[width - 1 :], smooth, color="tab:blue", label="training titles")
