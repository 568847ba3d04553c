"""All shots or titles of a catalog on one plane: those that are alike lie near each other."""

from mediafm.maps.building import build_map
from mediafm.maps.drawing import Cluster, DrawnMap
from mediafm.maps.keeping import kept_map

__all__ = ["Cluster", "DrawnMap", "build_map", "kept_map"]
