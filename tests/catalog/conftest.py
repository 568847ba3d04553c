import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for catalog_samples, also in importlib mode

from catalog_samples import SPEC

from mediafm.catalog import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog.create(tmp_path / "catalog", SPEC)
