"""Every test of search has a cache of its own: they change catalogs in memory, which no revision tells."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
