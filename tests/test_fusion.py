"""Laws of fusion: norms, missing blocks, centring, statistics in parts."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from mediafm.errors import ImportDataError, MismatchError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.types import MODALITIES, Features, Modality

DIMS: dict[Modality, int] = {"video": 20, "audio": 12, "text": 7}
CENTRINGS = ("none", "mean", "standard")


def features(n: int, seed: int = 0, dtype: type = np.float32, dims: dict[Modality, int] = DIMS) -> Features:
    rng = np.random.default_rng(seed)
    vectors, present = {}, {}
    for modality, dim in dims.items():
        rows = rng.standard_normal((n, dim)) + rng.uniform(0, 3, dim)
        present[modality] = rng.random(n) < 0.7
        vectors[modality] = np.where(present[modality][:, None], rows, 0).astype(dtype)
    return Features(vectors, present)


def part(whole: Features, start: int, stop: int) -> Features:
    return Features(
        {m: v[start:stop] for m, v in whole.vectors.items()}, {m: p[start:stop] for m, p in whole.present.items()}
    )


def blocks(fused: np.ndarray, dims: dict[Modality, int] = DIMS) -> list[np.ndarray]:
    return np.split(fused, np.cumsum(list(dims.values()))[:-1], axis=1)


def stats_of(whole: Features, centring: str, dims: dict[Modality, int] = DIMS) -> FusionStats:
    return FusionStats.fit([whole], FusionSpec(dims, centring))


@pytest.mark.parametrize("centring", CENTRINGS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rows_and_blocks_have_the_norms_promised(centring: str, dtype: type) -> None:
    whole = features(200, dtype=dtype)
    fused, present = fuse(whole, stats_of(whole, centring))
    assert fused.dtype == np.float32 and fused.shape == (200, 39) and present.shape == (200, 3)
    assert np.array_equal(present, np.stack([whole.present[m] for m in MODALITIES], axis=1))
    assert np.linalg.norm(fused, axis=1) == pytest.approx(present.any(axis=1).astype(float), abs=1e-6)
    share = 1 / np.sqrt(np.maximum(present.sum(axis=1), 1))
    for column, block in enumerate(blocks(fused)):
        assert np.linalg.norm(block, axis=1) == pytest.approx(present[:, column] * share, abs=1e-6)


def test_as_published_without_centring() -> None:
    whole = features(50)
    fused, present = fuse(whole, stats_of(whole, "none"))
    unit = [v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-9) for v in whole.vectors.values()]
    joined = np.concatenate(unit, axis=1)
    some = present.any(axis=1)
    truth = joined[some] / np.linalg.norm(joined[some], axis=1, keepdims=True)
    assert fused[some] == pytest.approx(truth, abs=1e-6) and not fused[~some].any()


@pytest.mark.parametrize("centring", CENTRINGS)
def test_missing_block_turns_no_other(centring: str) -> None:
    whole = features(80)
    stats = stats_of(whole, centring)
    gone = Features(whole.vectors, {**whole.present, "audio": np.zeros(80, bool)})
    before, after = blocks(fuse(whole, stats)[0]), blocks(fuse(gone, stats)[0])
    assert not after[1].any()
    for column in (0, 2):
        norms = [np.linalg.norm(b[column], axis=1, keepdims=True) for b in (before, after)]
        directions = [b[column] / np.where(n > 0, n, 1) for b, n in zip((before, after), norms, strict=True)]
        assert directions[0] == pytest.approx(directions[1], abs=1e-6)


def test_absent_rows_are_zero_whatever_they_hold() -> None:
    whole = features(30)
    junk = {m: np.where(p[:, None], whole.vectors[m], np.nan) for m, p in whole.present.items()}
    stats = stats_of(whole, "mean")
    assert np.array_equal(fuse(Features(junk, whole.present), stats)[0], fuse(whole, stats)[0])


@pytest.mark.parametrize("centring", CENTRINGS)
def test_parts_give_the_statistics_of_the_whole(centring: str) -> None:
    whole = features(300)
    spec = FusionSpec(DIMS, centring)
    cuts = [0, 1, 40, 40, 299, 300]
    parts = [part(whole, a, b) for a, b in pairwise(cuts)]
    streamed = FusionStats.fit(iter(parts), spec)
    merged = FusionStats.fit(parts[3:], spec).merge(FusionStats.fit(parts[:3], spec))
    truth = FusionStats.fit([whole], spec).to_arrays()
    for stats in (streamed, merged):
        assert stats.to_arrays().keys() == truth.keys()
        for name, array in stats.to_arrays().items():
            assert array == pytest.approx(truth[name], rel=1e-12, abs=1e-12), name


def test_one_pass_over_the_titles() -> None:
    def once() -> Iterator[Features]:
        yield from (features(20, seed) for seed in range(3))

    assert FusionStats.fit(once(), FusionSpec(DIMS, "mean")).to_arrays()["video.count"] > 30


def test_mean_centring_takes_off_the_common_direction() -> None:
    whole = features(2000)
    stats = stats_of(whole, "mean")
    for modality in MODALITIES:
        rows = whole.vectors[modality][whole.present[modality]].astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        assert stats.shifts[modality] == pytest.approx(rows.mean(axis=0), abs=1e-6)

    def mean_cosine(fused: np.ndarray) -> float:
        rows = fused[whole.present["video"], :20]
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return float((np.linalg.norm(rows.sum(axis=0)) ** 2 - len(rows)) / (len(rows) * (len(rows) - 1)))

    assert mean_cosine(fuse(whole, stats_of(whole, "none"))[0]) > 0.5
    assert abs(mean_cosine(fuse(whole, stats)[0])) < 0.02


def test_standard_equals_scikit_learn_on_raw_numbers() -> None:
    rng = np.random.default_rng(5)
    raw = (rng.standard_normal((400, 6)) * [1, 10, 0.01, 1000, 3, 5] + [0, 5, 100, 2000, -7, 1]).astype(np.float32)
    whole = Features({"audio": raw}, {"audio": np.ones(400, bool)})
    fused, _ = fuse(whole, stats_of(whole, "standard", {"audio": 6}))
    truth = StandardScaler().fit_transform(raw.astype(np.float64))
    assert fused == pytest.approx(truth / np.linalg.norm(truth, axis=1, keepdims=True), abs=1e-3)


@pytest.mark.parametrize("constant", [0.0, 3.0, -1e6])
def test_constant_numbers_say_nothing(constant: float) -> None:
    raw = np.random.default_rng(6).standard_normal((50, 4)).astype(np.float32)
    raw[:, 2] = constant
    whole = Features({"video": raw}, {"video": np.ones(50, bool)})
    stats = stats_of(whole, "standard", {"video": 4})
    new = raw.copy()
    new[:, 2] += 0.1
    fused = fuse(Features({"video": new}, whole.present), stats)[0]
    assert not fused[:, 2].any() and np.isfinite(fused).all()


def test_block_without_direction_counts_as_missing() -> None:
    rows = np.tile(np.array([[3.0, 4.0]], np.float32), (5, 1))
    whole = Features(
        {"video": rows, "text": np.zeros((5, 3), np.float32)}, dict.fromkeys(("video", "text"), np.ones(5, bool))
    )
    dims: dict[Modality, int] = {"video": 2, "text": 3}
    fused, present = fuse(whole, stats_of(whole, "none", dims))
    assert present[:, 0].all() and not present[:, 1].any()
    assert fused == pytest.approx(np.tile([0.6, 0.8, 0, 0, 0], (5, 1)), abs=1e-6)


def test_only_the_modalities_named_are_fused() -> None:
    whole = features(10)
    dims: dict[Modality, int] = {"text": 7, "video": 20}  # whatever order it is told in
    fused, present = fuse(whole, stats_of(whole, "none", dims))
    assert fused.shape == (10, 27) and np.array_equal(present[:, 0], whole.present["video"])


def test_empty_title() -> None:
    stats = stats_of(features(10), "mean")
    fused, present = fuse(features(0), stats)
    assert fused.shape == (0, 39) and present.shape == (0, 3)


@pytest.mark.parametrize("centring", CENTRINGS)
def test_arrays_bring_everything_back(centring: str) -> None:
    whole = features(60)
    stats = stats_of(whole, centring)
    back = FusionStats.from_arrays(stats.to_arrays(), stats.to_meta())
    assert back.spec == stats.spec
    assert np.array_equal(fuse(whole, back)[0], fuse(whole, stats)[0])
    assert back.merge(stats).to_arrays()["video.count"] == 2 * stats.to_arrays()["video.count"]


def test_arrays_survive_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    stats = stats_of(features(60), "standard")
    save_file(stats.to_arrays(), tmp_path / "fusion.safetensors")
    back = FusionStats.from_arrays(load_file(tmp_path / "fusion.safetensors"), stats.to_meta())
    assert np.array_equal(back.scales["text"], stats.scales["text"])


def test_what_does_not_fit_is_named() -> None:
    whole = features(10)
    stats = stats_of(whole, "mean")
    other = features(10, dims={"video": 21, "audio": 12, "text": 7})
    with pytest.raises(MismatchError, match=r"'video': 21.*'video': 20"):
        fuse(other, stats)
    with pytest.raises(MismatchError, match="cannot be fused"):
        fuse(features(10, dims={"video": 20}), stats)
    with pytest.raises(MismatchError, match="cannot be joined"):
        stats.merge(stats_of(whole, "none"))
    with pytest.raises(MismatchError, match="lack"):
        FusionStats.from_arrays({}, stats.to_meta())
    with pytest.raises(MismatchError, match="sizes"):
        FusionStats.from_arrays(stats.to_arrays(), {"dims": {**DIMS, "text": 8}, "centring": "mean"})


@pytest.mark.parametrize("centring", CENTRINGS)
def test_numbers_too_large_are_refused(centring: str) -> None:
    whole = features(10, dtype=np.float64)
    stats = stats_of(whole, centring)
    for large in (1e30, 1e300):
        whole.vectors["audio"][np.flatnonzero(whole.present["audio"])[0], 3] = large
        with pytest.raises(ImportDataError, match="too large"):
            fuse(whole, stats)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_are_refused(bad: float) -> None:
    whole = features(10)
    stats = stats_of(whole, "mean")
    whole.vectors["audio"][np.flatnonzero(whole.present["audio"])[0], 3] = bad
    with pytest.raises(ImportDataError, match="audio"):
        fuse(whole, stats)
    with pytest.raises(ImportDataError, match="audio"):
        FusionStats.fit([whole], FusionSpec(DIMS, "mean"))


@pytest.mark.parametrize(
    ("dims", "centring"), [({}, "none"), ({"smell": 3}, "none"), ({"text": 0}, "none"), (DIMS, "median")]
)
def test_impossible_specs_are_refused(dims: dict, centring: str) -> None:
    with pytest.raises(UsageError):
        FusionSpec(dims, centring)


def test_nothing_to_centre_on() -> None:
    with pytest.raises(UsageError, match="centre"):
        FusionStats.fit([], FusionSpec(DIMS, "mean"))
    assert FusionStats.fit([], FusionSpec(DIMS, "none")).shifts["text"].shape == (7,)
