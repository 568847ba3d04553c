"""The catalogue as a person looks through it: filtered, in an order, with a picture for each title."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from mediafm.catalog import TitleRecord
from mediafm.errors import CatalogError, UsageError
from mediafm.serve.facets import year_of
from mediafm.serve.forms import Form, Title
from mediafm.serve.library import Library
from mediafm.serve.posters import Posters
from mediafm.serve.shelf import Order, Shelves, State, Wanted

_KEEP = "private, max-age=31536000, immutable"
_LOOK_AGAIN = "private, no-cache"


class Shelved(Title):
    """A title with its year and the address of its picture; none where it has no picture."""

    year: int | None
    poster: str | None = Field(examples=["/v1/posters/sintel_trailer?r=1795319979900074860"])


class Shelf(Form):
    """A page of the catalogue. after: what to ask for the next one; null at the end."""

    titles: list[Shelved]
    total: int
    after: str | None


def make_router(library: Library) -> APIRouter:
    """`/v1/catalogue` and `/v1/posters`."""
    router, shelves, posters = APIRouter(prefix="/v1", tags=["catalogue"]), Shelves(), Posters(library)

    @router.get("/catalogue")
    def catalogue(
        words: Annotated[str, Query(max_length=500, description="Words of id or name.")] = "",
        genre: Annotated[str, Query(max_length=200)] = "",
        tag: Annotated[str, Query(max_length=200)] = "",
        has: Annotated[list[Literal["video", "audio", "text"]] | None, Query()] = None,
        since: Annotated[int | None, Query(ge=0, le=9999, description="Year.")] = None,
        until: Annotated[int | None, Query(ge=0, le=9999, description="Year.")] = None,
        state: State = "any",
        order: Order = "name",
        after: Annotated[str, Query(max_length=6000, description="`after` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 60,
    ) -> Shelf:
        """Titles in an order, a page at a time."""
        if since is not None and until is not None and since > until:
            raise UsageError(f"No year is from {since} to {until}.", "Give the earlier year as `since`.")
        years = None if since is None and until is None else (since or 0, 9999 if until is None else until)
        wanted = Wanted(words, genre, tag, tuple(sorted(set(has or ()))), years, state, order)
        version, records = library.version(), list(library.records().values())
        page, total, more = shelves.page(version, records, wanted, after, limit)
        return Shelf(titles=[_shelved(r, library.has_film(r)) for r in page], total=total, after=more)

    @router.get(
        "/posters/{title:path}",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "It is still the same."}},
    )
    def poster(title: Annotated[str, Path(max_length=1000)], request: Request) -> Response:
        """A title's picture, JPEG. With `?r=REVISION` of the title it may be kept for ever; else it has an ETag."""
        tag = f'"{library.record(title).revision}"'
        kept = {"etag": tag, "cache-control": _KEEP if "r" in request.query_params else _LOOK_AGAIN}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=kept)
        picture = posters.of(title)
        if picture is None:
            raise CatalogError(f"Title {title} has no picture.", "Only films have one.")
        return Response(picture, media_type="image/jpeg", headers=kept)

    return router


def _shelved(record: TitleRecord, film: bool) -> Shelved:
    poster = f"/v1/posters/{quote(record.title_id, safe='/')}?r={record.revision}" if record.has_video else None
    return Shelved(**Title.of(record, film).model_dump(), year=year_of(record), poster=poster)
