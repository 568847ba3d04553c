"""A catalog of two small films, for all who test a service of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest_films import make_film
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.ingest import ingest


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for seed, name in enumerate(("one", "two")):
        make_film(folder / f"{name}.mp4", seed)
    return folder


@pytest.fixture(scope="session")
def served(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog; tests that change one make their own."""
    uri = tmp_path_factory.mktemp("served") / "catalog"
    ingest([films], str(uri), detector="content")
    catalog = Catalog.open(uri)
    catalog.add_embedding_set(EmbeddingSetSpec("run", "f" * 64, "title", 3))
    for title in catalog.title_ids():
        n = len(catalog.shots(title))
        vectors = [[1.0, float(k), 0.0] for k in range(n)]
        catalog.write_embeddings("run", title, _array(vectors), _array([[0.0, 0.0, 1.0]])[0])
    return uri


def _array(rows: list[list[float]]) -> Any:
    return np.array(rows, np.float32)
