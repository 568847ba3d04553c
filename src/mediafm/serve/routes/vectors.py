"""A title's vectors, and what made them."""

from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response

from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.serve.forms import Embeddings
from mediafm.serve.library import Library
from mediafm.serve.routes.names import TitleId
from mediafm.types import FloatArray

ARROW = "application/vnd.apache.arrow.stream"


def make_router(library: Library) -> APIRouter:
    """`/titles/TITLE/embeddings`."""
    router = APIRouter()

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
