"""Label tables of feature catalogues: what each is, and how a title's rows come about.

A table that a packaged task is made for is called labels_ and the task's name.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.synthetic.features.clips import FeatureClips, title_rng
from mediafm.synthetic.features.shown import ads, shown_labels
from mediafm.synthetic.features.title import FeatureTitle
from mediafm.synthetic.known import TableFacts

RATING_BANDS = ("U", "12", "16", "18")
BAND_ENDS = (0.30, 0.53, 0.77)  # severity at which the next band begins
DISAGREEMENT = 0.05  # between those who rate
Columns = dict[str, Any]


def shot_labels(title: FeatureTitle) -> pa.Table:
    """A row a shot: `Law.labels` of its story, and whether it begins a scene."""
    names = (*title.world.law.labels, "scene_start")
    return pa.table(_shots(title) | _flags(names, np.column_stack([title.labels, title.scene_start])))


def shown_by_shots(title: FeatureTitle) -> pa.Table:
    """A row a shot: what its own vectors show, whatever the story is."""
    return pa.table(_shots(title) | _flags(*shown_labels(title)))


def silent_motifs(title: FeatureTitle) -> pa.Table:
    """A row the middle of a shot of a motif without sound: the omen, known from the motif's other turns alone."""
    return _hidden(title, "omen", (title.truth.motif >= 0) & ~_has(title, "audio"))


def untold_plots(title: FeatureTitle) -> pa.Table:
    """A row the middle of a shot without text: the plot, known from the storyline's other shots alone."""
    return _hidden(title, "plot", ~_has(title, "text"))


def clip_tone(title: FeatureTitle) -> pa.Table:
    """A row a clip: the labels of its story."""
    clips = FeatureClips(title)
    return pa.table(_clips(clips) | _flags(title.world.law.labels, clips.labels))


def clip_plot(title: FeatureTitle) -> pa.Table:
    """A row a clip: the plot of its storyline, in words."""
    clips = FeatureClips(title)
    return pa.table(_clips(clips) | {"plot": pa.array([f"plot_{k}" for k in clips.plot.tolist()], pa.string())})


def clip_tension(title: FeatureTitle) -> pa.Table:
    """A row a clip: a number from 0 to 1."""
    clips = FeatureClips(title)
    return pa.table(_clips(clips) | {"tension": clips.tension})


def clip_popularity(title: FeatureTitle) -> pa.Table:
    """A row a clip: clicks as a multiple of the title's mean."""
    clips = FeatureClips(title)
    return pa.table(_clips(clips) | {"popularity": clips.popularity})


def clip_retrieval(title: FeatureTitle) -> pa.Table:
    """A row a clip of the retrieval task: whether it is worth it."""
    clips = FeatureClips(title)
    kept, worthy = clips.retrieval
    return pa.table(_clips(clips)).take(pa.array(kept)).append_column("clip_worthy", pa.array(worthy.astype(np.int8)))


def clip_genre(title: FeatureTitle) -> pa.Table:
    """A row a clip: its title's genre."""
    clips = FeatureClips(title)
    return pa.table(_clips(clips) | _flags(*_genre(title, len(clips))))


def ad_relevancy(title: FeatureTitle) -> pa.Table:
    """A row a clip: which advertisements fit what its own shots show."""
    clips = FeatureClips(title)
    names, fits = ads(title)
    return pa.table(_clips(clips) | _flags(names, clips.means(fits) > 0))


def scene_spans(title: FeatureTitle) -> pa.Table:
    """A row a scene: where it begins and ends."""
    first = np.flatnonzero(title.scene_start)
    last = np.append(first[1:], len(title.features)) - 1
    return pa.table(_spans(title.title_id, title.start_s[first], title.end_s[last]))


def title_genre(title: FeatureTitle) -> pa.Table:
    """One row: the mood of the title's score is its genre."""
    return pa.table({"title": [title.title_id]} | _flags(*_genre(title, 1)))


def rating_band(title: FeatureTitle) -> pa.Table:
    """One row: the title's age band, in words."""
    given = severity(title) + title_rng(title, "rating").normal(0.0, DISAGREEMENT)
    return pa.table({
        "title": [title.title_id], "rating_band": [RATING_BANDS[int(np.searchsorted(BAND_ENDS, given, side="right"))]],
    })  # fmt: skip


def severity(title: FeatureTitle) -> float:
    """How hard a title is to take: the share of shots of the first plot, and half that of motifs that bode ill."""
    truth = title.truth
    ill = truth.omen[truth.motif >= 0] == 0
    return float((truth.plot == 0).mean()) + 0.5 * (float(ill.mean()) if len(ill) else 0.0)


# Tables made title by title. `labels` is there from the beginning and keeps its name.
OF_TITLE: dict[str, tuple[Callable[[FeatureTitle], pa.Table], TableFacts]] = {
    "labels": (shot_labels, TableFacts("shot", "multilabel", "story")),
    "labels_shot": (shown_by_shots, TableFacts("shot", "multilabel", "shot")),
    "labels_story_omen": (silent_motifs, TableFacts("clip", "multilabel", "story")),
    "labels_story_plot": (untold_plots, TableFacts("clip", "multilabel", "story")),
    "labels_clip_plot": (clip_plot, TableFacts("clip", "multiclass", "story")),
    "labels_clip_tension": (clip_tension, TableFacts("clip", "regression", "story")),
    "labels_ad_relevancy": (ad_relevancy, TableFacts("clip", "multilabel", "shot", "ad_relevancy")),
    "labels_clip_popularity": (clip_popularity, TableFacts("clip", "ranking", "story", "clip_popularity")),
    "labels_clip_tone": (clip_tone, TableFacts("clip", "multilabel", "story", "clip_tone")),
    "labels_clip_genre": (clip_genre, TableFacts("clip", "multilabel", "story", "clip_genre")),
    "labels_clip_retrieval": (clip_retrieval, TableFacts("clip", "binary", "story", "clip_retrieval")),
    "labels_title_genre": (title_genre, TableFacts("title", "multilabel", "title", "title_genre")),
    "labels_rating_band": (rating_band, TableFacts("title", "multiclass", "title", "rating_band")),
    "labels_scenes": (scene_spans, TableFacts("shot", "binary", "story", "scenes")),
}
SIMILAR = "labels_similar_titles"  # made of all titles together
FEATURE_TABLES: dict[str, TableFacts] = {
    **{name: facts for name, (_, facts) in OF_TITLE.items()},
    SIMILAR: TableFacts("title", "similarity", "title", "similar_titles"),
}


def _shots(title: FeatureTitle) -> Columns:
    return _spans(title.title_id, title.start_s, title.end_s)


def _clips(clips: FeatureClips) -> Columns:
    return _spans(clips.title.title_id, clips.start_s, clips.end_s)


def _spans(title_id: str, start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> Columns:
    return {"title": pa.array([title_id] * len(start_s), pa.string()), "start": start_s, "end": end_s}


def _flags(names: tuple[str, ...], truth_NL: NDArray[Any]) -> Columns:
    return {name: pa.array(truth_NL[:, k].astype(np.int8)) for k, name in enumerate(names)}


def _genre(title: FeatureTitle, rows: int) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    moods = title.world.law.moods
    return tuple(f"genre_{k}" for k in range(moods)), np.tile(np.arange(moods) == title.truth.mood, (rows, 1))


def _hidden(title: FeatureTitle, family: str, rows: NDArray[np.bool_]) -> pa.Table:
    """The middles of some shots of a title with the labels of one family.

    A quarter is left out at either end, so that no sliver of a neighbour, which may show it, comes with the shot.
    """
    quarter = (title.end_s - title.start_s) / 4
    middles = _spans(title.title_id, title.start_s + quarter, title.end_s - quarter)
    names = title.world.law.labels
    chosen = [k for k, name in enumerate(names) if name.startswith(f"{family}_")]
    flags = _flags(tuple(names[k] for k in chosen), title.labels[:, chosen])
    return pa.table(middles | flags).filter(pa.array(rows))


def _has(title: FeatureTitle, modality: str) -> NDArray[np.bool_]:
    there: NDArray[np.bool_] | None = {str(m): p for m, p in title.features.present.items()}.get(modality)
    return np.zeros(len(title.features), dtype=bool) if there is None else there
