"""The three tasks on a real series: labels reach the shots that the data's own README says they belong to."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from mediafm.probes.labels import check_against_catalog, read_labels
from mediafm.probes.splits import outer_folds
from mediafm.probes.tasks import load_task
from mediafm.probes.units import make_examples
from probes.fake_catalog import FakeCatalog, FakeTitle

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "friends"
pytestmark = pytest.mark.skipif(not (DATA / "shots.parquet").exists(), reason=f"no Friends data at {DATA}")


@pytest.fixture(scope="module")
def shots():
    return pyarrow.parquet.read_table(DATA / "shots.parquet", columns=["title_id", "start_s", "end_s"]).to_pandas()


@pytest.fixture(scope="module")
def catalog(shots):
    titles = {}
    for title, rows in shots.groupby("title_id", observed=True):
        starts, ends = rows.start_s.to_numpy(np.float64), rows.end_s.to_numpy(np.float64)
        titles[str(title)] = FakeTitle(starts, ends, {"video": np.ones((len(rows), 1), dtype=np.float32)})
    return FakeCatalog(titles)


def examples_of(name, catalog):
    task = load_task(ROOT / "benchmarks" / "friends" / f"{name}.toml", labels=DATA / "segments.parquet")
    table = read_labels(task)
    check_against_catalog(table, task, catalog)
    return task, table, make_examples(table, task, catalog, np.random.default_rng(0))


@pytest.fixture(scope="module")
def segments():
    return pyarrow.parquet.read_table(DATA / "segments.parquet").to_pandas()


def test_place_is_the_segment_that_holds_the_middle(catalog, segments):
    task, _, examples = examples_of("place", catalog)
    assert len(examples.titles) == 242
    middle = (examples.start_s + examples.end_s) / 2
    rng = np.random.default_rng(0)
    for i in rng.choice(len(examples), 300, replace=False):
        mine = segments[segments.title_id == examples.titles[examples.title[i]]]
        mine = mine[(mine.start_s <= middle[i]) & (middle[i] < mine.end_s)]
        expected = mine[task.columns].to_numpy()[0] if len(mine) else np.zeros(5, dtype=bool)
        np.testing.assert_array_equal(examples.truth[i], expected)
    # segments tile nearly the whole of a title, each with one place
    assert 0.93 < examples.truth.any(axis=1).mean() < 1


def test_a_segment_begins_at_the_shot_nearest_to_its_start(catalog):
    _, table, examples = examples_of("onset", catalog)
    # Of 5,093 segments 944 begin farther than 3 s from any shot's start, and 104 share their shot with another.
    assert (len(table.title), examples.truth.sum()) == (5093, 4045)
    for number in (0, 100, 241):
        own = table.start_s[table.title == examples.titles[number]]
        rows = examples.title == number
        starts, truth = examples.start_s[rows], examples.truth[rows, 0]
        assert (np.abs(starts[truth][:, None] - own).min(axis=1) <= 3).all()


def test_a_kind_of_onset_is_an_onset(catalog):
    _, _, onsets = examples_of("onset", catalog)
    _, _, kinds = examples_of("kinds", catalog)
    assert (kinds.truth <= onsets.truth).all()
    assert kinds.truth.sum(axis=0).min() > 400


def test_season_five_judges_what_the_first_four_taught(catalog):
    task, _, examples = examples_of("place", catalog)
    (fold,) = outer_folds(examples, task, np.random.default_rng(0))
    assert {examples.titles[i][:3] for i in fold.train} == {"s01", "s02", "s03", "s04"}
    assert {examples.titles[i][:3] for i in fold.test} == {"s05"} and len(fold.test) == 48
