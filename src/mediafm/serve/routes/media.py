"""Films, for players: whole or by ranges, and only those that titles of the catalog were made of."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from mediafm.serve.library import Library


def make_router(library: Library) -> APIRouter:
    """`/v1/media/TITLE`."""
    router = APIRouter(prefix="/v1/media", tags=["media"])

    @router.head("/{title:path}", include_in_schema=False)
    @router.get(
        "/{title:path}",
        response_class=FileResponse,
        responses={200: {"content": {"video/*": {}}}, 206: {"description": "A range."}},
    )
    def media(title: Annotated[str, Path(max_length=1000)]) -> FileResponse:
        """A title's film as it is; `Range` is honoured."""
        path, kind = library.film(title)
        return FileResponse(path, media_type=kind, headers={"cache-control": "private, no-cache"})

    return router
