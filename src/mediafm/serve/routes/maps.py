"""Maps of all shots or titles: what there is, what stands on one, and where."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from mediafm.maps import Cluster
from mediafm.maps.drawing import UNITS, MapUnit
from mediafm.serve.drawn import Drawn, Shown
from mediafm.serve.forms import Form
from mediafm.serve.library import Library

ARROW = "application/vnd.apache.arrow.stream"
BYTES = "application/octet-stream"
Features = Annotated[str, Query(max_length=500, description="Embedding set, modality or concat.", examples=["concat"])]


class MapEntry(Form):
    """A map that there can be, and whether it has been drawn."""

    features: str = Field(examples=["concat"])
    unit: MapUnit
    drawn: bool


class Maps(Form):
    """All of them, embedding sets first."""

    maps: list[MapEntry]


class MapTitle(Form):
    """A title on a map: its points follow those of the title before."""

    title: str
    name: str
    points: int
    shots: int
    revision: str
    duration_s: float
    genres: list[str]
    tags: list[str]
    has_video: bool


class TypicalShot(Form):
    """A point that stands for its cluster. Of a map of titles shot is 0."""

    title: str
    shot: int
    start_s: float


class MapCluster(Form):
    """What lies together: how much, what is said there and seldom elsewhere, and what stands for it."""

    size: int
    words: list[str]
    typical: list[TypicalShot]


class MapAbout(Form):
    """A map but for the places of its points.

    left_out: points of titles that have changed or gone since it was drawn; missing: titles that came since.
    neighbours_kept: the share of each point's 15 nearest by vector that are so on the map.
    """

    features: str
    unit: MapUnit
    version: str
    made_by: str = Field(description="Fingerprint of what made the vectors.")
    points: int
    placed: int = Field(description="Points that have a place: some shots have nothing under these features.")
    drawn: str
    seconds: float
    trustworthiness: float
    neighbours_kept: float
    placed_since: int
    left_out: int
    missing: int
    titles: list[MapTitle]
    clusters: list[MapCluster]


def make_router(library: Library) -> APIRouter:
    """`/v1/maps`, `/v1/map` and `/v1/map/points`."""
    router, drawn = APIRouter(prefix="/v1", tags=["map"]), Drawn(library)

    @router.get("/maps")
    def maps() -> Maps:
        """What there can be maps of, and which have been drawn."""
        entries = [(name, unit) for name in drawn.names() for unit in UNITS]
        return Maps(maps=[MapEntry(features=n, unit=u, drawn=drawn.is_there(n, u)) for n, u in entries])

    @router.get("/map")
    def about(features: Features, unit: MapUnit = "shot") -> MapAbout:
        """A map's titles and clusters. It is drawn by `mediafm map` or a job, never by asking for it."""
        return _about(drawn.show(features, unit), library)

    @router.get("/map/points", response_class=Response, responses={200: {"content": {BYTES: {}, ARROW: {}}}})
    def points(
        request: Request,
        features: Features,
        unit: MapUnit = "shot",
        version: Annotated[str, Query(max_length=64, description="As `/v1/map` told it; 409 for another.")] = "",
    ) -> Response:
        """Places of all points, title by title: little-endian float32 x, y of each (NaN: none), then float32 seconds at
        which each begins, then int16 numbers of clusters; or an Arrow stream where `Accept` names it."""
        shown = drawn.show(features, unit, version)
        kept = {"cache-control": "private, max-age=86400" if version else "no-cache", "vary": "accept"}
        if ARROW in request.headers.get("accept", ""):
            return Response(shown.as_arrow(), media_type=ARROW, headers=kept)
        return Response(shown.as_bytes(), media_type=BYTES, headers=kept)

    return router


def _about(shown: Shown, library: Library) -> MapAbout:
    drawn, facts = shown.drawn, shown.drawn.facts
    sizes = np.bincount(shown.cluster[shown.cluster >= 0], minlength=len(drawn.clusters))
    begins = _begins(shown)
    return MapAbout(
        features=drawn.name,
        unit=drawn.unit,
        version=shown.version,
        made_by=drawn.fingerprint,
        points=len(shown.places),
        placed=int(np.isfinite(shown.places[:, 0]).sum()),
        drawn=facts["drawn"],
        seconds=facts["seconds"],
        trustworthiness=facts["trustworthiness"],
        neighbours_kept=facts["neighbours_kept"],
        placed_since=facts["placed_since"],
        left_out=shown.gone,
        missing=shown.missing,
        titles=_titles(shown, library),
        clusters=[_cluster(c, int(size), begins) for c, size in zip(drawn.clusters, sizes, strict=True)],
    )


def _titles(shown: Shown, library: Library) -> list[MapTitle]:
    records = library.records()
    return [
        MapTitle(
            title=title,
            name=record.metadata.name,
            points=points,
            shots=record.n_shots,
            revision=str(record.revision),
            duration_s=record.duration_s,
            genres=list(record.metadata.genres),
            tags=list(record.metadata.tags),
            has_video=record.has_video,
        )
        for title, points, _ in shown.keys
        if (record := records.get(title)) is not None
    ]


def _begins(shown: Shown) -> dict[str, np.ndarray]:
    """Title -> seconds at which its points begin."""
    ends = np.cumsum([n for _, n, _ in shown.keys])
    return {key[0]: part for key, part in zip(shown.keys, np.split(shown.start_s, ends[:-1]), strict=True)}


def _cluster(cluster: Cluster, size: int, begins: dict[str, np.ndarray]) -> MapCluster:
    typical = [
        TypicalShot(title=title, shot=shot, start_s=float(begins[title][shot]))
        for title, shot in cluster.typical
        if title in begins and shot < len(begins[title])
    ]
    return MapCluster(size=size, words=list(cluster.words), typical=typical)
