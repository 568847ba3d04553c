"""Ad breaks: between scenes, where nobody speaks, beside scenes that fit a brief.

A candidate is a cut at which a scene begins. Its score is the mean of how clean the cut is (time without words around
it), how strongly the scene changes and, with a brief, how well the scene before or after fits it; the breaks taken are
those of the highest sum that keep their distance (mediafm.uses.spacing).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.index import open_index
from mediafm.probes.saved import SavedProbe
from mediafm.types import FloatArray, Modality
from mediafm.uses.briefs import brief_cosines
from mediafm.uses.chapters import HowMany, starts_by_probe, starts_by_scatter
from mediafm.uses.partition import MOST_SEGMENTS
from mediafm.uses.probed import ShotProbe
from mediafm.uses.spacing import best_spaced
from mediafm.uses.titles import TitleShots, check_titles, context_features, read_shots, rows_of

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint

CLEAN_S = 1.0  # without words on either side of a cut: as clean as need be
EVERY_S = 600.0  # a break for so many seconds, unless asked otherwise
CUTS_A_BREAK = 4  # that there are to choose from: scenes are cut finer where there are fewer
NEAR_SHOTS = 8  # of the scenes on either side of a cut that are compared
EXCERPT = 80

Values = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rules:
    """How many breaks, and where none may be. gap_s: between two; edge_s: from start and end (default: as `gap_s`)."""

    count: int
    gap_s: float
    edge_s: float

    @classmethod
    def of(cls, duration_s: float, count: int | None, gap_s: float | None, edge_s: float | None) -> "Rules":
        """What is not said: a break for ten minutes, half as far apart as even ones would be."""
        if count is not None and count < 1:
            raise UsageError(f"{count} breaks are none.", "Ask for one at least.")
        if any(value is not None and not 0 <= value < np.inf for value in (gap_s, edge_s)):
            raise UsageError("Distances between breaks cannot be negative.", "Give 0 or more seconds.")
        wanted = count or max(1, int(duration_s // EVERY_S))
        gap = duration_s / (wanted + 1) / 2 if gap_s is None else gap_s
        edge = min(gap, duration_s / 4) if edge_s is None else edge_s
        if 2 * edge >= duration_s:
            raise UsageError(
                f"No break is {edge:g} s from the start and from the end of a title of {duration_s:.1f} s.",
                "Choose a smaller --edge.",
            )
        return cls(wanted, gap, edge)


@dataclass(frozen=True, slots=True)
class Break:
    """A place for a break: the cut before shot `shot`, `time_s` seconds from the title's zero.

    score: 0 to 1, the mean of clean, change and relevance (each 0 to 1; relevance None without a brief). margin_s:
    seconds without words to the nearer side, None where the catalog does not know when words are said. similarity: the
    better scene's mean cosine with the brief, by modality. reasons: the same for people. before, after: what is said.
    """

    time_s: float
    shot: int
    score: float
    clean: float
    change: float
    relevance: float | None
    margin_s: float | None
    similarity: Mapping[str, float]
    reasons: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Breaks:
    """The breaks of a title, best first. scenes: how many it was cut into; candidates: cuts that the rules allow;
    in_speech: scene cuts that were left out because somebody is speaking."""

    title: str
    duration_s: float
    features: str
    brief: str
    scenes: int
    candidates: int
    in_speech: int
    breaks: tuple[Break, ...]

    def as_json(self) -> dict[str, Any]:
        """As `breaks --json` prints it."""
        return asdict(self)


def find_breaks(
    catalog: "Catalog",
    title: str,
    brief: str | None = None,
    count: int | None = None,
    gap_s: float | None = None,
    edge_s: float | None = None,
    features: str | None = None,
    scenes: int | None = None,
    probe: SavedProbe | None = None,
    label: str | None = None,
    preset: str = "",
    models: "Sequence[Checkpoint]" = (),
) -> Breaks:
    """Breaks at scene cuts of a title; scenes are found as by `find_chapters` (features, `scenes` of them, or a probe).

    Without `scenes` and probe a title is cut into at least four scenes a break, so that there is something to choose.

    Raises UsageError where no scene cut keeps the rules, MismatchError for a probe or preset of other features.
    """
    check_titles(catalog, [title])
    if probe is not None and features:
        raise UsageError("A probe brings its own features.", "Leave --features out, or the probe.")
    shots = read_shots(catalog, title)
    rules = Rules.of(float(shots.end_s[-1]), count, gap_s, edge_s)
    wanted = HowMany(scenes).of(shots)
    if probe is not None:
        judge = ShotProbe(catalog, probe, label, models)
        probed = judge.of(shots)
        rows, name, starts = probed.vectors, probe.features, starts_by_probe(probed, shots, wanted)
    else:
        name = context_features(catalog, features)
        rows = rows_of(open_index(catalog, name), title, len(shots))
        starts = scene_starts(rows, shots, rules, wanted)
    cosines = {} if brief is None else brief_cosines(catalog, title, brief, preset)
    found, candidates, in_speech = choose_breaks(shots, rows, starts, rules, cosines)
    return Breaks(title, float(shots.end_s[-1]), name, brief or "", len(starts), candidates, in_speech, found)


def scene_starts(rows_nD: FloatArray, shots: TitleShots, rules: Rules, scenes: int | None = None) -> Numbers:
    """First shots of so many scenes; None: as many as the title bears out, four for each break wanted at least."""
    starts = starts_by_scatter(rows_nD, shots, scenes)
    least = min(CUTS_A_BREAK * rules.count + 1, len(shots), MOST_SEGMENTS)
    return starts if scenes is not None or len(starts) >= least else starts_by_scatter(rows_nD, shots, least)


def choose_breaks(
    shots: TitleShots, rows_nD: FloatArray, starts: Numbers, rules: Rules, cosines: Mapping[Modality, Values]
) -> tuple[tuple[Break, ...], int, int]:
    """(breaks best first, candidates, cuts in speech) among the scene cuts of a title.

    rows_nD: vectors of its shots; starts: first shot of each scene, 0 first; cosines: with the brief, by modality, [n],
    NaN where a shot lacks it; empty: no brief. UsageError where no cut is left.
    """
    if len(starts) < 2:
        raise UsageError(
            f"Title {shots.title!r} has no scene to end: it is one shot, or one scene as it is cut.",
            "Say how many scenes to look for (--scenes N), or name other --features or another --probe.",
        )
    cuts = starts[1:]
    times = shots.start_s[cuts]
    clean, margin, spoken = clean_cuts(shots, cuts)
    inside = (times >= rules.edge_s) & (times <= shots.end_s[-1] - rules.edge_s)
    kept = np.flatnonzero(inside & ~spoken)
    if not len(kept):
        raise UsageError(
            f"No cut between the {len(starts)} scenes of {shots.title!r} lies {rules.edge_s:g} s from start and end, "
            "where nobody speaks.",
            "Choose a smaller --edge, or look for more scenes (--scenes N).",
        )
    change = _changes(rows_nD, starts)
    fits, side, raw = _relevance(starts, len(shots), cosines)
    parts = [clean, change, *([fits] if fits is not None else [])]
    score = np.mean(parts, axis=0)
    chosen = kept[best_spaced(times[kept], score[kept], rules.gap_s, rules.count)]
    ends = np.append(starts[1:], len(shots))
    found = []
    for cut in sorted(chosen.tolist(), key=lambda c: (-score[c], c)):
        before = " ".join(filter(None, shots.texts[starts[cut] : starts[cut + 1]]))
        after = " ".join(filter(None, shots.texts[starts[cut + 1] : ends[cut + 1]]))
        relevance = None if fits is None else float(fits[cut])
        known = None if margin is None else float(margin[cut])
        why = _reasons(float(clean[cut]), known, float(change[cut]), relevance, side[cut])
        found.append(
            Break(
                float(times[cut]), int(cuts[cut]), float(score[cut]), float(clean[cut]), float(change[cut]), relevance,
                known, {m: values[cut] for m, values in raw.items() if values[cut] is not None}, why,
                before[-EXCERPT:], after[:EXCERPT],
            )
        )  # fmt: skip
    return tuple(found), len(kept), int((inside & spoken).sum())


def clean_cuts(shots: TitleShots, cuts: Numbers) -> tuple[Values, Values | None, NDArray[np.bool_]]:
    """(clean [c] 0 to 1, seconds without words to the nearer side [c] or None, inside a spoken line [c]) of cuts.

    Where it is not known when words are said, a cut is as clean as many of the two shots beside it have none.
    """
    times = shots.start_s[cuts]
    if shots.cues is None:
        said = np.array([bool(text.strip()) for text in shots.texts])
        return 1.0 - (said[cuts - 1].astype(float) + said[cuts]) / 2, None, np.zeros(len(cuts), dtype=bool)
    if not len(shots.cues):
        return np.ones(len(cuts)), np.minimum(times, shots.end_s[-1] - times), np.zeros(len(cuts), dtype=bool)
    begin, latest = shots.cues[:, 0], np.maximum.accumulate(shots.cues[:, 1])
    before = np.searchsorted(begin, times, side="left")  # lines that begin earlier
    ended = np.where(before > 0, latest[np.maximum(before - 1, 0)], 0.0)
    spoken = (before > 0) & (ended > times)
    to_come = np.where(before < len(begin), begin[np.minimum(before, len(begin) - 1)], shots.end_s[-1])
    margin = np.maximum(np.minimum(times - ended, to_come - times), 0.0)
    return np.minimum(margin / CLEAN_S, 1.0), margin, spoken


def _changes(rows_nD: FloatArray, starts: Numbers) -> Values:
    """How unlike the shots before and after each scene cut are, 0 to 1: half of 1 - cosine, centred."""
    rows = rows_nD.astype(np.float64)
    there = rows.any(axis=1)
    rows[there] -= rows[there].mean(axis=0) if there.any() else 0.0
    ends = np.append(starts[1:], len(rows))
    found = []
    for number in range(1, len(starts)):
        cut = starts[number]
        left = rows[max(starts[number - 1], cut - NEAR_SHOTS) : cut].sum(axis=0)
        right = rows[cut : min(ends[number], cut + NEAR_SHOTS)].sum(axis=0)
        size = np.linalg.norm(left) * np.linalg.norm(right)
        found.append(0.5 * (1 - float(left @ right) / size) if size > 1e-12 else 0.5)
    return np.clip(np.array(found), 0.0, 1.0)


def _relevance(
    starts: Numbers, shots: int, cosines: Mapping[Modality, Values]
) -> tuple[Values | None, list[str], dict[str, list[float | None]]]:
    """For each scene cut: relevance 0 to 1 (None without a brief), which scene it comes from, its cosines by modality.

    Cosines of words with words and with pictures have scales of their own, so a scene counts by its rank: the share of
    the title's other scenes that fit less, the mean over modalities. A scene that lacks all of them has none: 0.
    """
    count = len(starts)
    if not cosines:
        return None, [""] * (count - 1), {}
    ends = np.append(starts[1:], shots)
    ranks, means = [], {}
    for modality, values in cosines.items():
        mean = np.array([_mean(values[a:b]) for a, b in zip(starts, ends, strict=True)])
        known = mean[~np.isnan(mean)]
        below = np.searchsorted(np.sort(known), mean, side="left") / max(len(known) - 1, 1)
        ranks.append(np.where(np.isnan(mean), np.nan, below))
        means[str(modality)] = mean
    fit = np.array([_mean(column) for column in np.stack(ranks).T])
    fit = np.where(np.isnan(fit), 0.0, fit)
    better = np.where(fit[:-1] >= fit[1:], np.arange(count - 1), np.arange(1, count))
    side = ["before" if scene == cut else "after" for cut, scene in enumerate(better)]
    raw = {m: [None if np.isnan(mean[s]) else float(mean[s]) for s in better] for m, mean in means.items()}
    return fit[better], side, raw


def _mean(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _reasons(clean: float, margin: float | None, change: float, relevance: float | None, side: str) -> tuple[str, ...]:
    if margin is not None:
        quiet = f"{margin:.1f} s without words around the cut"
    else:
        quiet = {0.0: "words in the shots on both sides", 1.0: "no words in the shots on either side"}.get(
            clean, "words in the shot on one side"
        )
    said = [quiet, f"scene change {change:.2f}"]
    if relevance is not None:
        better = "best" if relevance >= 1 else f"better than {relevance:.0%} of the others"
        said.append(f"the scene {side} fits the brief {better}")
    return tuple(said)
