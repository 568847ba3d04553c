"""The catalog: the one place where stages meet. Only home of lancedb, which is imported on first use."""

from mediafm.catalog.catalog import Catalog
from mediafm.catalog.fingerprint import source_fingerprint
from mediafm.catalog.handles import ClipHandle, ClipShot, TitleHandle
from mediafm.catalog.importing import ImportSummary, import_features
from mediafm.catalog.records import (
    CatalogSpec,
    EmbeddingSetSpec,
    EncoderSpec,
    Failure,
    ShotRecord,
    TitleRecord,
    TitleSource,
)
from mediafm.catalog.writer import BatchWriter, TitleWriter

__all__ = [
    "BatchWriter",
    "Catalog",
    "CatalogSpec",
    "ClipHandle",
    "ClipShot",
    "EmbeddingSetSpec",
    "EncoderSpec",
    "Failure",
    "ImportSummary",
    "ShotRecord",
    "TitleHandle",
    "TitleRecord",
    "TitleSource",
    "TitleWriter",
    "import_features",
    "source_fingerprint",
]
