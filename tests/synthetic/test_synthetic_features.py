"""Laws of the synthetic feature catalogue, each against the figure that its law states."""

from itertools import groupby, pairwise

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.sequences import FeatureSource, encoder_facts
from mediafm.sequences.source import iter_contents
from mediafm.synthetic import FeatureTitle, Law, SyntheticFeatures
from mediafm.synthetic.features.law import RETURN, World
from mediafm.synthetic.features.sphere import concentration, scatter
from mediafm.synthetic.features.timeline import act_ranges
from mediafm.types import MODALITIES

LAW = Law()


@pytest.fixture(scope="module")
def titles() -> list[FeatureTitle]:
    return list(SyntheticFeatures(seed=0, titles=150))


def test_the_same_seed_gives_the_same_arrays_and_larger_catalogues_begin_alike(titles: list[FeatureTitle]) -> None:
    for again, title in zip(SyntheticFeatures(seed=0, titles=5), titles, strict=False):
        assert_same(again, title)
    assert_same(next(iter(SyntheticFeatures(seed=0, titles=1, first=7))), titles[7])
    assert_same(SyntheticFeatures(seed=0, titles=100).title(titles[42].title_id), titles[42])
    other = next(iter(SyntheticFeatures(seed=1, titles=1)))
    assert not np.array_equal(other.features.vectors["video"][:50], titles[0].features.vectors["video"][:50])


def assert_same(a: FeatureTitle, b: FeatureTitle) -> None:
    assert a.title_id == b.title_id
    for modality in MODALITIES:
        assert np.array_equal(a.features.vectors[modality], b.features.vectors[modality])
        assert np.array_equal(a.features.present[modality], b.features.present[modality])
    assert np.array_equal(a.labels, b.labels)
    assert np.array_equal(a.end_s, b.end_s)


def test_it_is_a_source_of_features() -> None:
    catalogue = SyntheticFeatures(seed=0, titles=3)
    source: FeatureSource = catalogue
    assert encoder_facts(source)["audio"]["dim"] == 48
    ids = [title for title, _ in source.iter_features()]
    assert ids == sorted(ids) == catalogue.title_ids
    for title in catalogue:
        start, end = catalogue.spans(title.title_id)
        assert np.array_equal(start, title.start_s) and np.array_equal(end, title.end_s)
        vector = source.global_vector(title.title_id)
        assert np.array_equal(vector, title.global_vector) if vector is not None else title.global_vector is None
    for contents, title in zip(iter_contents(source), catalogue, strict=True):
        assert contents.title_id == title.title_id and np.array_equal(contents.start_s, title.start_s)
        assert np.array_equal(contents.features.vectors["text"], title.features.vectors["text"])
    others = [
        SyntheticFeatures(1, 3),
        SyntheticFeatures(0, 4),
        SyntheticFeatures(0, 3, first=1),
        SyntheticFeatures(0, 3, shots=(10, 20)),
        SyntheticFeatures(0, 3, law=Law(clarity=0.5)),
        SyntheticFeatures(0, 3, dims={"video": 64}),
    ]
    assert len({catalogue.uri, *(other.uri for other in others)}) == 7
    assert catalogue.uri == SyntheticFeatures(0, 3).uri


def test_rows_are_unit_or_absent_and_shots_tile(titles: list[FeatureTitle]) -> None:
    for title in titles:
        n = len(title.features)
        assert tuple(title.features.vectors) == MODALITIES
        assert 160 <= n <= 240
        for modality in MODALITIES:
            length = np.linalg.norm(title.features.vectors[modality], axis=1)
            assert np.allclose(length, title.features.present[modality], atol=1e-5)
        assert title.start_s[0] == 0
        assert np.array_equal(title.start_s[1:], title.end_s[:-1])
        assert (title.end_s > title.start_s).all()
        assert len(title.end_s) == n


def test_modalities_and_metadata_are_missing_as_often_as_stated(titles: list[FeatureTitle]) -> None:
    for modality in ("audio", "text"):
        there = np.concatenate([t.features.present[modality] for t in titles])
        assert there.mean() == pytest.approx(LAW.present(modality), abs=0.01)
    plain = np.concatenate([t.features.present["video"][t.truth.motif < 0] for t in titles])
    assert plain.mean() == pytest.approx(LAW.present_video, abs=0.005)
    assert all(t.features.present["video"][t.truth.motif >= 0].all() for t in titles)
    assert np.mean([t.global_vector is not None for t in titles]) == pytest.approx(LAW.metadata, abs=0.1)


def test_scenes_alternate_between_storylines_of_one_cast_and_plot_each(titles: list[FeatureTitle]) -> None:
    lengths = []
    for title in titles:
        truth = title.truth
        assert title.scene_start[0] and title.scene_start.sum() == truth.scene[-1] + 1
        order = truth.storyline[title.scene_start]
        assert all(a != b for a, b in pairwise(order.tolist()))
        assert np.array_equal(truth.cast, truth.company[truth.storyline])
        assert len(set(zip(truth.cast.tolist(), truth.plot.tolist(), strict=True))) <= LAW.storylines
        assert len({cast % 2 for cast in truth.company.tolist()}) == 2  # heroes and opponents
        lengths += np.diff(np.flatnonzero(title.scene_start)).tolist()
    assert np.mean(lengths) == pytest.approx(LAW.scene_shots, rel=0.05)


def test_motifs_return_after_more_than_thirty_shots_and_mean_one_thing_a_title(titles: list[FeatureTitle]) -> None:
    returns = 0
    for title in titles:
        motif = title.truth.motif
        for shown in set(motif[motif >= 0].tolist()):
            steps = np.diff(np.flatnonzero(motif == shown))
            assert ((steps == 1) | (steps > RETURN)).all()
            returns += int((steps > 1).sum())
            assert len(set(title.truth.omen[motif == shown].tolist())) == 1
        runs = [len(list(run)) for value, run in groupby(motif.tolist()) if value >= 0]
        assert all(2 <= length <= 4 for length in runs[:-1])  # the end of the title may cut the last
    assert returns > 5 * len(titles)
    one_motif = {int(t.truth.omen[t.truth.motif == 3][0]) for t in titles if (t.truth.motif == 3).any()}
    assert one_motif == set(range(LAW.omens))  # in other titles it stands for other things


def test_acts_come_in_order_and_begin_where_they_may(titles: list[FeatureTitle]) -> None:
    for title in titles:
        act, n = title.truth.act, len(title.features)
        assert (np.diff(act) >= 0).all()
        for number, (low, high) in enumerate(act_ranges(n), start=1):
            assert low <= int(np.flatnonzero(act == number)[0]) <= high
        heroes = title.truth.cast % 2 == 0
        assert np.array_equal(title.truth.fortune[heroes], act[heroes])  # heroes rise
        assert np.array_equal(title.truth.fortune[~heroes], 2 - act[~heroes])  # their opponents fall


def test_score_comes_and_goes_with_one_mood_a_title(titles: list[FeatureTitle]) -> None:
    scored = np.concatenate([t.truth.scored for t in titles])
    assert scored.mean() == pytest.approx(0.5, abs=0.03)
    changes = np.mean(np.concatenate([np.diff(t.truth.scored) != 0 for t in titles]))
    assert changes == pytest.approx(1 / LAW.score_shots, rel=0.05)
    assert all(t.truth.mood != t.truth.source for t in titles)


def test_labels_say_what_the_truth_says(titles: list[FeatureTitle]) -> None:
    title = titles[0]
    columns = dict(zip(LAW.labels, title.labels.T, strict=True))
    assert np.array_equal(columns["plot_2"], title.truth.plot == 2)
    assert np.array_equal(columns["arc_1"], title.truth.fortune == 1)
    assert np.array_equal(columns[f"mood_{title.truth.mood}"], title.truth.scored == 1)
    assert np.array_equal(columns["omen_0"], title.truth.omen == 0)
    for family, count in (("plot", 1), ("arc", 1)):
        assert (sum(v for k, v in columns.items() if k.startswith(family)) == count).all()


@pytest.mark.parametrize(
    ("channel", "modality", "truth", "symbol"),
    [("topic", "text", "topic_truth", "plot"), ("grade", "video", "grade_truth", "scored")],
)
def test_shots_show_the_truth_as_often_as_stated(
    titles: list[FeatureTitle], channel: str, modality: str, truth: str, symbol: str
) -> None:
    right = []
    for title in titles:
        there = title.features.present[modality]  # type: ignore[index]
        part = title.world.channels[channel]
        shown = (title.features.vectors[part.modality][there][:, part.columns] @ part.directions.T).argmax(axis=1)
        right.append(shown == getattr(title.truth, symbol)[there])
    assert np.concatenate(right).mean() == pytest.approx(getattr(LAW, truth), abs=0.02)


@pytest.mark.parametrize(("clarity", "dim"), [(0.3, 16), (0.85, 48), (0.6, 3)])
def test_vectors_scatter_as_von_mises_and_fisher_say(clarity: float, dim: int) -> None:
    from scipy.stats import vonmises_fisher

    rng = np.random.default_rng(0)
    direction = rng.normal(size=dim)
    direction /= np.linalg.norm(direction)
    kappa = concentration(clarity, dim)
    rows = scatter(np.tile(direction, (20_000, 1)), kappa, rng)
    reference = vonmises_fisher(direction, kappa, seed=1).rvs(20_000)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert (rows @ direction).mean() == pytest.approx((reference @ direction).mean(), abs=0.005)
    assert (rows @ direction).std() == pytest.approx((reference @ direction).std(), abs=0.005)
    sideways = rows - (rows @ direction)[:, None] * direction
    assert np.abs(sideways.mean(axis=0)).max() < 0.02
    assert (rows @ direction).mean() == pytest.approx(clarity, abs=0.02)


def test_every_symbol_can_be_told_from_every_other_in_one_shot() -> None:
    """Doubt comes from what symbols mean, not from noise: the ceiling takes motifs as seen."""
    world = World(0, SyntheticFeatures(0, 1).world.dims, LAW)
    rng = np.random.default_rng(0)
    for name, channel in world.channels.items():
        symbols = rng.integers(len(channel.directions), size=20_000)
        rows = scatter(channel.directions[symbols], channel.kappa, rng)
        share = ((rows @ channel.directions.T).argmax(axis=1) == symbols).mean()
        assert share > (0.97 if name == "subject" else 0.995), name
        if name == "subject":
            motif = symbols >= len(channel.directions) - LAW.motifs
            kind = (rows @ channel.directions.T).argmax(axis=1) >= len(channel.directions) - LAW.motifs
            assert (kind == motif).all()


def test_any_modalities_and_sizes() -> None:
    catalogue = SyntheticFeatures(0, 3, (1, 10), {"text": 7, "video": 5})
    for title in catalogue:
        assert title.features.dims == {"video": 5, "text": 7}
        assert title.labels.shape == (len(title.features), len(LAW.labels))
    assert {v.shape for v in map(catalogue.global_vector, catalogue.title_ids) if v is not None} == {(7,)}


@pytest.mark.parametrize(
    ("titles", "shots", "dims"),
    [
        (0, (5, 5), {"video": 4}),
        (2, (0, 3), {"video": 4}),
        (2, (5, 4), {"video": 4}),
        (2, (5, 5), {}),
        (2, (5, 5), {"smell": 4}),
    ],
)
def test_impossible_catalogues_are_refused(titles: int, shots: tuple[int, int], dims: dict) -> None:
    with pytest.raises(UsageError, match="at least one"):
        SyntheticFeatures(0, titles, shots, dims)


def test_titles_that_are_not_there_are_refused_by_name() -> None:
    catalogue = SyntheticFeatures(0, 3, first=2)
    for name in ("title-000002", "title-000006", "title-3", "film"):
        with pytest.raises(UsageError, match=name):
            catalogue.title(name)
    with pytest.raises(UsageError, match="two numbers"):
        SyntheticFeatures(0, 1, dims={"text": 1})
    with pytest.raises(UsageError, match="casts"):
        SyntheticFeatures(0, 1, law=Law(casts=3))
