"""The whole demo, made small, and the page it ends with."""

import re
from pathlib import Path

import pytest

from mediafm.catalog import Catalog
from mediafm.config import load_recipe
from mediafm.demo import run, run_demo
from mediafm.demo.figures import loss_curve, similarity_matrix
from mediafm.maps import kept_map
from mediafm.synthetic import write_catalogue


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer films, and two epochs on them."""
    monkeypatch.setattr(run, "TITLES", 6)
    monkeypatch.setattr(run, "SHOTS_PER_TITLE", 18)
    monkeypatch.setattr(run, "PROBE_NOTES", {"scene_start": "Does a scene begin here?"})
    settings = ["schedule.epochs=2", "model.hidden=32"]
    monkeypatch.setattr(run, "load_recipe", lambda name, more: load_recipe(name, [*settings, *more]))


def test_demo_ends_with_a_page_that_stands_alone(tmp_path: Path, short: None) -> None:
    result = run_demo(tmp_path)
    page = result.report.read_text(encoding="utf-8")
    shots = result.as_json()["ingest"]["shots"]
    assert shots >= 6 * 16
    for heading in ("Shots", "Before and after context", "Pretraining", "Probes", "Nearest shots", "Search by words"):
        assert f"<h2>{heading}" in page
    assert page.count("data:image/jpeg") > 40 and page.count("data:image/png") == 2
    assert not re.search(r'(?:src|href)="https?:', page), "the page asks another host for something"
    assert 'src="../films/film-01.mp4"' in page
    found = re.search(r"true cuts: ([\d.]+)% found, ([\d.]+)% of those found are true", page)
    assert found is not None and float(found[1]) > 70 and float(found[2]) > 90
    rows = {row.features: row for row in result.probes[0].rows}
    assert {"chance", "concat", "run", "run/none", "run/untrained"} <= set(rows)
    told = dict(zip(result.serve[::2], result.serve[1::2], strict=True))
    assert set(told) == {"--catalog", "--model", "--runs", "--films", "--probes"}
    assert all(Path(folder).is_dir() for folder in told.values())
    drawn = kept_map(Catalog.open(told["--catalog"]), "concat", "shot")
    assert drawn is not None and len(drawn) == shots


@pytest.mark.slow
def test_again_it_ingests_nothing_and_learns_the_same(tmp_path: Path, short: None) -> None:
    result, again = run_demo(tmp_path), run_demo(tmp_path)
    assert (again.ingest.titles_skipped, again.ingest.titles_ok) == (6, 0)
    assert again.pretrain.msm == result.pretrain.msm


@pytest.mark.slow
def test_demo_on_one_film_of_the_users_own(tmp_path: Path, short: None) -> None:
    (film,) = write_catalogue(tmp_path / "own", seed=3, titles=1, shots_per_title=70)
    result = run_demo(tmp_path / "out", [film])
    page = result.report.read_text(encoding="utf-8")
    assert result.probes == [] and "<h2>Probes" not in page
    assert "true cuts" not in page and "film-01" in page


def test_figures_are_pictures() -> None:
    import numpy as np

    vectors = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    assert similarity_matrix(vectors).startswith("data:image/png;base64,iVBOR")
    assert similarity_matrix(vectors[:1]).startswith("data:image/png")
    curve = loss_curve([(1, 0.9), (2, 0.8)], [(2, 0.85)], {"title_mean": 0.9, "previous": 0.95, "neighbours": 0.92})
    assert curve.startswith("data:image/svg+xml;base64,")
