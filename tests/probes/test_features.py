import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.probes.features import centring_for, check_features, default_features
from mediafm.probes.surroundings import around
from mediafm.probes.tasks import Task
from probes.fake_catalog import FakeCatalog, FakeTitle, unit


def task_for(unit_name):
    return Task.model_validate(
        {"name": "t", "kind": "multilabel", "unit": unit_name, "labels": "x.csv", "split": {"folds": 2}}
    )


def catalog(scale=1.0):
    rng = np.random.default_rng(0)
    ends = np.arange(1.0, 6.0)
    present = np.array([True, False, True, True, True])
    vectors = {"video": scale * unit(rng.normal(size=(5, 4))), "text": unit(rng.normal(size=(5, 3))) * present[:, None]}
    title = FakeTitle(ends - 1, ends, vectors, present={"text": present})
    return FakeCatalog({"a": title}, {"run": ("title", {}), "run-none": ("none", {})})


def test_neighbours_and_means_by_hand():
    fused = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert around(fused, "concat") is fused
    near = around(fused, "neighbours")
    np.testing.assert_array_equal(near[0], [0, 0, 0, 1, 2, 3, 1, 0])
    np.testing.assert_array_equal(near[2], [2, 3, 4, 5, 6, 7, 0, 0])
    np.testing.assert_array_equal(near[4], [6, 7, 8, 9, 0, 0, 0, 1])
    for radius in (1, 3, 8):
        for i in range(5):
            window = fused[max(0, i - radius) : i + radius + 1].mean(axis=0)
            np.testing.assert_allclose(around(fused, f"moving_average_{radius}")[i], window, rtol=1e-6)
            past = fused[max(0, i - radius) : i].mean(axis=0) if i else np.zeros(2)
            future = fused[i + 1 : i + radius + 1].mean(axis=0) if i < 4 else np.zeros(2)
            expected = np.concatenate([fused[i], past, future, [i == 0, i == 4]])
            np.testing.assert_allclose(around(fused, f"past_future_{radius}")[i], expected, rtol=1e-6)


def test_raw_scale_asks_for_standardising_and_missing_rows_do_not():
    assert centring_for(catalog(), ["a"]) == "none"
    assert centring_for(catalog(scale=3.0), ["a"]) == "standard"


def test_a_title_has_no_neighbours():
    shots, titles = (default_features(catalog(), task_for(unit), {}) for unit in ("shot", "title"))
    assert shots[:4] == ["chance", "video", "text", "concat"] and shots[-2:] == ["run", "run-none"]
    assert {"neighbours", "past_future_8"} < set(shots)
    assert titles == ["chance", "video", "text", "concat", "run", "run-none"]


def test_unknown_names_are_refused_with_a_near_one():
    check_features(catalog(), ["video", "text", "run", "past_future_32", "moving_average_2"], {}, task_for("shot"))
    with pytest.raises(UsageError, match="Did you mean 'run-none'"):
        check_features(catalog(), ["run-non"], {}, task_for("shot"))
    for name in ("audio", "moving_average_0", "moving_average_x"):
        with pytest.raises(UsageError, match=f"no feature set '{name}'"):
            check_features(catalog(), [name], {}, task_for("shot"))
