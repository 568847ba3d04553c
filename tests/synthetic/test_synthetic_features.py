"""Laws of the synthetic feature catalogue."""

from itertools import pairwise

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.synthetic import FeatureTitle, feature_catalogue
from mediafm.synthetic.features import MISSING, MOODS, MOTIF_SHARE
from mediafm.types import MODALITIES


@pytest.fixture(scope="module")
def titles() -> list[FeatureTitle]:
    return list(feature_catalogue(seed=0, titles=20, shots_per_title=150))


def test_the_same_seed_gives_the_same_arrays_and_longer_catalogues_begin_alike(titles: list[FeatureTitle]) -> None:
    again = list(feature_catalogue(seed=0, titles=5, shots_per_title=150))
    for a, b in zip(again, titles, strict=False):
        assert a.title_id == b.title_id
        for modality in MODALITIES:
            assert np.array_equal(a.features.vectors[modality], b.features.vectors[modality])
        assert np.array_equal(a.mood, b.mood)
    other = next(feature_catalogue(seed=1, titles=1, shots_per_title=150))
    assert not np.array_equal(other.features.vectors["video"], titles[0].features.vectors["video"])


def test_rows_are_unit_or_absent(titles: list[FeatureTitle]) -> None:
    for title in titles:
        assert tuple(title.features.vectors) == MODALITIES
        assert len(title.features) == 150
        for modality in MODALITIES:
            length = np.linalg.norm(title.features.vectors[modality], axis=1)
            assert np.allclose(length, title.features.present[modality], atol=1e-5)
        assert np.linalg.norm(title.global_vector) == pytest.approx(1, abs=1e-5)


def test_text_is_missing_as_often_as_stated(titles: list[FeatureTitle]) -> None:
    for modality in MODALITIES:
        share = 1 - np.mean([t.features.present[modality].mean() for t in titles])
        assert share == pytest.approx(MISSING[modality], abs=0.03)
    assert np.mean([t.ambiguous.mean() for t in titles]) == pytest.approx(MOTIF_SHARE, abs=0.03)


def test_shots_tile_and_scenes_hold_together(titles: list[FeatureTitle]) -> None:
    for title in titles:
        assert title.start_s[0] == 0
        assert np.array_equal(title.start_s[1:], title.end_s[:-1])
        assert (title.end_s > title.start_s).all()
        assert title.scene_start[0]
        assert title.scene_start.sum() == title.scene[-1] + 1
        for labels in (title.mood, title.storyline):
            assert all(len(set(labels[title.scene == k].tolist())) == 1 for k in range(title.scene[-1] + 1))
        assert 0 <= title.mood.min() <= title.mood.max() < MOODS
        order = [int(title.storyline[title.scene == k][0]) for k in range(title.scene[-1] + 1)]
        assert all(a != b for a, b in pairwise(order))  # every storyline goes away and comes back


def test_shots_of_a_scene_are_alike_and_motifs_are_alike_everywhere(titles: list[FeatureTitle]) -> None:
    title = titles[0]
    video = title.features.vectors["video"]
    clear = ~title.ambiguous
    likeness = video @ video.T
    same = title.scene[:, None] == title.scene[None, :]
    pairs = clear[:, None] & clear[None, :] & ~np.eye(len(video), dtype=bool)
    assert likeness[pairs & same].mean() > likeness[pairs & ~same].mean() + 0.2
    first, second = titles[0], titles[1]
    motif = next(int(m) for m in first.motif if m >= 0 and m in second.motif)
    here = first.features.vectors["video"][first.motif == motif]
    there = second.features.vectors["video"][second.motif == motif]
    assert (here @ there.T).mean() > 0.5


def test_any_modalities_and_sizes() -> None:
    title = next(feature_catalogue(0, 1, 10, {"text": 7, "video": 5}))
    assert title.features.dims == {"video": 5, "text": 7}
    assert title.global_vector.shape == (7,)


@pytest.mark.parametrize(
    ("titles", "shots", "dims"), [(0, 5, {"video": 4}), (2, 0, {"video": 4}), (2, 5, {}), (2, 5, {"smell": 4})]
)
def test_impossible_catalogues_are_refused(titles: int, shots: int, dims: dict) -> None:
    with pytest.raises(UsageError, match="at least one"):
        feature_catalogue(0, titles, shots, dims)
