"""Small real catalogs whose embedding sets are of one hidden space."""

from fractions import Fraction

import numpy as np

from mediafm.catalog import Catalog, CatalogSpec, EmbeddingSetSpec, EncoderSpec, ShotRecord, TitleRecord
from mediafm.fusion import unit_rows
from mediafm.types import Features, Metadata, Shot

DIM, SHOTS = 12, 20


def make_catalog(folder, titles, seconds=2, shots=SHOTS, video=None, told=None, genres=None, encoder="video-1"):
    """video: title -> [n, DIM] vectors (default: drawn); told: title -> metadata vector; genres: title -> names."""
    rng = np.random.default_rng(0)
    encoders = {m: EncoderSpec(m, DIM, f"{encoder}-{m}") for m in ("video", "text")}
    catalog = Catalog.create(folder, CatalogSpec("test", "fixed", encoders))
    with catalog.batch_writer() as batch:
        for title in titles:
            pictures = unit_rows(rng.normal(size=(shots, DIM))) if video is None else video[title]
            n = len(pictures)
            spans = [Shot(i, seconds * i, seconds * (i + 1), 0, 0) for i in range(n)]
            features = Features(
                {"video": pictures.astype(np.float32), "text": np.zeros((n, DIM), np.float32)},
                {"video": np.ones(n, dtype=bool), "text": np.zeros(n, dtype=bool)},
            )
            with batch.writer(title) as writer:
                writer.append([ShotRecord.from_shot(s, Fraction(1)) for s in spans], features)
                metadata = Metadata(name=title, genres=tuple((genres or {}).get(title, ())))
                record = TitleRecord(title_id=title, time_base=Fraction(1), end_pts=seconds * n, metadata=metadata)
                writer.commit(record, None if told is None else told.get(title))
    return catalog


def hidden_shots(titles, seed=0, shots=SHOTS):
    """title -> [shots, DIM]: shots around their title's and some scenes' own directions."""
    rng = np.random.default_rng(seed)
    scenes = rng.normal(size=(15, DIM))
    return {
        title: unit_rows(rng.normal(size=DIM) + scenes[rng.integers(15, size=shots)] + rng.normal(size=(shots, DIM)))
        for title in titles
    }


def add_set(catalog, name, vectors, fingerprint=None, context="title"):
    """vectors: title -> [n, d]."""
    dim = next(iter(vectors.values())).shape[1]
    catalog.add_embedding_set(EmbeddingSetSpec(name, fingerprint or f"{name}-print", context, dim))
    for title, rows in vectors.items():
        rows = rows.astype(np.float32)
        catalog.write_embeddings(name, title, rows, rows.mean(axis=0))


def rotation(dim, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]
