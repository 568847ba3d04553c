"""Where drawn maps are kept: a file for each name and unit, below the cache folder, which may be deleted."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from mediafm.caches import cache_folder
from mediafm.maps.drawing import DrawnMap, MapUnit

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


def map_path(catalog: "Catalog", name: str, unit: MapUnit) -> Path:
    """The file of a map, whether it is there or not."""
    key = hashlib.sha256(f"{name}:{unit}".encode()).hexdigest()[:16]
    return cache_folder("maps") / catalog.identity[:16] / f"{key}.npz"


def kept_map(catalog: "Catalog", name: str, unit: MapUnit) -> DrawnMap | None:
    """The map as it was drawn last; None where there is none."""
    found = DrawnMap.load(map_path(catalog, name, unit))
    return found if found is not None and (found.name, found.unit) == (name, unit) else None
