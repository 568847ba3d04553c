"""Titles, and what failed to become one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from mediafm.serve.forms import Failure, Failures, Title, TitleDetail, Titles
from mediafm.serve.library import Library, matching
from mediafm.serve.routes import shots, vectors
from mediafm.serve.routes.names import TitleId


def make_router(library: Library) -> APIRouter:
    """Routes below `/v1/titles`, and `/v1/failures`."""
    router = APIRouter(prefix="/v1", tags=["titles"])
    for part in (shots, vectors):  # first: an id may hold a slash, so a title's own route would take theirs
        router.include_router(part.make_router(library))

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
