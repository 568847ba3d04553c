"""From files to the catalog: films (as `reading` reads them), MovieNet's keyframes, features of one's own; labels."""

from mediafm.ingest.change import ReEncodeSummary
from mediafm.ingest.films import ingest
from mediafm.ingest.importing import import_catalogue, import_clip_set
from mediafm.ingest.movienet import import_movienet
from mediafm.ingest.reencoding import reencode
from mediafm.ingest.scene_labels import LabelSummary, write_scene_labels
from mediafm.ingest.summary import IngestSummary

__all__ = [
    "IngestSummary",
    "LabelSummary",
    "ReEncodeSummary",
    "import_catalogue",
    "import_clip_set",
    "import_movienet",
    "ingest",
    "reencode",
    "write_scene_labels",
]
