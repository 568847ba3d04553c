"""Catalogs with embeddings, for the tests of this folder and for the processes they start."""

from pathlib import Path

import numpy as np

from catalog.catalog_samples import SPEC, write
from mediafm.catalog import Catalog, EmbeddingSetSpec

RUN = EmbeddingSetSpec("run", "checkpoint-1", "title", 6)
LENGTHS = {"b": 3, "a": 5, "c": 11}


def vectors(n: int, seed: int, dim: int = 6) -> np.ndarray:
    """Rows of any length; each seventh is zero."""
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    rows[6::7] = 0
    return rows


def embed(catalog: Catalog, title: str, seed: int, spec: EmbeddingSetSpec = RUN) -> None:
    """Write a title's embeddings."""
    catalog.add_embedding_set(spec)
    shots = vectors(catalog.title_record(title).n_shots, seed, spec.dim)
    catalog.write_embeddings(spec.name, title, shots, np.ones(spec.dim, np.float32))


def make_catalog(folder: Path) -> Catalog:
    """Titles a, b and c, all in the set "run"."""
    catalog = Catalog.create(folder, SPEC)
    for seed, (title, n) in enumerate(LENGTHS.items()):
        write(catalog, title, n, seed)
        embed(catalog, title, seed)
    return catalog


def stored(rows: np.ndarray) -> np.ndarray:
    """What an index keeps of rows: unit, half precision; float32."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms > 0, norms, 1)).astype(np.float16).astype(np.float32)
