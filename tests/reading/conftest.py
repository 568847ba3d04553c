from pathlib import Path

import pytest

from ingest_films import make_film


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "film.mp4")
