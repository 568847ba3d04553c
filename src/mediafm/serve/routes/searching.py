"""Search by words, and by what is alike."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query

from mediafm.errors import UsageError
from mediafm.search import Hit as Found
from mediafm.search import Unit, search_catalogue
from mediafm.serve.forms import Hit, Hits
from mediafm.serve.library import Library

Many = Annotated[int, Query(ge=1, description="How many hits.")]


def make_router(library: Library, most_hits: int) -> APIRouter:
    """`/v1/search` and `/v1/similar`."""
    router = APIRouter(prefix="/v1", tags=["search"])

    def answer(k: int, look: Callable[[], list[Found]]) -> Hits:
        if k > most_hits:
            raise UsageError(f"{k} hits are more than the {most_hits} this service gives.", "Ask for fewer.")
        return Hits(hits=[Hit(**hit.as_json()) for hit in look()])

    @router.get("/search")
    def search(
        words: Annotated[str, Query(min_length=1, max_length=2000, description="What to look for in what is said.")],
        unit: Unit = "shot",
        k: Many = 10,
    ) -> Hits:
        """Shots, clips or titles whose timed text fits the words."""
        return answer(k, lambda: search_catalogue(library.catalog, words, unit=unit, k=k))

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
        return answer(k, lambda: search_catalogue(library.catalog, like=like, unit=unit, k=k, features=features))

    return router
