import csv

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mediafm.errors import UsageError
from mediafm.synthetic import SyntheticFeatures, Taste, draw_viewing, write_viewing


@pytest.fixture(scope="module")
def viewing():
    return draw_viewing(SyntheticFeatures(0, 60, shots=(6, 10)), users=300, seed=0)


def test_likes_come_with_their_chance(viewing):
    """Of pairs of about the same chance about that share is liked."""
    order = np.argsort(viewing.chance_UT, axis=None)
    chance, liked = viewing.chance_UT.ravel()[order], viewing.liked_UT.ravel()[order]
    for part in np.array_split(np.arange(len(order)), 10):
        error = np.sqrt(chance[part].mean() / len(part)) + 1e-3
        assert liked[part].mean() == pytest.approx(chance[part].mean(), abs=4 * error)
    assert liked.mean() == pytest.approx(0.08, abs=0.01)


def test_who_knows_more_sorts_better(viewing):
    liked = viewing.liked_UT.ravel()
    reached = [
        roc_auc_score(liked, known.ravel()) for known in (viewing.people_UT, viewing.visible_UT, viewing.chance_UT)
    ]
    assert reached[0] > 0.6
    assert reached[1] > reached[0] + 0.05
    assert reached[2] > reached[1] + 0.02


def test_without_hidden_traits_vectors_could_tell_all():
    catalogue = SyntheticFeatures(1, 20, shots=(6, 10))
    seen = draw_viewing(catalogue, 50, 0, Taste(people=0.5, story=0.5, hidden=0.0))
    np.testing.assert_array_equal(np.argsort(seen.visible_UT, axis=None), np.argsort(seen.chance_UT, axis=None))


def test_the_same_seed_gives_the_same_likes(viewing):
    again = draw_viewing(SyntheticFeatures(0, 60, shots=(6, 10)), users=300, seed=0)
    np.testing.assert_array_equal(again.rating_UT, viewing.rating_UT)
    other = draw_viewing(SyntheticFeatures(0, 60, shots=(6, 10)), users=300, seed=1)
    assert (other.rating_UT != viewing.rating_UT).any()


def test_tables_hold_what_was_drawn(viewing, tmp_path):
    write_viewing(tmp_path, viewing)
    with (tmp_path / "interactions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == (viewing.rating_UT > 0).sum()
    for row in rows[:50]:
        place = viewing.users.index(row["user"]), viewing.titles.index(row["item"])
        assert int(row["rating"]) == viewing.rating_UT[place]
    with (tmp_path / "oracle.csv").open(newline="") as file:
        known = list(csv.DictReader(file))
    assert len(known) == viewing.chance_UT.size
    assert float(known[61]["chance"]) == pytest.approx(viewing.chance_UT[1, 1], abs=1e-5)


def test_too_little_has_its_message():
    with pytest.raises(UsageError, match="0 users"):
        draw_viewing(SyntheticFeatures(0, 5), 0, 0)
    with pytest.raises(UsageError, match="1 titles"):
        draw_viewing(SyntheticFeatures(0, 1), 5, 0)
