"""What lies together: clusters of vectors, with the points that stand for them and the words that are said there."""

import numpy as np
from numpy.typing import NDArray

from mediafm.maps.drawing import NOWHERE, Cluster, Key, starts_of
from mediafm.search.lines import Lines
from mediafm.types import FloatArray

MOST = 16  # clusters: more cannot be told apart by colour or in a list
_TYPICAL, _WORDS = 6, 6
_SEEN, _RATIO = 3, 2.0  # a word stands for a cluster if it is said so often there, and so much more than elsewhere


def find_centres(reduced_NR: FloatArray) -> FloatArray:
    """Middles of clusters by k-means, [C, R], the largest cluster first; their number grows with the root of N."""
    from sklearn.cluster import KMeans

    n = len(reduced_NR)
    count = int(np.clip(round(np.sqrt(n / 2)), 1, MOST))
    found = KMeans(count, n_init=2, random_state=0).fit(reduced_NR)
    order = np.argsort(-np.bincount(found.labels_, minlength=count), kind="stable")
    return np.asarray(found.cluster_centers_[order], np.float32)


def assign(reduced_MR: FloatArray, centres_CR: FloatArray) -> NDArray[np.int16]:
    """Each row's nearest middle, int16 [M]."""
    apart = (centres_CR**2).sum(axis=1) - 2 * reduced_MR @ centres_CR.T
    return np.asarray(apart.argmin(axis=1), np.int16)


def describe(
    clusters_N: NDArray[np.int16], reduced_NR: FloatArray, centres_CR: FloatArray, keys: list[Key], lines: Lines
) -> list[Cluster]:
    """Size, words and typical points of each cluster. Words are those of the points' shots."""
    starts = starts_of(keys)
    words = _words(clusters_N, len(centres_CR), keys, lines)
    found = []
    for number, centre in enumerate(centres_CR):
        rows = np.flatnonzero(clusters_N == number)
        near = rows[np.argsort(((reduced_NR[rows] - centre) ** 2).sum(axis=1), kind="stable")]
        found.append(Cluster(len(rows), words[number], _typical(near, keys, starts)))
    return found


def _typical(near: NDArray[np.int64], keys: list[Key], starts: NDArray[np.int64]) -> tuple[tuple[str, int], ...]:
    """The nearest of each of several titles, as long as there are some; then the nearest of the rest."""
    looked = near[: 20 * _TYPICAL]
    titles = np.searchsorted(starts, looked, side="right") - 1
    firsts = sorted(np.unique(titles, return_index=True)[1])[:_TYPICAL]
    others = [i for i in range(len(looked)) if i not in firsts][: _TYPICAL - len(firsts)]
    chosen = [*firsts, *others]
    return tuple((keys[titles[i]][0], int(looked[i] - starts[titles[i]])) for i in chosen)


def _words(clusters_N: NDArray[np.int16], count: int, keys: list[Key], lines: Lines) -> list[tuple[str, ...]]:
    of_shot = _of_shots(clusters_N, keys, lines)
    here = of_shot[lines.shots]  # of every posting
    word = np.repeat(np.arange(len(lines.vocabulary)), np.diff(lines.first))
    inside = here != NOWHERE
    said_CV = np.zeros((count, len(lines.vocabulary)))
    np.add.at(said_CV, (here[inside], word[inside]), lines.counts[inside])
    everywhere = said_CV.sum(axis=0)
    names = list(lines.vocabulary)
    return [_telling(said, everywhere, names) for said in said_CV]


def _telling(said_V: NDArray[np.float64], everywhere_V: NDArray[np.float64], names: list[str]) -> tuple[str, ...]:
    """Words said more often here than elsewhere, by how much they say about where one is (likelihood ratio)."""
    if not said_V.sum() or said_V.sum() == everywhere_V.sum():
        return ()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (said_V / said_V.sum()) / (everywhere_V / everywhere_V.sum())
        weight = np.where((said_V >= _SEEN) & (ratio >= _RATIO), said_V * np.log(ratio), 0.0)
    best = np.argsort(-weight, kind="stable")[:_WORDS]
    return tuple(names[v] for v in best if weight[v] > 0 and not names[v].isdigit() and len(names[v]) > 1)


def _of_shots(clusters_N: NDArray[np.int16], keys: list[Key], lines: Lines) -> NDArray[np.int16]:
    """Cluster of every shot of the lines, int16; a title that is one point gives its own to all its shots."""
    starts, at = starts_of(keys), {key[0]: number for number, key in enumerate(keys)}
    found = np.full(len(lines), NOWHERE, np.int16)
    for number, title in enumerate(lines.titles):
        begin, end = int(lines.starts[number]), int(lines.starts[number + 1])
        if title not in at:
            continue
        start, n = int(starts[at[title]]), keys[at[title]][1]
        if n == 1:
            found[begin:end] = clusters_N[start]
        else:
            found[begin : min(end, begin + n)] = clusters_N[start : start + min(n, end - begin)]
    return found
