"""Search by words, by a place in the catalog, by a picture or sound that is sent, or by a mix of them."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from mediafm.errors import UsageError
from mediafm.search import Answer, Like, Options, Unit, Words
from mediafm.search import Hit as FoundHit
from mediafm.serve.asked import Found, Match, SearchAsked, match_of
from mediafm.serve.facets import Facets, facets_of
from mediafm.serve.finder import Finder, Sent
from mediafm.serve.forms import Hit, Hits
from mediafm.serve.library import Library

Many = Annotated[int, Query(ge=1, description="How many hits.")]
_MOST_ASKED = 1 << 20  # bytes of the form field `request`
_BODIES = {
    "application/json": {"schema": SearchAsked.model_json_schema()},
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {
                "request": {"type": "string", "description": "The JSON document, without image and sound."},
                "image": {"type": "string", "format": "binary"},
                "sound": {"type": "string", "format": "binary"},
            },
        }
    },
}


def make_router(library: Library, finder: Finder, most_hits: int) -> APIRouter:
    """`/v1/search`, `/v1/similar` and `/v1/facets`."""
    router = APIRouter(prefix="/v1", tags=["search"])

    def checked(k: int) -> int:
        if k > most_hits:
            raise UsageError(f"{k} hits are more than the {most_hits} this service gives.", "Ask for fewer.")
        return k

    @router.get("/search")
    def search(
        words: Annotated[str, Query(min_length=1, max_length=2000, description="What to look for in what is said.")],
        unit: Unit = "shot",
        k: Many = 10,
    ) -> Hits:
        """Shots, clips or titles whose timed text fits the words."""
        return _plain(finder.find([Words(words)], unit, checked(k), [], Options()))

    @router.get("/similar")
    def similar(
        like: Annotated[
            str,
            Query(min_length=1, max_length=2000, description="TITLE, TITLE@12.5-20 or TITLE#3."),
        ],
        unit: Unit = "shot",
        k: Many = 10,
        features: Annotated[str, Query(max_length=500)] = "",
    ) -> Hits:
        """Shots, clips or titles like a shot, a span or a title."""
        return _plain(finder.find([Like(like)], unit, checked(k), [features] if features else [], Options()))

    @router.post("/search", openapi_extra={"requestBody": {"required": True, "content": _BODIES}})
    async def search_by_all(request: Request) -> Found:
        """A mix of words, places, a picture and a sound: as JSON, or as a form whose files are `image` and `sound`."""
        asked, files = await _read(request)
        checked(asked.k)
        return await run_in_threadpool(_find, library, finder, asked, files)

    @router.get("/facets")
    def facets() -> Facets:
        """What titles can be filtered by, and how many there are of each."""
        return facets_of(list(library.records().values()), library.catalog.embedding_sets())

    return router


def _plain(answer: Answer) -> Hits:
    return Hits(hits=[Hit(**hit.as_json()) for hit in answer.hits])


def _find(library: Library, finder: Finder, asked: SearchAsked, files: dict[str, bytes]) -> Found:
    began = time.perf_counter()
    with Sent() as sent:
        queries = asked.queries(sent, files.get("image", b""), files.get("sound", b""))
        answer = finder.find(queries, asked.unit, asked.k, asked.features, asked.options())
    shown = _shower(library)
    return Found(
        hits=[shown(hit) for hit in answer.hits],
        lists={name: [shown(hit) for hit in hits] for name, hits in answer.lists.items()},
        notes=answer.notes,
        seconds=round(time.perf_counter() - began, 4),
    )


def _shower(library: Library) -> Callable[[FoundHit], Match]:
    records, films = library.records(), dict[str, bool]()

    def shown(hit: FoundHit) -> Match:
        record = records.get(hit.title) or library.record(hit.title)
        film = films.setdefault(hit.title, library.has_film(record))
        known = {"name": record.metadata.name, "has_video": record.has_video, "revision": str(record.revision)}
        return match_of(hit, known, film)

    return shown


async def _read(request: Request) -> tuple[SearchAsked, dict[str, bytes]]:
    """The question, and the files that came beside it by name."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _parsed(await request.body()), {}
    if kind != "multipart/form-data":
        raise HTTPException(415, "A search is sent as application/json or as multipart/form-data.")
    files: dict[str, bytes] = {}
    async with request.form(max_files=2, max_fields=1, max_part_size=_MOST_ASKED) as form:
        text: Any = form.get("request", "{}")
        for name, part in form.multi_items():
            if name not in ("request", "image", "sound") or isinstance(part, UploadFile) == (name == "request"):
                raise UsageError("The form has a part that means nothing here.", "Name files `image` and `sound`.")
            if isinstance(part, UploadFile):
                files[name] = await part.read()
    return _parsed(str(text).encode()), files


def _parsed(text: bytes) -> SearchAsked:
    try:
        return SearchAsked.model_validate_json(text)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error
