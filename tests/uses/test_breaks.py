"""Ad breaks: at planted scene cuts, never inside a line, beside the scene that fits; wrong use."""

from itertools import pairwise

import numpy as np
import pytest

from mediafm.encoders import load_preset
from mediafm.errors import MismatchError, UsageError
from mediafm.uses.breaks import Rules, choose_breaks, clean_cuts, find_breaks
from mediafm.uses.briefs import brief_cosines
from mediafm.uses.titles import TitleShots, read_shots
from uses.conftest import SHOT_S, STARTS


def test_breaks_at_scene_cuts_where_nobody_speaks(catalog):
    found = find_breaks(catalog, "t5", count=3, gap_s=4, edge_s=4, scenes=4)
    assert {b.shot for b in found.breaks} == set(STARTS[1:3]) and found.in_speech == 1 and found.candidates == 2
    assert [b.score for b in found.breaks] == sorted((b.score for b in found.breaks), reverse=True)
    for one in found.breaks:
        assert one.time_s == SHOT_S * one.shot and one.clean == 1.0 and one.margin_s == 2.5
        assert one.relevance is None and len(one.reasons) == 2 and 0 < one.change <= 1
    assert found.breaks[0].before or found.breaks[0].after


def test_distances_are_kept(catalog):
    for gap in (2.0, 10.0, 20.0):
        times = sorted(b.time_s for b in find_breaks(catalog, "t5", count=3, gap_s=gap, edge_s=6, scenes=12).breaks)
        assert times[0] >= 6 and times[-1] <= 54 and all(b - a >= gap for a, b in pairwise(times))


def shots_with(cues, n=6):
    start = np.arange(n, dtype=float) * 10
    return TitleShots("t", start, start + 10, ("x",) * n, None if cues is None else np.array(cues).reshape(-1, 2))


def test_how_clean_a_cut_is():
    cuts = np.array([1, 2, 3, 4])
    clean, margin, spoken = clean_cuts(shots_with([[2, 9.5], [5, 6], [19, 21], [30, 35], [39, 39.8]]), cuts)
    np.testing.assert_allclose(margin, [0.5, 0.0, 0.0, 0.2])
    assert spoken.tolist() == [False, True, False, False] and clean.tolist() == pytest.approx([0.5, 0, 0, 0.2])
    clean, margin, spoken = clean_cuts(shots_with(None), cuts)
    assert margin is None and not spoken.any() and not clean.any()
    assert clean_cuts(shots_with([]), cuts)[0].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("seed", range(8))
def test_speech_never_has_a_break_in_it(seed):
    rng = np.random.default_rng(seed)
    begin = np.sort(rng.uniform(0, 195, 30))
    cues = np.stack([begin, begin + rng.uniform(0.5, 9, 30)], axis=1)
    shots = shots_with(cues, 20)
    rows = rng.normal(size=(20, 4)).astype(np.float32)
    try:
        found, _, _ = choose_breaks(shots, rows, np.arange(20), Rules(4, 15.0, 15.0), {})
    except UsageError as error:
        assert "nobody speaks" in error.remedy + error.message
        return
    for one in found:
        assert not ((cues[:, 0] < one.time_s) & (one.time_s < cues[:, 1])).any()


def test_a_brief_draws_breaks_to_scenes_that_fit():
    rows = np.repeat(np.eye(4, dtype=np.float32), 3, axis=0)
    shots, starts = shots_with([], 12), np.array([0, 3, 6, 9])
    fits = np.full(12, np.nan)
    fits[[0, 4, 7, 10]] = [0.1, 0.2, 0.3, 0.9]
    found, candidates, _ = choose_breaks(shots, rows, starts, Rules(1, 0.0, 0.0), {"text": fits})
    assert candidates == 3 and found[0].shot == 9 and found[0].relevance == 1.0
    assert found[0].similarity == {"text": pytest.approx(0.9)} and "the scene after fits" in found[0].reasons[-1]


def test_a_brief_goes_through_the_catalogs_own_encoder(tmp_path, monkeypatch):
    """A catalog whose text is the offline preset's: the scene that says it fits better than the one that does not."""
    from fractions import Fraction

    from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord
    from mediafm.types import Features, Shot

    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    encoder = load_preset("offline").encoder("text")
    spec = CatalogSpec("offline", "fixed", {"text": EncoderSpec("text", encoder.dim, encoder.fingerprint)})
    catalog = Catalog.create(tmp_path / "catalog", spec)
    lines = ["we sail the boat over the sea"] * 3 + ["bake the bread in the oven"] * 3 + ["count all our money"] * 3
    vectors = encoder.encode_texts(lines)
    with catalog.writer("t") as writer:
        shots = [ShotRecord.from_shot(Shot(i, 10 * i, 10 * i + 10, 0, 0), Fraction(1), text=lines[i]) for i in range(9)]
        writer.append(shots, Features({"text": vectors}, {"text": np.ones(9, bool)}), {})
        writer.commit(TitleRecord(title_id="t", time_base=Fraction(1), end_pts=90), None)
    assert read_shots(catalog, "t").cues is None
    found = find_breaks(catalog, "t", "money in the bank", count=1, gap_s=0, edge_s=5, scenes=3)
    assert found.breaks[0].shot == 6 and found.breaks[0].relevance == 1.0
    assert "words in the shots on both sides" in found.breaks[0].reasons
    other = CatalogSpec("offline", "fixed", {"text": EncoderSpec("text", encoder.dim, "another")})
    with pytest.raises(MismatchError, match="would be by another encoder"):
        brief_cosines(Catalog.create(tmp_path / "other", other), "t", "money")
    with pytest.raises(UsageError, match="no words in the brief"):
        find_breaks(catalog, "t", "  ", count=1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"title": "t55"}, "no title 't55'"),
        ({"scenes": 1}, "no scene to end"),
        ({"count": 0}, "0 breaks are none"),
        ({"gap_s": -1}, "cannot be negative"),
        ({"edge_s": 40}, "No break is 40 s from the start"),
        ({"scenes": 31}, "cannot have 31"),
        ({"features": "nothing"}, "no features 'nothing'"),
    ],
)
def test_wrong_use(catalog, call, said):
    with pytest.raises(UsageError, match=said):
        find_breaks(catalog, **{"title": "t5", **call})


def test_no_cut_is_left(catalog):
    shots = shots_with([[5, 15]], 2)
    with pytest.raises(UsageError, match="where nobody speaks"):
        choose_breaks(shots, np.eye(2, dtype=np.float32), np.array([0, 1]), Rules(1, 0.0, 0.0), {})


def test_a_brief_without_an_encoder_of_words(tmp_path):
    from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec

    spec = CatalogSpec("import", "import", {"video": EncoderSpec("gaze", 4, "import:gaze:4")})
    with pytest.raises(UsageError, match="A brief needs an encoder of words"):
        brief_cosines(Catalog.create(tmp_path / "catalog", spec), "t", "the sea")
