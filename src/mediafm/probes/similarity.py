"""Similar titles: does likeness of vectors find the titles that people call similar? Nothing is learned.

Every title with a known similar one is a query; all other titles are sorted by the cosine of their centred vectors to
it. A query's score is its average precision (or nDCG) over that list. Intervals come from drawing queries again.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import ImportDataError
from mediafm.fusion import unit_rows
from mediafm.probes.differences import difference_of
from mediafm.probes.features import CHANCE, CONCAT, METADATA, FeatureSource, check_features, default_features
from mediafm.probes.intervals import family_p_values, interval
from mediafm.probes.labels import LabelTable, check_against_catalog, read_labels
from mediafm.probes.metrics.retrieval import average_precision, expected_average_precision
from mediafm.probes.result import Difference, ProbeResult, ProbeRow, Score
from mediafm.probes.tasks import Task
from mediafm.probes.units import Examples, Spans
from mediafm.progress import Progress
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint

DRAWS = 1000
FEWEST_QUERIES = 3


def run_similarity(
    catalog: "Catalog",
    task: Task,
    features: list[str] | None,
    out: str | Path | None,
    progress: Progress,
    seed: int,
    models: "Sequence[Checkpoint]",
) -> ProbeResult:
    """Score every feature set's likeness; see `mediafm.probes.run.run_probe` for the arguments and errors."""
    from mediafm.probes.run import catalog_version, model_vectors, origin_of

    began = time.monotonic()
    version = catalog_version(catalog)
    held = model_vectors(catalog, models, version)
    table = read_labels(task)
    check_against_catalog(table, task, catalog)
    titles = catalog.title_ids()
    relevance_QT, queries = _relevance(table, titles, task)
    names = list(dict.fromkeys([CHANCE, CONCAT, *(features or default_features(catalog, task, held))]))
    check_features(catalog, names, held, task)
    source, examples = FeatureSource(catalog, titles, held), _whole_titles(catalog, titles)
    weights_BQ = np.random.default_rng(seed).multinomial(
        len(queries), np.full(len(queries), 1 / len(queries)), size=DRAWS
    ) / len(queries)  # fmt: skip
    progress.start("probe", len(names), "feature sets")
    values: dict[str, NDArray[np.float64]] = {}
    dims: dict[str, int] = {}
    for name in names:
        matrix = (
            np.zeros((len(titles), 0), np.float32) if name == CHANCE else source.vectors(name, examples, task).matrix
        )
        likeness_QT = _likeness(matrix, queries)
        values[name], dims[name] = _values(likeness_QT, relevance_QT, queries, task), matrix.shape[1]
        progress.advance(1, features=name)
    rows, leaders = _rows(values, dims, relevance_QT, weights_BQ, task)
    result = ProbeResult(
        task=task.name, kind=task.kind, unit=task.unit, metric=task.metric, averaging=task.averaging, rows=rows,
        leaders=leaders, titles=len(titles), test_titles=len(queries), test_examples=len(queries), folds=1,
        comparisons=2 * (len(rows) - 2), centring=source.centring, draws=DRAWS, seed=seed,
        seconds=round(time.monotonic() - began, 3), origin=origin_of(task, version, models),
        notes=["Nothing is learned: titles are sorted by the cosine of their centred vectors."],
    )  # fmt: skip
    from mediafm.probes.verdict import leading, leak

    said = [leading(result), *([leak(result)] if METADATA in values else [])]
    result = result.model_copy(update={"verdict": said})
    if out is not None:
        from mediafm.probes.files import write_similarity

        write_similarity(result, Path(out), catalog)
    progress.end(seconds=result.seconds)
    return result


def _relevance(table: LabelTable, titles: list[str], task: Task) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How like each title is to each query, [Q, T], and the queries' numbers."""
    number = {title: i for i, title in enumerate(titles)}
    assert table.other is not None
    full = np.zeros((len(titles), len(titles)))
    for title, other, weight in zip(table.title, table.other, table.truth[:, 0], strict=True):
        if title != other:
            full[number[str(title)], number[str(other)]] = float(weight)
    queries = np.flatnonzero((full > 0).any(axis=1))
    if len(queries) < FEWEST_QUERIES:
        raise ImportDataError(
            f"{task.labels} names similar titles of {len(queries)} titles; {FEWEST_QUERIES} are needed at least.",
            "Add pairs: title, other.",
        )
    return full[queries], queries


def _whole_titles(catalog: "Catalog", titles: list[str]) -> Examples:
    spans: list[Spans] = [(np.zeros(1), np.ones(1)) for _ in titles]
    n = len(titles)
    return Examples(
        tuple(titles),
        tuple(spans),
        np.arange(n),
        np.zeros(n),
        np.ones(n),
        np.full(n, -1),
        np.zeros((n, 1)),
        ("similar",),
    )


def _likeness(matrix_TD: FloatArray, queries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosines of centred vectors of queries to all titles, [Q, T]; zeros without vectors."""
    if not matrix_TD.shape[1]:
        return np.zeros((len(queries), len(matrix_TD)))
    rows = unit_rows(matrix_TD - matrix_TD.mean(axis=0))
    return np.asarray(rows[queries] @ rows.T, dtype=np.float64)


def _values(
    likeness_QT: NDArray[np.float64], relevance_QT: NDArray[np.float64], queries: NDArray[np.int64], task: Task
) -> NDArray[np.float64]:
    """The metric of each query over all titles but itself, [Q]."""
    found = np.zeros(len(queries))
    for row, query in enumerate(queries):
        others = np.arange(likeness_QT.shape[1]) != query
        likeness, relevance = likeness_QT[row, others], relevance_QT[row, others]
        if task.metric == "average_precision":
            found[row] = average_precision(relevance > 0, likeness)
        else:
            found[row] = _ndcg(relevance, likeness, int(task.metric.rpartition("_")[2]))
    return found


def _ndcg(relevance: NDArray[np.float64], likeness: NDArray[np.float64], k: int) -> float:
    """Equal to scikit-learn's `ndcg_score`: gains are averaged over rows that tie."""
    discount = np.where(np.arange(len(relevance)) < k, 1 / np.log2(np.arange(len(relevance)) + 2), 0)
    _, tie, count = np.unique(-likeness, return_inverse=True, return_counts=True)
    gain = np.bincount(tie, relevance) / count
    ends = np.cumsum(count)
    room = np.cumsum(discount)[ends - 1]
    held = np.diff(np.concatenate([[0.0], room]))
    best = np.sort(relevance)[::-1] @ discount
    return float(gain @ held / best)


def _chance(relevance_QT: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """Of each query, for titles in any order, [Q]."""
    others = relevance_QT.shape[1] - 1
    if task.metric == "average_precision":
        return expected_average_precision((relevance_QT > 0).sum(axis=1), others)
    k = int(task.metric.rpartition("_")[2])
    zeros = np.zeros(others)
    return np.array([_ndcg(np.sort(row)[::-1][:others], zeros, k) for row in relevance_QT])


def _rows(
    values: dict[str, NDArray[np.float64]],
    dims: dict[str, int],
    relevance_QT: NDArray[np.float64],
    weights_BQ: NDArray[np.float64],
    task: Task,
) -> tuple[list[ProbeRow], list[str]]:
    chance = _chance(relevance_QT, task)
    values[CHANCE] = chance
    freedom = len(chance) - 1
    best = max((n for n in values if n != CHANCE), key=lambda name: values[name].mean())
    table = {to: _against(values, to, weights_BQ, freedom) for to in (CONCAT, best)}
    leaders = [best]
    leaders += [n for n, d in table[best].items() if not (d.real and d.difference < 0)]
    rows = []
    for name, held in values.items():
        around = interval(float(held.mean()), weights_BQ @ held, freedom, (0, 1))
        gain = _difference(held - chance, weights_BQ, freedom, None)
        score = Score(
            score=float(held.mean()), low=around.low, high=around.high, chance=float(chance.mean()), over_chance=gain
        )
        rows.append(ProbeRow(
            features=name, score=score.score, low=score.low, high=score.high, chance=score.chance, dim=dims[name],
            examples=len(held), metrics={task.metric: score}, labels={}, versus_concat=table[CONCAT].get(name),
            versus_best=table[best].get(name), penalties=[], gradient_norm=0.0,
        ))  # fmt: skip
    return rows, leaders


def _against(
    values: dict[str, NDArray[np.float64]], to: str, weights_BQ: NDArray[np.float64], freedom: int
) -> dict[str, Difference]:
    others = [name for name in values if name not in (to, CHANCE)]
    gaps = [values[name] - values[to] for name in others]
    family = family_p_values(
        np.array([gap.mean() for gap in gaps]), np.array([weights_BQ @ gap for gap in gaps]), freedom
    )
    return {
        name: _difference(gap, weights_BQ, freedom, float(p)) for name, gap, p in zip(others, gaps, family, strict=True)
    }


def _difference(
    gap_Q: NDArray[np.float64], weights_BQ: NDArray[np.float64], freedom: int, adjusted: float | None
) -> Difference:
    return difference_of(float(gap_Q.mean()), weights_BQ @ gap_Q, freedom, len(gap_Q), adjusted)
