"""From files to the catalog: films (as `reading` reads them), MovieNet's keyframes, features of one's own; labels."""

from mediafm.ingest.change import ReEncodeSummary
from mediafm.ingest.choosing import as_made, catalog_spec, stored_titles, with_detector
from mediafm.ingest.films import ingest, title_jobs
from mediafm.ingest.importing import import_catalogue, import_clip_set
from mediafm.ingest.jobs import TitleJob, title_ids
from mediafm.ingest.live import ingest_live
from mediafm.ingest.movienet import import_movienet
from mediafm.ingest.reencoding import reencode
from mediafm.ingest.scene_labels import LabelSummary, write_scene_labels
from mediafm.ingest.summary import IngestSummary, Outcome, peak_rss_mb
from mediafm.ingest.titles import Readers, ingest_titles, workers_for

__all__ = [
    "IngestSummary",
    "LabelSummary",
    "Outcome",
    "ReEncodeSummary",
    "Readers",
    "TitleJob",
    "as_made",
    "catalog_spec",
    "import_catalogue",
    "import_clip_set",
    "import_movienet",
    "ingest",
    "ingest_live",
    "ingest_titles",
    "peak_rss_mb",
    "reencode",
    "stored_titles",
    "title_ids",
    "title_jobs",
    "with_detector",
    "workers_for",
    "write_scene_labels",
]
