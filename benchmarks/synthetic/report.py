"""The table: average precision by family, differences to trivial contexts, and the share of the way to the ceiling."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from bench import Judged

from mediafm.probes.intervals import central

Value = dict[str, float]


def measure(value: float, drawn_B: np.ndarray) -> Value:
    """A figure with the central 95 % over draws of test titles."""
    low, high = central(drawn_B)
    return {"value": float(value), "low": low, "high": high}


def scores(judged: Judged, families: Sequence[str]) -> dict[str, Value]:
    """Average precision by family."""
    return {f: measure(judged.score_F[i], judged.drawn_BF[:, i]) for i, f in enumerate(families)}


def gain(ours: Judged, theirs: Judged, families: Sequence[str]) -> dict[str, Value]:
    """Paired difference in average precision by family."""
    drawn_BF, score_F = ours.drawn_BF - theirs.drawn_BF, ours.score_F - theirs.score_F
    return {f: measure(score_F[i], drawn_BF[:, i]) for i, f in enumerate(families)}


def way(ours: Judged, concat: Judged, ceiling: Judged, families: Sequence[str]) -> dict[str, Value]:
    """Share of the way from concat to what the process allows, by family; the last is the mean of the others."""

    def share(of: str) -> np.ndarray:
        low, high, own = (np.atleast_2d(getattr(j, of))[:, :-1] for j in (concat, ceiling, ours))
        shares = (own - low) / (high - low)
        return np.concatenate([shares, shares.mean(axis=1, keepdims=True)], axis=1)

    score_F, drawn_BF = share("score_F")[0], share("drawn_BF")
    return {f: measure(score_F[i], drawn_BF[:, i]) for i, f in enumerate(families)}


def least_gain(ours: Judged, others: Mapping[str, Judged], families: Sequence[str]) -> dict[str, Any]:
    """By family, the trivial context that is hardest to beat, and the difference to it."""
    found = {}
    for f in families:
        gains = {name: gain(ours, other, families)[f] for name, other in others.items()}
        name = min(gains, key=lambda name: gains[name]["low"])
        found[f] = {"context": name, **gains[name]}
    return found


def markdown(document: Mapping[str, Any]) -> str:
    """All of it as tables."""
    families = document["families"]
    lines = [_line(["features", *families]), _line(["---", *["--:"] * len(families)])]
    for name, row in document["rows"].items():
        lines.append(_line([name, *(f"{row['scores'][f]['value']:.3f}" for f in families)]))
    lines += ["", _line(["share of the way from concat to the ceiling", *families])]
    lines.append(_line(["---", *["--:"] * len(families)]))
    for name, row in document["rows"].items():
        if "way" in row:
            lines.append(_line([name, *map(_percent, (row["way"][f] for f in families))]))
    lines += ["", _line(["minus the trivial context hardest to beat", *families])]
    lines.append(_line(["---", *["---"] * len(families)]))
    for name, row in document["rows"].items():
        if "least_gain" in row:
            lines.append(_line([name, *map(_difference, (row["least_gain"][f] for f in families))]))
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _percent(value: Value) -> str:
    return f"{100 * value['value']:.0f} % ({100 * value['low']:.0f} to {100 * value['high']:.0f})"


def _difference(value: Mapping[str, Any]) -> str:
    return f"{value['context']} {value['value']:+.3f} ({value['low']:.3f} to {value['high']:.3f})"
