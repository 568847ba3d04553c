"""A catalog for each test, and a cache of its own."""

from pathlib import Path

import pytest

from index.index_samples import make_catalog
from mediafm.catalog import Catalog


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def catalog(tmp_path: Path, cache: Path) -> Catalog:
    return make_catalog(tmp_path / "catalog")
