"""All shots' vectors under one name of a catalog, and the nearest of them: what search and its uses stand on."""

from mediafm.index.vectors import VectorIndex, open_index

__all__ = ["VectorIndex", "open_index"]
