"""The picture of a fine-tuning run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.train.seqclip.card import WAYS

_COLOURS = dict(zip(WAYS, ("tab:red", "tab:orange"), strict=True))
_SMOOTHED = 200  # a curve of more steps is drawn as means of so many blocks


def plot_run(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Loss in training above, R@1 on validation pairs below, beside that of the base, as PNG at `path`.

    rows: lines of `metrics.jsonl`.
    """
    # The figure is built without pyplot, which would keep global state and pick a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    losses = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    blocks = np.array_split(np.array(losses, np.float64).reshape(-1, 2), max(1, min(len(losses), _SMOOTHED)))
    points = np.array([block.mean(axis=0) for block in blocks if len(block)]).reshape(-1, 2)
    above.plot(points[:, 0], points[:, 1], color="tab:blue", linewidth=1.2)
    above.set_ylabel("InfoNCE")
    for way, words in WAYS.items():
        found = [(row["step"], row[f"{way}_r1"]) for row in rows if f"{way}_r1" in row]
        if found:
            steps, shares = zip(*found, strict=True)
            below.plot(steps, shares, color=_COLOURS[way], marker=".", label=words)
            below.axhline(shares[0], color=_COLOURS[way], linestyle=":", linewidth=1.1)
    below.set(xlabel="step", ylabel="R@1 (dotted: before)", ylim=(0, 1.02))
    below.legend(frameon=False, fontsize="small")
    for panel in (above, below):
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, format="png")
