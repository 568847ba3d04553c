"""A catalog of two small films and an imported title, and a service of it that is asked without a network."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mediafm.serve import ServeOptions
from mediafm.serve.app import make_app
from serve_catalog import films, served

__all__ = ["asked", "films", "served"]


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
