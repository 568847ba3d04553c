"""All shots' vectors under one name of one catalog, ready to be compared."""

from mediafm.index.vectors import VectorIndex, open_index

__all__ = ["VectorIndex", "open_index"]
