"""Titles, their shots, pictures, words and vectors."""

from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request, Response

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.media import cues_as_text
from mediafm.serve.forms import Embeddings, Failure, Failures, Shot, Shots, Title, TitleDetail, Titles
from mediafm.serve.library import Library, matching
from mediafm.types import FloatArray

ARROW = "application/vnd.apache.arrow.stream"
_KEEP = "private, max-age=31536000, immutable"
TitleId = Annotated[str, Path(description="The title's id.", examples=["sintel_trailer"], max_length=1000)]


def make_router(library: Library) -> APIRouter:
    """Routes below `/v1/titles`, and `/v1/failures`."""
    router = APIRouter(prefix="/v1", tags=["titles"])

    @router.get("/titles")
    def titles(
        words: Annotated[str, Query(max_length=500, description="Words of id or name.")] = "",
        genre: Annotated[str, Query(max_length=200)] = "",
        tag: Annotated[str, Query(max_length=200)] = "",
        has: Annotated[list[Literal["video", "audio", "text"]] | None, Query()] = None,
        after: Annotated[str, Query(max_length=1000, description="The id that the page before ended with.")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Titles:
        """Titles in id order, a page at a time."""
        found = matching(list(library.records().values()), words, genre, tag, has or ())
        rest = [r for r in found if r.title_id > after] if after else found
        page = rest[:limit]
        more = page[-1].title_id if len(rest) > limit else None
        return Titles(titles=[Title.of(r, library.has_film(r)) for r in page], total=len(found), after=more)

    @router.get("/titles/{title:path}/shots")
    def shots(
        title: TitleId,
        first: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    ) -> Shots:
        """Shots of a title, in order."""
        found = library.catalog.shots(title)
        return Shots(title=title, first=first, total=len(found), shots=[Shot.of(s) for s in found[first:][:limit]])

    @router.get(
        "/titles/{title:path}/words.vtt", response_class=Response, responses={200: {"content": {"text/vtt": {}}}}
    )
    def words_vtt(title: TitleId) -> Response:
        """A title's timed text as WebVTT."""
        cues = {c.cue for shot in library.catalog.shots(title) for c in shot.cues}
        return Response(cues_as_text(sorted(cues, key=lambda c: (c.start_ms, c.end_ms)), "vtt"), media_type="text/vtt")

    @router.get(
        "/titles/{title:path}/keyframes/{shot}",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}},
    )
    def keyframe(title: TitleId, shot: Annotated[int, Path(ge=0, le=10**9)], request: Request) -> Response:
        """A shot's picture, JPEG. With `?r=REVISION` of the title it may be kept for ever."""
        picture = library.catalog.keyframe(title, shot)
        if picture is None:
            raise CatalogError(f"Shot {shot} of {title} has no picture.", "Only shots of films have one.")
        kept = {"cache-control": _KEEP} if "r" in request.query_params else {}
        return Response(picture, media_type="image/jpeg", headers=kept)

    @router.get(
        "/titles/{title:path}/embeddings",
        response_model=Embeddings,
        responses={200: {"content": {ARROW: {}}}, 406: {"description": "Neither JSON nor Arrow is wanted."}},
    )
    def embeddings(
        title: TitleId,
        request: Request,
        features: Annotated[str, Query(max_length=500, description="Embedding set, modality or concat.")],
        unit: Literal["shot", "title"] = "shot",
    ) -> Response | Embeddings:
        """Vectors of a title's shots, or its own: JSON, or an Arrow stream where `Accept` names it."""
        vectors, made_by, context = _vectors(library, title, features, unit)
        if ARROW in request.headers.get("accept", ""):
            return Response(_arrow(vectors, features, made_by, context), media_type=ARROW)
        rows = [[float(x) for x in row] for row in vectors]
        dim = vectors.shape[1]
        return Embeddings(title=title, features=features, made_by=made_by, context=context, dim=dim, vectors=rows)

    @router.get("/titles/{title:path}")
    def one(title: TitleId) -> TitleDetail:
        """All that is known of a title."""
        record = library.record(title)
        return TitleDetail.of(record, library.has_film(record))

    @router.get("/failures")
    def failures() -> Failures:
        """Titles that could not be ingested."""
        found = library.catalog.failures()
        return Failures(failures=[Failure(title=f.title_id, reason=f.reason, failed_at=f.failed_at) for f in found])

    return router


def _vectors(library: Library, title: str, features: str, unit: str) -> tuple[FloatArray, str, str]:
    """(Vectors [n, dim], what made them, context)."""
    catalog = library.catalog
    library.record(title)
    for spec in catalog.embedding_sets():
        if spec.name == features:
            one = catalog.title_embedding(features, title)[None] if unit == "title" else None
            vectors = catalog.embeddings(features, title) if one is None else one
            return vectors, spec.checkpoint_fingerprint, spec.context
    if unit == "title":
        raise UsageError(f"{features!r} has no vectors of titles.", "Ask for those of an embedding set.")
    stored = catalog.spec
    if features in stored.encoders:
        modality = next(m for m in stored.encoders if m == features)
        rows = catalog.features(title)
        return rows.vectors[modality].astype(np.float32), stored.fingerprints[modality], "none"
    if features == "concat":
        rows = catalog.features(title)
        vectors, _ = fuse(rows, FusionStats.fit([rows], FusionSpec(stored.dims)))
        return vectors, "+".join(stored.fingerprints.values()), "none"
    known = [*(s.name for s in catalog.embedding_sets()), *stored.encoders, "concat"]
    raise UsageError(f"The catalog has no features {features!r}.", f"It has {', '.join(known)}.")


def _arrow(vectors: FloatArray, features: str, made_by: str, context: str) -> bytes:
    facts = {"features": features, "made_by": made_by, "context": context}
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1])
    shots = pa.array(range(len(vectors)), pa.int32())
    table = pa.table({"shot": shots, "vector": column}).replace_schema_metadata(facts)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
