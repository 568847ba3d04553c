"""The catalog: the one place where stages meet. Only home of lancedb, which is imported on first use."""

from mediafm.catalog.catalog import Catalog
from mediafm.catalog.clip_import import ClipImportSummary, import_clips
from mediafm.catalog.clip_tables import ClipTable, check_clips, read_clips
from mediafm.catalog.compaction import Tidied
from mediafm.catalog.fingerprint import FileState, file_state, require_unchanged, source_fingerprint
from mediafm.catalog.handles import ClipHandle, ClipShot, TitleHandle
from mediafm.catalog.importing import ImportSummary, import_features
from mediafm.catalog.live import LiveWriter, Words
from mediafm.catalog.re_encoding import ReEncoding, Rewritten, Stored
from mediafm.catalog.records import (
    MAPPED,
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
    "MAPPED",
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
    "FileState",
    "ImportSummary",
    "LiveWriter",
    "ReEncoding",
    "Rewritten",
    "ShotRecord",
    "Stored",
    "Tidied",
    "TitleClips",
    "TitleHandle",
    "TitleRecord",
    "TitleSource",
    "TitleWriter",
    "Words",
    "check_clips",
    "file_state",
    "import_clips",
    "import_features",
    "read_clips",
    "require_unchanged",
    "source_fingerprint",
]
