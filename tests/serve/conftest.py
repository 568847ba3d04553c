"""A catalog of two small films and an imported title, and a service of it that is asked without a network."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ingest_films import make_film
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.ingest import ingest
from mediafm.serve import ServeOptions
from mediafm.serve.app import make_app


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


@pytest.fixture
def asked(served: Path) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of a service with options of its own."""
    open_clients: list[TestClient] = []

    def client(catalog: Path | None = None, **options: Any) -> TestClient:
        made = TestClient(make_app(str(catalog or served), ServeOptions(**options)), base_url="http://127.0.0.1")
        made.__enter__()
        open_clients.append(made)
        return made

    yield client
    for made in open_clients:
        made.__exit__(None, None, None)


def _array(rows: list[list[float]]) -> Any:
    import numpy as np

    return np.array(rows, np.float32)
