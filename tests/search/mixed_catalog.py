"""A small catalog in memory with pictures, sounds, words and metadata."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from mediafm.types import Metadata
from probes.fake_catalog import FakeCatalog, FakeTitle, unit

STARTS, ENDS = np.arange(5) * 2.0, np.arange(5) * 2.0 + 2
LINES = {
    "alps": ["The train to Zürich is late.", "", "Where is the dog?", "A dog in the snow.", "Good night."],
    "city": ["Taxi!", "To the station.", "The train leaves at noon.", "", "Good night."],
    "sea": ["Raise the sails.", "The puppy sleeps.", "", "Storm ahead.", "The end."],
}
KNOWN = {
    "alps": Metadata("Alps", genres=("Drama", "Sport"), tags=("snow",), extra={"year": 1999, "made": "1999-05-01"}),
    "city": Metadata("City", genres=("Comedy",), extra={"year": 2004, "made": "2004-01-31"}),
    "sea": Metadata("Sea", genres=("Drama",), extra={"made": "2001-12-24"}),
}


class MixedCatalog(FakeCatalog):
    """Titles have metadata."""

    def titles(self) -> list[Any]:
        return [SimpleNamespace(**vars(record), metadata=KNOWN[record.title_id]) for record in super().titles()]


def make_catalog(dim: int = 12) -> MixedCatalog:
    rng = np.random.default_rng(1)
    titles = {}
    for name, lines in LINES.items():
        spoken = np.array([bool(line) for line in lines])
        vectors = {
            "video": unit(rng.normal(size=(5, dim))),
            "audio": unit(rng.normal(size=(5, dim))),
            "text": unit(rng.normal(size=(5, dim))) * spoken[:, None],
        }
        titles[name] = FakeTitle(STARTS, ENDS, vectors, lines, {"text": spoken})
    for modality in ("video", "audio", "text"):  # the last shot of both is the same in everything
        titles["city"].vectors[modality][4] = titles["alps"].vectors[modality][4]
    sets = {
        name: ("title", {t: (rng.normal(size=(5, 6)).astype(np.float32), unit(rng.normal(size=6))) for t in LINES})
        for name in ("run", "other")
    }
    catalog = MixedCatalog(titles, sets)
    catalog.spec.preset = "offline"
    return catalog
