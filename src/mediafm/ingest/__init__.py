"""From files to the catalog: films by one decode pass each, and features that someone already has."""

from mediafm.ingest.films import IngestSummary, ingest, ingest_title
from mediafm.ingest.importing import import_catalogue
from mediafm.ingest.title_pass import ReadShot, TitlePass

__all__ = ["IngestSummary", "ReadShot", "TitlePass", "import_catalogue", "ingest", "ingest_title"]
