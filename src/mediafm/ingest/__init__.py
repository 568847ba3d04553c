"""From files to the catalog: films by one decode pass each, MovieNet's keyframes, features of one's own; labels."""

from mediafm.ingest.films import ingest, ingest_title
from mediafm.ingest.importing import import_catalogue, import_clip_set
from mediafm.ingest.movienet import import_movienet
from mediafm.ingest.scene_labels import LabelSummary, write_scene_labels
from mediafm.ingest.summary import IngestSummary
from mediafm.ingest.title_pass import ReadShot, TitlePass

__all__ = [
    "IngestSummary",
    "LabelSummary",
    "ReadShot",
    "TitlePass",
    "import_catalogue",
    "import_clip_set",
    "import_movienet",
    "ingest",
    "ingest_title",
    "write_scene_labels",
]
