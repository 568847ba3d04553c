"""A title's shots: their spans, their words, their pictures."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from mediafm.errors import CatalogError
from mediafm.media import cues_as_text
from mediafm.serve.forms import Shot, Shots
from mediafm.serve.library import Library
from mediafm.serve.routes.names import TitleId

_KEEP = "private, max-age=31536000, immutable"


def make_router(library: Library) -> APIRouter:
    """`/titles/TITLE/shots`, `.../words.vtt` and `.../keyframes/N`."""
    router = APIRouter()

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

    return router
