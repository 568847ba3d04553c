"""All shots' vectors under one name of one catalog, as search and uses compare them."""

from mediafm.index.vectors import VectorIndex, open_index

__all__ = ["VectorIndex", "open_index"]
