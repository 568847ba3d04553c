"""Fixtures for all suites: where the real data lies, and the switch for slow tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.getoption("--run-slow")
    mark = pytest.mark.timeout(1800) if asked else pytest.mark.skip(reason="slow: run with --run-slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(mark)


@pytest.fixture(scope="session", autouse=True)
def feature_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes features to the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIAFM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def _shared(name: str) -> Path:
    """`shared/data/NAME` beside the checkout or further up; skips the test where there is none."""
    for parent in Path(__file__).resolve().parents:
        folder = parent / "shared" / "data" / name
        if folder.is_dir():
            return folder
    pytest.skip(f"no shared/data/{name} beside the checkout")


@pytest.fixture(scope="session")
def films() -> Path:
    """Folder of openly licensed real films."""
    return _shared("films")


@pytest.fixture(scope="session")
def friends() -> Path:
    """Folder of the Friends shot tables."""
    return _shared("friends")
