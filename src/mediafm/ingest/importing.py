"""Bring your own features, or other people's clip vectors: the catalog's imports, with the preset's text encoder."""

import time
from collections.abc import Mapping
from pathlib import Path

from mediafm.catalog import EncoderSpec, import_clips, import_features
from mediafm.encoders import TextEncoder, load_preset
from mediafm.errors import UsageError
from mediafm.ingest.paying import tell_beforehand, tell_spending
from mediafm.ingest.summary import IngestSummary, peak_rss_mb
from mediafm.progress import SILENT, Progress
from mediafm.types import Modality


def import_catalogue(
    shots: Path,
    titles: Path | None,
    catalog_uri: str,
    columns: Mapping[Modality, str],
    *,
    text_from: str = "",
    words: str = "",
    preset_name: str = "offline",
    progress: Progress = SILENT,
) -> IngestSummary:
    """Store precomputed features as equals of ingested ones; see `mediafm.catalog.import_features` for the tables.

    columns: modality -> vector column. text_from: a string column that the preset's text encoder embeds as the text
    modality, and with it the titles' metadata. words: a string column that is kept as
    what is said and not embedded. Raises UsageError where there is nothing to import or the preset cannot embed words,
    ImportDataError for tables that do not fit.
    """
    started = time.monotonic()
    if not columns and not text_from:
        raise UsageError("No column to import is named.", "Name one or more of --video, --audio, --text, --text-from.")
    if text_from and words:
        raise UsageError(
            "Words come from one column.", "Name it by --text-from, or by --words where --text has vectors."
        )
    encoder = load_preset(preset_name).encoder("text") if text_from else None
    if encoder is None:
        done = import_features(shots, titles, catalog_uri, columns, words or None, progress=progress)
    elif isinstance(encoder, TextEncoder):
        spec = EncoderSpec(encoder.name, encoder.dim, encoder.fingerprint, encoder.licence)
        encode = encoder.encode_texts
        encoder.check_ready()
        tell_beforehand([encoder], progress)
        done = import_features(shots, titles, catalog_uri, columns, text_from, encode, spec, progress)
        tell_spending([encoder], progress)
    else:
        raise UsageError(f"The text encoder of preset {preset_name!r} cannot embed words.", "Choose another --preset.")
    return IngestSummary(
        done.titles_ok,
        done.titles_failed,
        done.titles_skipped,
        done.shots,
        list(done.failures),
        seconds=time.monotonic() - started,
        peak_rss_mb=peak_rss_mb(),
    )


def import_clip_set(
    clips: Path,
    catalog_uri: str,
    name: str,
    *,
    source: str = "",
    vector_column: str = "",
    replace: bool = False,
    progress: Progress = SILENT,
) -> IngestSummary:
    """Store other people's clip vectors in the catalog's clip set `name`; see `mediafm.catalog.import_clips`.

    Raises ImportDataError, and stores nothing, for a table in which anything does not fit.
    """
    started = time.monotonic()
    done = import_clips(clips, catalog_uri, name, source, vector_column, replace, progress)
    return IngestSummary(
        done.titles_ok,
        titles_skipped=done.titles_skipped,
        clips=done.clips,
        seconds=time.monotonic() - started,
        peak_rss_mb=peak_rss_mb(),
    )
