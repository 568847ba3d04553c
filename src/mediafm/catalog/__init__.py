"""The catalog: the one place where stages meet. Only home of lancedb, which is imported on first use."""

from mediafm.catalog.catalog import Catalog
from mediafm.catalog.clip_import import ClipImportSummary, import_clips
from mediafm.catalog.clip_tables import ClipTable, check_clips, read_clips
from mediafm.catalog.fingerprint import source_fingerprint
from mediafm.catalog.handles import ClipHandle, ClipShot, TitleHandle
from mediafm.catalog.importing import ImportSummary, import_features
from mediafm.catalog.records import (
    CatalogSpec,
    ClipSetSpec,
    EmbeddingSetSpec,
    EncoderSpec,
    Failure,
    ShotRecord,
    TitleClips,
    TitleRecord,
    TitleSource,
)
from mediafm.catalog.writer import BatchWriter, TitleWriter

__all__ = [
    "BatchWriter",
    "Catalog",
    "CatalogSpec",
    "ClipHandle",
    "ClipImportSummary",
    "ClipSetSpec",
    "ClipShot",
    "ClipTable",
    "EmbeddingSetSpec",
    "EncoderSpec",
    "Failure",
    "ImportSummary",
    "ShotRecord",
    "TitleClips",
    "TitleHandle",
    "TitleRecord",
    "TitleSource",
    "TitleWriter",
    "check_clips",
    "import_clips",
    "import_features",
    "read_clips",
    "source_fingerprint",
]
