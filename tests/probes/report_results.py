"""Results and predictions of every kind of task, made from random numbers, and a catalog to go with them."""

import io
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from scipy.special import log_softmax

from mediafm.probes.result import CurvePoint, Difference, LabelScore, ProbeResult, ProbeRow, Score

SETS = (
    "chance", "concat", "metadata", "video", "video+audio", "neighbours", "moving_average_8", "past_future_8", "run",
    "run/no_global", "run/own_hidden", "run/radius_2", "foreign",
)  # fmt: skip
METRICS = {
    "binary": "average_precision", "multilabel": "average_precision", "multiclass": "balanced_accuracy",
    "ranking": "kendall_tau", "regression": "r2", "similarity": "average_precision",
}  # fmt: skip
SHOTS, SHOT_S = 40, 2.5
SKILL = {"chance": 0.0, "metadata": 0.2, "concat": 0.8, "run": 1.6}


class PictureCatalog:
    """Titles of equal shots. texts, pictures: whether it holds any; names: title id -> the title's name."""

    def __init__(
        self, titles: Sequence[str], texts: bool = True, pictures: bool = True, names: dict[str, str] | None = None
    ) -> None:
        self._titles, self._texts, self._pictures, self._names = list(titles), texts, pictures, names or {}

    def titles(self) -> list[Any]:
        return [
            SimpleNamespace(title_id=i, metadata=SimpleNamespace(name=self._names.get(i, ""))) for i in self._titles
        ]

    def iter_texts(self, ids: Sequence[str]) -> Iterator[tuple[str, int, float, float, str]]:
        for title in ids:
            for shot in range(SHOTS):
                text = f"<b>line {shot}</b> & more" if self._texts else ""
                yield title, shot, shot * SHOT_S, (shot + 1) * SHOT_S, text

    def keyframe(self, title: str, shot: int) -> bytes | None:
        assert title in self._titles and 0 <= shot < SHOTS
        if not self._pictures:
            return None
        file = io.BytesIO()
        Image.new("RGB", (64, 36), (40 + 5 * shot, 80, 160)).save(file, "JPEG", quality=40)
        return file.getvalue()

    def embedding_sets(self) -> list[Any]:
        return [SimpleNamespace(name="run", context="title")]

    def clip_sets(self) -> list[Any]:
        return [SimpleNamespace(name="foreign")]


def make_titles(count: int) -> list[str]:
    return [f"t{number:02d}" for number in range(count)]


def make_predictions(
    kind: str, labels: Sequence[str], titles: Sequence[str], folds: int = 3, seed: int = 0, sets: Sequence[str] = SETS
) -> pa.Table:
    """As `mediafm.probes.files.predictions_table` writes them: `foreign` knows two thirds of the examples."""
    rng = np.random.default_rng(seed)
    n, count = len(titles) * SHOTS, len(labels)
    title = np.repeat(np.arange(len(titles)), SHOTS)
    order = np.argsort(title % folds, kind="stable")
    title, shot = title[order], np.tile(np.arange(SHOTS), len(titles))[order]
    truth, signal = _truth(kind, n, count, rng)
    parts = []
    for number, name in enumerate(sets):
        score = SKILL.get(name, 1.0) * signal + rng.normal(size=(n, count)) - 1.0
        if kind == "multiclass":
            score = log_softmax(score, axis=1)
            given = score.argmax(axis=1)[:, None] == np.arange(count)
        else:
            given = score > 0
        parts.append((number, np.float32(score), given, rng.random(n) < (2 / 3 if name == "foreign" else 2)))
    decided = kind in ("binary", "multilabel", "multiclass")

    def repeated(values: np.ndarray) -> np.ndarray:
        return np.tile(np.repeat(values, count), len(sets))

    def named(codes: np.ndarray, words: Sequence[str]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(codes.astype(np.int32), list(words))

    return pa.table({
        "features": named(np.repeat(np.arange(len(sets)), n * count), sets),
        "title": named(repeated(title), titles),
        "fold": repeated(title % folds),
        "shot": repeated(shot),
        "start_s": repeated(shot * SHOT_S),
        "end_s": repeated((shot + 1) * SHOT_S),
        "label": named(np.tile(np.arange(count), n * len(sets)), labels),
        "truth": np.tile(truth.reshape(-1), len(sets)),
        "score": np.concatenate([score.reshape(-1) for _, score, *_ in parts]),
        "given": np.concatenate([given.reshape(-1) for *_, given, _ in parts]) if decided
        else pa.nulls(n * count * len(sets), pa.bool_()),
        "known": np.concatenate([np.repeat(known, count) for *_, known in parts]),
        "group": repeated(title) if kind == "ranking" else pa.nulls(n * count * len(sets), pa.int64()),
    })  # fmt: skip


def _truth(kind: str, n: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Truth [n, count], and what a skilled feature set sees of it."""
    if kind == "multiclass":
        hot = rng.integers(count, size=n)[:, None] == np.arange(count)
        return hot.astype(float), 2.0 * hot
    if kind in ("ranking", "regression"):
        values = rng.normal(size=(n, count))
        return values, values
    shares = np.linspace(0.1, 0.4, count)
    held = rng.random((n, count)) < shares
    held[:3] = True  # no label without a positive
    return held.astype(float), 2.0 * held


def make_result(
    kind: str,
    labels: Sequence[str],
    titles: Sequence[str],
    folds: int = 3,
    intervals: bool = True,
    sets: Sequence[str] = SETS,
    **changes: Any,
) -> ProbeResult:
    """A table in which `run` is really better than concat and leads alone."""
    rng = np.random.default_rng(1)
    n = len(titles) * SHOTS
    rows = []
    for name in sets:
        score = 0.2 + 0.3 * SKILL.get(name, 1.0)
        gap = score - 0.44
        compared = name not in ("chance", "concat")
        rows.append(ProbeRow(
            features=name, score=score, low=score - 0.03 if intervals else None,
            high=score + 0.03 if intervals else None, chance=0.21, dim=0 if name == "chance" else 2304,
            examples=2 * n // 3 if name == "foreign" else n, metrics=_metrics(kind, score, intervals),
            labels=_labels(kind, labels, score, compared, intervals, rng),
            versus_concat=_difference(gap, intervals, n) if compared else None,
            versus_best=_difference(score - 0.68, intervals, n) if name not in ("chance", "run") else None,
            penalties=[] if name == "chance" else [[1e-3, 1e-2]] * folds,
            gradient_norm=0.0 if name == "chance" else 3e-7,
            linear=name != "neighbours", seconds=1.25,
        ))  # fmt: skip
    curve = [
        CurvePoint(
            model="run", radius=r, features=f"run/radius_{r}" if r is not None else "run/no_global",
            score=0.5 + 0.02 * i,
            low=0.45 + 0.02 * i if intervals else None,
            high=0.55 + 0.02 * i if intervals else None,
        )
        for i, r in enumerate((0, 2, 8, 32, 128, None))
    ]  # fmt: skip
    values: dict[str, Any] = {
        "task": "mood", "kind": kind, "unit": "shot", "metric": METRICS[kind], "averaging": "macro", "rows": rows,
        "leaders": ["run"], "curve": curve,
        "verdict": ["run is ahead.", "Context hurts a little: -0.012 (-0.020 to -0.004)."],
        "notes": ["Two titles have no words."], "titles": len(titles), "test_titles": len(titles), "test_examples": n,
        "folds": folds, "comparisons": 2 * (len(rows) - 2), "centring": "none", "draws": 1000, "seed": 0,
        "seconds": 75.0,
        "origin": {"catalog": "c0ffee", "task": "7a5c", "checkpoint run": "feed"},
    }  # fmt: skip
    return ProbeResult(**{**values, **changes})


def _difference(value: float, intervals: bool, examples: int, adjusted: bool = True) -> Difference:
    if not intervals:
        return Difference(difference=value, low=None, high=None, examples=examples)
    p = 0.0004 if abs(value) > 0.1 else 0.4
    return Difference(
        difference=value, low=value - 0.02, high=value + 0.02, p=p / 2, p_table=p if adjusted else None,
        detectable=0.028, examples=examples,
    )  # fmt: skip


def _metrics(kind: str, score: float, intervals: bool) -> dict[str, Score]:
    names = [METRICS[kind], *(["roc_auc", "f1"] if kind in ("binary", "multilabel") else [])]
    if kind == "multilabel":
        names = [f"{way}_{name}" for name in names for way in ("macro", "micro")]
    return {
        name: Score(
            score=score, low=score - 0.03 if intervals else None, high=score + 0.03 if intervals else None, chance=0.21,
            over_chance=_difference(score - 0.21, intervals, 0, adjusted=False),
        )
        for name in names
    }  # fmt: skip


def _labels(
    kind: str, labels: Sequence[str], score: float, compared: bool, intervals: bool, rng: np.random.Generator
) -> dict[str, LabelScore]:
    if kind in ("ranking", "similarity"):
        return {}
    gaps = rng.normal(scale=0.1, size=len(labels))
    return {
        name: LabelScore(
            score=float(np.clip(score + gap, 0, 1)), chance=0.2, positives=17 + i,
            versus_concat=_difference(float(gap), intervals, 0, adjusted=False) if compared else None,
        )
        for i, (name, gap) in enumerate(zip(labels, gaps, strict=True))
    }  # fmt: skip


LABELS = {
    "binary": ["clip_worthy"], "multilabel": ["tense", "joyful", "sad", "calm"],
    "multiclass": ["street", "office", "forest", "cellar"], "ranking": ["energy"], "regression": ["energy", "pace"],
    "similarity": ["similar"],
}  # fmt: skip
KINDS = list(LABELS)
