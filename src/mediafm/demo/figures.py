"""The report's pictures, as data addresses that sit inside the page: it is one file and asks nobody for anything."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from mediafm.fusion import unit_rows
from mediafm.types import FloatArray

INK = "#8a8f98"  # a grey that reads on white and on near-black
SERIES = {
    "train": "#5b8def",
    "validation": "#e4572e",
    "title_mean": "#9a6dd7",
    "previous": "#3aa76d",
    "neighbours": "#d9a40f",
}
LABELS = {
    "train": "training",
    "validation": "held out",
    "title_mean": "trivial: title mean",
    "previous": "trivial: previous shot",
    "neighbours": "trivial: mean of both neighbours",
}


def data_address(content: bytes, kind: str) -> str:
    """A data: address for bytes of a media type such as image/jpeg."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def similarity_matrix(vectors: FloatArray, side: int = 560) -> str:
    """Cosine self-similarity of n shots as a PNG, one pixel block a pair; brighter is more alike.

    Colours span the 2nd to the 98th percentile of the off-diagonal, since the cosines of different embeddings do not
    share a range.
    """
    unit = unit_rows(vectors)
    cosine = unit @ unit.T
    off = cosine[~np.eye(len(cosine), dtype=bool)] if len(cosine) > 1 else cosine
    low, high = np.percentile(off, [2, 98])
    figure = Figure(figsize=(side / 100, side / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(cosine, cmap="magma", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest")
    axes.set_axis_off()
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    return data_address(buffer.getvalue(), "image/png")


def loss_curve(
    train: Sequence[tuple[int, float]], valid: Sequence[tuple[int, float]], trivial: Mapping[str, float]
) -> str:
    """Cosine distance against steps, with the trivial predictors as lines, as an SVG."""
    figure = Figure(figsize=(7.6, 3.9))
    axes = figure.add_subplot()
    for name, points in (("train", train), ("validation", valid)):
        if points:
            steps, losses = zip(*points, strict=True)
            held_out = name == "validation"
            style = {"marker": "o", "markersize": 3, "linewidth": 1.8} if held_out else {"linewidth": 0.7, "alpha": 0.7}
            axes.plot(steps, losses, color=SERIES[name], label=LABELS[name], **style)
    for name, value in trivial.items():
        axes.axhline(value, color=SERIES[name], linewidth=1.2, linestyle="--", label=LABELS[name])
    axes.set_xlabel("step")
    axes.set_ylabel("cosine distance of masked shots")
    _plain(axes)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.17))
    return _svg(figure)


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
    axes.tick_params(colors=INK, labelsize=8)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def _svg(figure: Figure) -> str:
    figure.patch.set_alpha(0)  # the page shows through, light or dark
    figure.gca().patch.set_alpha(0)
    figure.tight_layout()
    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return data_address(buffer.getvalue(), "image/svg+xml")
