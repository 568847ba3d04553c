"""All vectors of a catalog under one name, as search compares them."""

from mediafm.index.vectors import VectorIndex, open_index

__all__ = ["VectorIndex", "open_index"]
