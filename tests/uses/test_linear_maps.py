import numpy as np
import pytest
from scipy import linalg
from sklearn.linear_model import Ridge

from mediafm.errors import MediafmError, MismatchError
from mediafm.fusion import unit_rows
from mediafm.uses.bending import learn_bend
from mediafm.uses.kept import kept_at, nearest_rows, shared
from mediafm.uses.linear_maps import FAMILIES, RIDGES, Moments, linear_maps
from mediafm.uses.mapping import Bend, VectorMap


@pytest.fixture
def paired():
    rng = np.random.default_rng(0)
    old = unit_rows(rng.normal(size=(300, 10)))
    return old.astype(np.float32), unit_rows(old @ rng.normal(size=(10, 8)) + 0.1).astype(np.float32)


def only(old, new, family):
    return list(linear_maps(Moments.of(old, new), (family,)))


def test_procrustes_is_scipys(paired):
    old, _ = paired
    new = unit_rows(old @ linalg.orth(np.random.default_rng(1).normal(size=(10, 10))) + 0.05)
    (made,) = only(old, new, "procrustes")
    centred_old, centred_new = old - old.mean(axis=0), new - new.mean(axis=0)
    rotation, strength = linalg.orthogonal_procrustes(centred_old, centred_new)
    scale = strength / np.square(centred_old).sum()
    np.testing.assert_allclose(made.weight_DE, scale * rotation, atol=1e-4)


def test_ridge_is_scikit_learns(paired):
    old, new = paired
    spread = np.trace(np.cov(old.T, bias=True)) / old.shape[1]
    for made, penalty in zip(only(old, new, "ridge"), RIDGES, strict=True):
        reference = Ridge(alpha=penalty * spread * len(old)).fit(old, new)
        np.testing.assert_allclose(made(old), reference.predict(old), atol=1e-4)


def test_delta_is_ridge_of_what_the_rotation_leaves(paired):
    old, new = paired
    centred_old, centred_new = old - old.mean(axis=0), new - new.mean(axis=0)
    rotation = only(old, new, "procrustes")[0].weight_DE
    spread = np.trace(np.cov(old.T, bias=True)) / old.shape[1]
    reference = Ridge(alpha=spread * len(old), fit_intercept=False).fit(
        centred_old, centred_new - centred_old @ rotation
    )
    made = next(m for m in only(old, new, "delta") if m.setting == "penalty 1")
    np.testing.assert_allclose(made.weight_DE - rotation, reference.coef_.T, atol=1e-4)


def test_whitened_undoes_any_linear_change():
    rng = np.random.default_rng(0)
    old = rng.normal(size=(4000, 6)).astype(np.float32)
    new = (old @ rng.normal(size=(6, 6))).astype(np.float32)
    made = only(old, new, "whitened")[0]
    assert np.corrcoef(made(old).ravel(), new.ravel())[0, 1] > 0.99


def test_moments_add_up_and_leave_absent_rows_out(paired):
    old, new = (part.copy() for part in paired)
    old[:5], new[7] = 0, 0
    there = [i for i in range(300) if i >= 5 and i != 7]
    parts = Moments.of(old[:100], new[:100]) + Moments.of(old[100:], new[100:])
    for name, value in vars(Moments.of(old[there], new[there])).items():
        np.testing.assert_allclose(getattr(parts, name), value, atol=1e-9)
    assert parts.count == 294


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_maps_between_sizes(paired, family):
    old, new = paired
    for made in only(old, new, family):
        assert made(old).shape == new.shape


def test_neighbours_are_those_of_a_full_sort():
    rng = np.random.default_rng(0)
    rows = unit_rows(rng.normal(size=(200, 5)))
    own = np.arange(0, 200, 3)
    found = nearest_rows(rows[own], rows, 7, own)
    scores = rows[own] @ rows.T
    scores[np.arange(len(own)), own] = -np.inf
    np.testing.assert_array_equal(found, np.argsort(-scores, axis=1, kind="stable")[:, :7])


def test_shared_counts_what_both_found():
    found, wanted = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[3, 2, 9], [7, 8, 9]])
    np.testing.assert_allclose(shared(found, wanted, 3), [2 / 3, 0])
    np.testing.assert_allclose(shared(found, wanted, 1), [0, 0])
    rows = unit_rows(np.random.default_rng(0).normal(size=(30, 4)))
    own = np.arange(30)
    kept = kept_at(rows, rows, own, nearest_rows(rows, rows, 12, own))
    assert set(kept) == {1, 10}
    assert all((each == 1).all() for each in kept.values())


def test_a_network_learns_what_no_line_can():
    rng = np.random.default_rng(0)
    old = unit_rows(rng.normal(size=(3000, 6))).astype(np.float32)
    new = unit_rows(np.concatenate([old, 2 * np.abs(old)], axis=1)).astype(np.float32)
    linear = only(old[:2500], new[:2500], "ridge")[0]
    bend = learn_bend(linear, (old[:2500], new[:2500]), (old[2500:], new[2500:]), seed=0)
    straight = np.einsum("nd,nd->n", VectorMap("a", "b", linear)(old[2500:]), new[2500:]).mean()
    bent = np.einsum("nd,nd->n", VectorMap("a", "b", linear, bend)(old[2500:]), new[2500:]).mean()
    assert bent > straight + 0.3 * (1 - straight)


@pytest.mark.parametrize("bent", [False, True])
def test_a_map_comes_back_as_it_was_saved(paired, tmp_path, bent):
    old, new = paired
    rng = np.random.default_rng(0)
    bend = Bend(*(rng.normal(size=s).astype(np.float32) for s in ((10, 3), (3,), (3, 8)))) if bent else None
    made = VectorMap("a:title", "b:title", only(old, new, "ridge")[0], bend, {"titles": 3})
    made.save(tmp_path / "map")
    held = VectorMap.load(tmp_path / "map")
    np.testing.assert_array_equal(held(old), made(old))
    assert (held.old, held.new, held.fingerprint, held.facts["titles"]) == ("a:title", "b:title", made.fingerprint, 3)


def test_mapped_rows_are_of_unit_length_and_absent_ones_stay_absent(paired):
    old, new = paired
    made = VectorMap("a", "b", only(old, new, "ridge")[0])
    mapped = made(np.concatenate([old[:3] * 7, np.zeros((1, 10))]))
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), [1, 1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(mapped[:3], made(old[:3]), atol=1e-6)
    with pytest.raises(MismatchError, match="10 numbers"):
        made(np.ones((2, 9)))


def test_a_damaged_map_is_not_believed(paired, tmp_path):
    made = VectorMap("a", "b", only(*paired, "ridge")[0])
    folder = made.save(tmp_path / "map")
    other = VectorMap("a", "b", only(*paired, "ridge")[1])
    other.save(tmp_path / "other")
    (folder / "map.safetensors").write_bytes((tmp_path / "other" / "map.safetensors").read_bytes())
    with pytest.raises(MediafmError, match="not those that were saved"):
        VectorMap.load(folder)
    (folder / "map.safetensors").write_bytes(b"no")
    with pytest.raises(MediafmError, match="cannot be read"):
        VectorMap.load(folder)
    with pytest.raises(MediafmError, match="There is no map"):
        VectorMap.load(tmp_path / "nowhere")
