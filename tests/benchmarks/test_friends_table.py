"""Figures of the Friends benchmark: paired differences, read-outs and recipes that share a run, edges told."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "friends"
COLUMNS = {"two": [0, 1], "one": [2]}


@pytest.fixture(scope="module")
def benchmark():
    """Modules of the benchmark by name; they import each other as the scripts beside one another that they are."""
    names = {path.stem for path in FOLDER.glob("*.py")} - {"__main__"}
    before = {name: sys.modules.pop(name) for name in names & sys.modules.keys()}
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)


@pytest.fixture
def tables(benchmark):
    return benchmark("tables")


def measured(tables, rng, seeds, shift=0.0, noise=0.0):
    base = np.linspace(0.2, 0.4, 3)
    drawn = base + 0.05 * np.random.default_rng(1).standard_normal((1, 500, 1)) + shift
    wobble = noise * rng.standard_normal((seeds, 1, 3))
    return tables.Measured(base + shift + wobble[:, 0], drawn + wobble)


def test_a_score_is_the_mean_over_seeds_and_labels(tables):
    row = measured(tables, np.random.default_rng(0), seeds=3, noise=0.01)
    found = tables.score(row, COLUMNS)
    assert found["two"]["mean"] == pytest.approx(row.score_KL[:, :2].mean())
    assert found["one"]["seeds"] == pytest.approx(row.score_KL[:, 2])
    assert found["two"]["low"] < found["two"]["mean"] < found["two"]["high"]


def test_pairing_takes_what_draws_share_off_a_difference(tables):
    rng = np.random.default_rng(0)
    ours, theirs = measured(tables, rng, 3, shift=0.02, noise=0.001), measured(tables, rng, 1)
    found = tables.versus(ours, theirs, COLUMNS)["two"]
    # Each row's own interval is some .2 wide; the difference of rows that move alike has none of that.
    assert found["difference"] == pytest.approx(0.02, abs=0.002)
    assert 0.015 < found["low"] <= found["high"] < 0.025
    assert 0 < found["deviation"] < 0.003


def test_seeds_are_paired_only_where_both_rows_have_them(tables):
    rng = np.random.default_rng(0)
    wobble = measured(tables, rng, 3, noise=0.05)
    above = tables.Measured(wobble.score_KL + 0.01, wobble.drawn_KBL + 0.01)
    assert tables.versus(above, wobble, COLUMNS)["one"]["deviation"] == pytest.approx(0, abs=1e-9)
    assert tables.versus(measured(tables, rng, 1), wobble, COLUMNS)["one"]["deviation"] > 0.01


def test_the_best_trivial_context_is_chosen_column_by_column(tables):
    flat = np.zeros((1, 10, 3))
    rows = {
        "a": tables.Measured(np.array([[0.3, 0.3, 0.1]]), flat),
        "b": tables.Measured(np.array([[0.4, 0.1, 0.2]]), flat),
    }
    assert tables.best(rows, COLUMNS) == {"two": "a", "one": "b"}


def test_only_a_difference_above_zero_is_bold(tables):
    def row(low):
        scores = {"two": {"mean": 0.3, "low": 0.2, "high": 0.4, "seeds": [0.3]}}
        gap = {"two": {"difference": 0.02, "low": low, "high": 0.05, "deviation": None}}
        return {"words": "w", "dim": 4, "scores": scores, "gap": gap}

    sure, unsure = tables.table([row(0.001), row(-0.001)], [("gap", "minus b")]).splitlines()[-2:]
    assert "**+.020** (+.001 to +.050)" in sure and "**" not in unsure and "+.020 (-.001 to +.050)" in unsure


def test_all_rows_have_the_size_and_data_of_small(benchmark):
    rows, series = benchmark("rows"), benchmark("series")
    recipes = {row.name: rows.recipe_of(row, series.FINAL.settings, 1) for row in rows.ROWS}
    small = recipes["default"]
    for name, recipe in recipes.items():
        assert recipe.run.seed == 1 and recipe.data.exclude_titles == ("s05*",), name
        assert (recipe.model.hidden, recipe.model.layers) == (small.model.hidden, small.model.layers), name
        assert (recipe.data, recipe.optimizer, recipe.schedule) == (small.data, small.optimizer, small.schedule), name
    published = recipes["published_last"]
    assert (published.model.positions, published.model.norm, published.fusion.centring) == ("learned", "post", "none")
    assert published.masking.kept == published.masking.random == recipes["rotary_last"].masking.random == 0
    assert recipes["rotary_last"].model.positions == "rotary"


def test_every_option_of_the_grid_is_a_recipe_of_its_own(benchmark):
    rows, series = benchmark("rows"), benchmark("series")
    grid = rows.grid_rows(FOLDER / "grid.toml", [], [])
    recipes = [rows.recipe_of(row, series.DEVELOP.settings, 0) for row in grid]
    assert grid[0].name == "default" and len({recipe.to_toml() for recipe in recipes}) == len(recipes)
    chosen = rows.grid_rows(FOLDER / "grid.toml", ["share_*"], ["last", "shot+layers"])
    assert chosen[0].name == "default@last" and "default@shot+layers" in {row.name for row in chosen}
    assert chosen[-1].readout == ("shot", "layers")


def test_a_run_serves_every_readout_of_its_recipe(benchmark, tmp_path):
    runs, rows = benchmark("runs"), benchmark("rows")
    recipe = rows.recipe_of(rows.ROWS[-1], ["model.readout=last"], 0)
    note = {"recipe": recipe.model_dump(mode="json"), "result": {"msm": 0.5}}
    (tmp_path / "abc.json").write_bytes(runs.to_json(note))
    kept = runs.Runs(tmp_path, None)
    other = rows.recipe_of(rows.ROWS[-1], ["model.readout=shot,masked"], 0)
    assert kept.find(other).folder == tmp_path / "abc"
    assert kept.find(rows.recipe_of(rows.ROWS[-1], [], 1)) is None
    del note["recipe"]["objective"]["surround"]  # written before that setting was known: who knows what it did
    (tmp_path / "abc.json").write_bytes(runs.to_json(note))
    assert runs.Runs(tmp_path, None).find(other) is None
