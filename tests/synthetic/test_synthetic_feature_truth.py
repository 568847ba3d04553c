"""Truth about clips, shots and titles of feature catalogues, against the story and against the vectors themselves."""

import json
from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import kendalltau

from mediafm.synthetic import FEATURE_TABLES, FeatureTitle, SyntheticFeatures, TableFacts, write_features
from mediafm.synthetic.features import tables
from mediafm.synthetic.features.alike import Alike
from mediafm.synthetic.features.clips import FADE, FeatureClips
from mediafm.synthetic.features.law import ACTS
from mediafm.synthetic.features.shown import ads, shown_labels
from mediafm.synthetic.features.truth import BAND_ENDS, OF_TITLE, RATING_BANDS, severity


@pytest.fixture(scope="module")
def titles() -> list[FeatureTitle]:
    return list(SyntheticFeatures(seed=0, titles=40))


def rows(name: str, title: FeatureTitle) -> pa.Table:
    return OF_TITLE[name][0](title)


def flags(table: pa.Table, prefix: str) -> np.ndarray:
    """Columns that begin so, [rows, columns]."""
    return np.column_stack([table[name] for name in table.column_names if name.startswith(prefix)])


def test_clips_are_runs_inside_scenes(titles: list[FeatureTitle]) -> None:
    for title in titles:
        clips = FeatureClips(title)
        first, end = clips.runs.T
        assert set((end - first).tolist()) == {2, 3, 4}
        assert np.array_equal(title.truth.scene[first], title.truth.scene[end - 1])
        assert (first[1:] >= end[:-1]).all()
        sizes = np.bincount(title.truth.scene)
        assert (end - first).sum() == sizes[sizes > 1].sum()
        assert np.array_equal(clips.start_s, title.start_s[first]) and np.array_equal(clips.end_s, title.end_s[end - 1])


def test_all_clip_tables_have_the_same_spans(titles: list[FeatureTitle]) -> None:
    clips = FeatureClips(titles[0])
    names = ("clip_tone", "clip_plot", "clip_tension", "clip_popularity", "clip_genre", "ad_relevancy")
    for table in (rows(f"labels_{name}", titles[0]) for name in names):
        assert set(table["title"].to_pylist()) == {titles[0].title_id}
        assert np.array_equal(table["start"], clips.start_s) and np.array_equal(table["end"], clips.end_s)


def test_what_a_shot_shows_can_be_read_off_its_own_vectors(titles: list[FeatureTitle]) -> None:
    """The nearest direction of each channel is the one shown: shot truth needs no context."""
    right = Counter[str]()
    seen = Counter[str]()
    for title in titles[:10]:
        for name, channel in title.world.channels.items():
            vectors = title.features.vectors[channel.modality][:, channel.columns]
            there = title.features.present[channel.modality]
            nearest = (vectors @ channel.directions.T).argmax(axis=1)
            assert ((title.shown[name] >= 0) == there).all()
            right[name] += int((nearest == title.shown[name])[there].sum())
            seen[name] += int(there.sum())
    assert all(right[name] / seen[name] > 0.98 for name in seen)


def test_shown_labels_are_0_where_the_modality_is_missing_and_else_name_one_thing(titles: list[FeatureTitle]) -> None:
    for title in titles:
        present, in_motif = title.features.present, title.truth.motif >= 0
        table = rows("labels_shot", title)
        assert tuple(table.column_names[3:]) == shown_labels(title)[0]
        cast, motif = flags(table, "shows_cast"), flags(table, "shows_motif")
        assert np.array_equal(cast.sum(axis=1), present["video"] & ~in_motif)
        assert np.array_equal(cast.argmax(axis=1)[cast.any(axis=1)], title.truth.cast[cast.any(axis=1)])
        assert np.array_equal(motif.argmax(axis=1)[in_motif], title.truth.motif[in_motif])
        assert np.array_equal(motif.any(axis=1), in_motif)
        heard = np.column_stack([flags(table, "hears_tune"), flags(table, "hears_omen")])
        assert np.array_equal(heard.sum(axis=1), present["audio"])
        assert np.array_equal(flags(table, "tells_plot").sum(axis=1), present["text"])


def test_what_is_shown_is_not_the_story(titles: list[FeatureTitle]) -> None:
    """A look is right as often as the law says, a told plot too."""
    law = titles[0].world.law
    looks = np.concatenate([flags(rows("labels_shot", t), "shows_look") for t in titles])
    fares = np.concatenate([t.truth.fortune for t in titles])
    told = np.concatenate([flags(rows("labels_shot", t), "tells_plot") for t in titles])
    plots = np.concatenate([t.truth.plot for t in titles])
    for shown, true, rate in ((looks, fares, law.look_truth), (told, plots, law.topic_truth)):
        known = shown.any(axis=1)
        assert (shown[known].argmax(axis=1) == true[known]).mean() == pytest.approx(rate, abs=0.03)


def test_advertisements_depend_on_the_shots_of_the_clip_alone(titles: list[FeatureTitle]) -> None:
    for title in titles[:5]:
        (names, fits), (shows, seen) = ads(title), shown_labels(title)
        shown = dict(zip(shows, seen.T, strict=True))
        assert names == ("ads_people", "ads_things", "ads_music", "ads_talk")
        things = shown["shows_motif_0"] | shown["shows_motif_1"] | shown["shows_motif_2"]
        own = [shown["shows_cast_0"] | shown["shows_cast_1"], things, shown["hears_tune_0"], shown["tells_plot_0"]]
        assert np.array_equal(fits, np.stack(own, axis=1))
        table = rows("labels_ad_relevancy", title)
        for row, (first, end) in enumerate(FeatureClips(title).runs):
            assert [table[name][row].as_py() for name in names] == fits[first:end].any(axis=0).tolist()


def test_story_rows_show_nothing_of_what_is_asked(titles: list[FeatureTitle]) -> None:
    for title in titles:
        truth, present = title.truth, title.features.present
        silent = np.flatnonzero((truth.motif >= 0) & ~present["audio"])
        untold = np.flatnonzero(~present["text"])
        for name, shots, true in (("omen", silent, truth.omen), ("plot", untold, truth.plot)):
            table = rows(f"labels_story_{name}", title)
            assert np.array_equal(flags(table, name).argmax(axis=1), true[shots])
            start, end = np.asarray(table["start"]), np.asarray(table["end"])
            assert (start > title.start_s[shots]).all() and (end < title.end_s[shots]).all()
            assert np.allclose(2 * (end - start), title.end_s[shots] - title.start_s[shots])


def test_clip_labels_hold_for_half_of_the_shots(titles: list[FeatureTitle]) -> None:
    for title in titles[:10]:
        clips = FeatureClips(title)
        for run, labels, tension, plot in zip(clips.runs, clips.labels, clips.tension, clips.plot, strict=True):
            shots = slice(*run)
            assert np.array_equal(labels, title.labels[shots].mean(axis=0) >= 0.5)
            truth = title.truth
            assert tension == pytest.approx((truth.fortune[shots] / (ACTS - 1) + truth.scored[shots]).mean() / 2)
            assert set(truth.plot[shots]) == {plot}


def test_what_the_last_motif_before_a_clip_bodes(titles: list[FeatureTitle]) -> None:
    found = Counter[float]()
    for title in titles[:10]:
        clips, truth = FeatureClips(title), title.truth
        for (first, _), boded in zip(clips.runs, clips.boded, strict=True):
            before = np.flatnonzero(truth.motif[:first] >= 0)
            expected = (truth.omen[before[-1]] - 1) * np.exp((before[-1] - first) / FADE) if len(before) else 0.0
            assert boded == pytest.approx(expected)
            found[np.sign(boded)] += 1
    assert min(found[sign] for sign in (-1.0, 0.0, 1.0)) > 50


def test_popularity_follows_the_story_and_not_only_what_the_clip_is(titles: list[FeatureTitle]) -> None:
    by_appeal, by_tension = [], []
    for title in titles:
        clips = FeatureClips(title)
        clicks = clips.popularity
        assert clicks.mean() == pytest.approx(1) and clicks.min() > 0
        assert np.array_equal(np.asarray(rows("labels_clip_popularity", title)["popularity"]), clicks)
        by_appeal.append(kendalltau(clips.appeal, clicks).statistic)
        by_tension.append(kendalltau(clips.tension, clicks).statistic)
    assert np.mean(by_appeal) > np.mean(by_tension) + 0.05 > 0.5


def test_titles_of_40_clips_have_six_to_ten_worth_it_and_three_others_for_each(titles: list[FeatureTitle]) -> None:
    counts = set()
    for title in titles:
        clips = FeatureClips(title)
        kept, worthy = clips.retrieval
        assert len(clips) >= 40 and 6 <= worthy.sum() <= 10 and len(kept) == 4 * worthy.sum()
        assert (np.diff(kept) > 0).all()
        assert clips.appeal[kept[worthy]].min() >= np.delete(clips.appeal, kept[worthy]).max()
        assert rows("labels_clip_retrieval", title)["clip_worthy"].to_pylist() == worthy.tolist()
        counts.add(int(worthy.sum()))
    assert counts == {6, 7, 8, 9, 10}


def test_titles_with_few_clips_have_what_they_have() -> None:
    schemas = {name: make(next(iter(SyntheticFeatures(1, 1)))).schema for name, (make, _) in OF_TITLE.items()}
    for title in SyntheticFeatures(seed=1, titles=12, shots=(1, 30)):
        clips = FeatureClips(title)
        kept, worthy = clips.retrieval
        assert min(6, len(clips) // 4) <= worthy.sum() <= min(10, len(clips) // 4)
        assert len(kept) == 4 * worthy.sum()
        assert {name: make(title).schema for name, (make, _) in OF_TITLE.items()} == schemas


def test_scene_spans_tile_their_title(titles: list[FeatureTitle]) -> None:
    for title in titles:
        table = rows("labels_scenes", title)
        start, end = np.asarray(table["start"]), np.asarray(table["end"])
        assert np.array_equal(start, title.start_s[title.scene_start])
        assert np.array_equal(start[1:], end[:-1]) and end[-1] == title.end_s[-1]
        assert table.column_names == ["title", "start", "end"]


def test_titles_have_the_genre_of_their_score_and_a_band_by_how_hard_they_are(titles: list[FeatureTitle]) -> None:
    bands, hard = [], []
    for title in titles:
        genre = flags(rows("labels_title_genre", title), "genre")
        assert genre.tolist() == [[int(k == title.truth.mood) for k in range(3)]]
        assert (flags(rows("labels_clip_genre", title), "genre") == genre).all()
        bands.append(rows("labels_rating_band", title)["rating_band"][0].as_py())
        hard.append(severity(title))
        ill = title.truth.omen[title.truth.motif >= 0] == 0
        assert hard[-1] == pytest.approx((title.truth.plot == 0).mean() + ill.mean() / 2)
    assert set(bands) == set(RATING_BANDS)
    exact = [RATING_BANDS[sum(value >= end for end in BAND_ENDS)] for value in hard]
    assert 0.6 < np.mean([a == b for a, b in zip(bands, exact, strict=True)]) < 1


def test_likeness_is_by_casts_and_mood(titles: list[FeatureTitle]) -> None:
    known = Alike()
    for title in titles:
        known.add(title)
    found = {(row["title"], row["other"]): row["relevance"] for table in known.tables() for row in table.to_pylist()}
    for a, b in permutations(titles, 2):
        shared = len(set(a.truth.company.tolist()) & set(b.truth.company.tolist()))
        same_mood = a.truth.mood == b.truth.mood
        points = (shared == 3) + (shared >= 2 and same_mood)
        assert found.get((a.title_id, b.title_id), 0) == points
    assert set(found.values()) == {1, 2}


def test_files_hold_every_table_and_do_not_depend_on_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = SyntheticFeatures(seed=2, titles=5, shots=(30, 60))
    write_features(tmp_path / "a", catalogue)
    monkeypatch.setattr(tables, "TITLES_AT_ONCE", 2)
    write_features(tmp_path / "b", catalogue)
    facts = json.loads((tmp_path / "a" / "tables.json").read_text())
    assert {name: TableFacts(**said) for name, said in facts.items()} == FEATURE_TABLES
    for name in FEATURE_TABLES:
        table = pq.read_table(tmp_path / "a" / f"{name}.parquet")
        assert table.equals(pq.read_table(tmp_path / "b" / f"{name}.parquet")), name
        if name in OF_TITLE:
            assert table.equals(pa.concat_tables([rows(name, title) for title in catalogue])), name


def test_a_catalogue_without_picture_and_text_has_the_tables_that_are_left(tmp_path: Path) -> None:
    write_features(tmp_path, SyntheticFeatures(seed=0, titles=3, shots=(30, 60), dims={"audio": 16}))
    shown = pq.read_table(tmp_path / "labels_shot.parquet").column_names[3:]
    assert shown == [f"hears_{what}_{k}" for what in ("tune", "omen") for k in range(3)]
    assert pq.read_table(tmp_path / "labels_ad_relevancy.parquet").column_names[3:] == ["ads_music"]
    shots = pq.read_table(tmp_path / "shots.parquet").num_rows
    assert pq.read_table(tmp_path / "labels_story_plot.parquet").num_rows == shots
