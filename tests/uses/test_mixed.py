import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.metrics import ndcg_score

from mediafm.fusion import unit_rows
from mediafm.uses.factors import CONFIDENCE, HELD_TO_CONTENT, REACH, SHRINKAGE, factorise, learn
from mediafm.uses.mixed import _deviation, content_scores, fit_mixed
from mediafm.uses.profile_map import profile_maps, profiles
from mediafm.uses.ranking_scores import ndcg_and_recall


def world(users=150, titles=60, traits=4, noise_dims=12, seed=0):
    """Likes by some traits of the titles' content; most of the content means nothing."""
    rng = np.random.default_rng(seed)
    meant = rng.normal(size=(titles, traits))
    content = unit_rows(np.concatenate([meant, 1.2 * rng.normal(size=(titles, noise_dims))], axis=1))
    odds = 1.5 * rng.normal(size=(users, traits)) @ meant.T - 2
    liked = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    return liked, content


@pytest.mark.parametrize("k", [1, 3, 10, 40])
def test_ndcg_is_scikit_learns_also_where_scores_tie(k):
    rng = np.random.default_rng(0)
    liked, scores = rng.random((20, 25)) < 0.2, rng.integers(0, 6, size=(20, 25)).astype(float)
    liked[1:, 0], liked[0] = True, False
    ndcg, recall = ndcg_and_recall(liked, scores, k)
    assert np.isnan(ndcg[0])
    assert np.isnan(recall[0])
    for row in range(1, 20):
        assert ndcg[row] == pytest.approx(ndcg_score(liked[row : row + 1].astype(float), scores[row : row + 1], k=k))


def test_recall_counts_what_is_among_the_first_and_ties_share_places():
    liked = np.array([[1, 0, 1, 0]], dtype=bool)
    assert ndcg_and_recall(liked, np.array([[4.0, 3, 2, 1]]), 2)[1] == [0.5]
    assert ndcg_and_recall(liked, np.array([[4.0, 3, 2, 1]]), 3)[1] == [1.0]
    assert ndcg_and_recall(liked, np.zeros((1, 4)), 2)[1] == [0.5]  # what a random order finds


def test_factors_satisfy_their_equations():
    """At the end of a round each title's factors are the weighted ridge solution of its column of likes."""
    liked, _ = world(40, 12)
    matrix = sparse.csr_array(liked.astype(float))
    found = factorise(matrix, 3, seed=0)
    for title in range(12):
        weights = 1 + CONFIDENCE * liked[:, title]
        reference = Ridge(alpha=SHRINKAGE, fit_intercept=False).fit(
            found.users_UK, liked[:, title].astype(float), sample_weight=weights
        )
        np.testing.assert_allclose(found.items_WK[title], reference.coef_, atol=1e-8)


def test_the_map_is_ridge_and_differences_are_bounded():
    liked, content = world()
    matrix = sparse.csr_array(liked.astype(float))
    start = factorise(matrix, 4, seed=0)
    plain = learn(matrix, content, start, 1.0, 0)
    centred = content - content.mean(axis=0)
    reference = Ridge(alpha=np.square(centred).sum() / content.shape[1]).fit(content, start.items_WK)
    np.testing.assert_allclose(plain.place(content), reference.predict(content), atol=1e-8)
    moved = learn(matrix, content, start, 1.0, 1)
    assert HELD_TO_CONTENT > 0
    placed = plain.place(content)
    difference = np.linalg.norm(moved.items_WK - placed, axis=1)
    assert (difference <= REACH * np.linalg.norm(placed, axis=1) + 1e-9).all()
    assert difference.max() > 0


def test_profiles_are_means_of_what_was_liked():
    liked, content = world(10, 8)
    liked[0] = False
    found = profiles(sparse.csr_array(liked.astype(float)), content)
    np.testing.assert_allclose(found[0], 0)
    np.testing.assert_allclose(found[3], content[liked[3]].mean(axis=0))


def test_a_map_of_profiles_learns_which_content_counts():
    liked, content = world(users=400, titles=120)
    matrix = sparse.csr_array(liked.astype(float))
    none, *_, learned = profile_maps(matrix, content, 0, (np.inf, 0.1))
    np.testing.assert_array_equal(none, np.eye(16))
    weight = np.diag(learned)
    assert weight[:4].min() > 2 * np.abs(weight[4:]).max()


def test_likes_teach_what_content_alone_does_not_know():
    liked, content = world(users=400, titles=120)
    new, known = np.arange(30), np.arange(30, 120)
    teaching = sparse.csr_array(liked[:, known].astype(float))
    asked = liked[:, new].any(axis=1)
    alone = content_scores(teaching, content[known], content[new])
    mixed = fit_mixed(teaching, content[known], seed=0).scores(content[new])
    reached = [np.nanmean(ndcg_and_recall(liked[asked][:, new], scores[asked], 10)[0]) for scores in (alone, mixed)]
    assert reached[1] > reached[0] + 0.03


def test_likes_that_mean_nothing_teach_nothing():
    """Whoever chooses by held-back titles does not fall far below chance on likes drawn at random."""
    rng = np.random.default_rng(0)
    liked, content = rng.random((200, 60)) < 0.15, unit_rows(rng.normal(size=(60, 8)))
    new, known = np.arange(15), np.arange(15, 60)
    mixed = fit_mixed(sparse.csr_array(liked[:, known].astype(float)), content[known], seed=0)
    asked = liked[:, new].any(axis=1)
    scores = [mixed.scores(content[new])[asked], np.zeros((asked.sum(), 15))]
    reached = [np.nanmean(ndcg_and_recall(liked[asked][:, new], s, 10)[0]) for s in scores]
    assert reached[0] == pytest.approx(reached[1], abs=0.06)


def test_scores_of_some_users_are_theirs_among_all():
    rng = np.random.default_rng(2)
    liked = sparse.csr_array((rng.random((40, 30)) < 0.2).astype(np.float32))
    content = rng.normal(size=(36, 8))
    mixed = fit_mixed(liked, content[:30], seed=0)
    some = np.array([3, 17, 39])
    np.testing.assert_allclose(mixed.scores(content[30:], some), mixed.scores(content[30:])[some])
    alone = content_scores(liked, content[:30], content[30:])
    np.testing.assert_allclose(content_scores(liked, content[:30], content[30:], some), alone[some])


def test_both_parts_count_at_the_deviation_they_have_within_a_users_list():
    """The deviation is told without making the products; here it is that of the products."""
    rng = np.random.default_rng(3)
    users, titles = rng.normal(size=(20, 5)), rng.normal(size=(12, 5)) + 2
    products = users @ titles.T
    assert _deviation(users, titles) == pytest.approx(np.sqrt(products.var(axis=1).mean()))
