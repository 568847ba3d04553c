"""`mediafm map` as a user calls it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediafm.catalog import Catalog
from mediafm.maps import kept_map
from uses.catalogs import add_set, hidden_shots, make_catalog

TITLES = [f"t{i:02d}" for i in range(6)]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps") / "catalog"
    hidden = hidden_shots(TITLES, shots=8)
    add_set(make_catalog(folder, TITLES, video=hidden), "run", hidden)
    return folder


def test_maps_of_everything_and_of_one(run: Any, catalog: Path) -> None:
    made = run("map", "--catalog", catalog, "--json")
    assert made.status == 0, made.err
    told = [(one["features"], one["unit"], one["points"]) for one in made.json["maps"]]
    assert told == [("concat", "shot", 48), ("concat", "title", 6), ("run", "shot", 48), ("run", "title", 6)]
    kept = kept_map(Catalog.open(catalog), "run", "shot")
    assert kept is not None and np.isfinite(kept.places).all()
    again = run("map", "--catalog", catalog, "--features", "run", "--unit", "shot")
    assert again.status == 0 and "run, shots: 48 points in" in again.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--features", "nothing"], "It has run, "),
        (["--unit", "clip"], "A point is one of shot, title."),
    ],
)
def test_wrong_questions(run: Any, catalog: Path, options: list[str], said: str) -> None:
    refused = run("map", "--catalog", catalog, *options)
    assert refused.status != 0 and said in refused.err and "Traceback" not in refused.err


def test_no_catalog(run: Any, tmp_path: Path) -> None:
    refused = run("map", "--catalog", tmp_path / "none")
    assert refused.status != 0 and "There is no catalog" in refused.err
