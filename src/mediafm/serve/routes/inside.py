"""What is inside one title: its tags over time, how alike its shots are, its chapters, how long its shots are."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from mediafm.catalog import TitleRecord
from mediafm.errors import CatalogError
from mediafm.serve.inside import CONCAT, Inside
from mediafm.serve.likeness import MOST_CELLS, likeness
from mediafm.serve.pace import pace
from mediafm.serve.routes.names import TitleId
from mediafm.serve.routes.vectors import ARROW
from mediafm.serve.title_forms import FeatureSets, Lengths, TitleChapters, TitleTags
from mediafm.uses.chapters import HowMany
from mediafm.uses.titles import read_shots

BYTES, PNG = "application/octet-stream", "image/png"
Shot = Annotated[int, Query(ge=0, le=10**9)]
End = Annotated[int | None, Query(ge=1, le=10**9)]
_CHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "As `If-None-Match` has it."}}


def make_router(inside: Inside) -> APIRouter:
    """`/v1/titles/TITLE/` `features`, `tags`, `matrix`, `chapters`, `lengths`."""
    router = APIRouter(prefix="/v1/titles", tags=["inside a title"])
    _add_features(router, inside)
    _add_tags(router, inside)
    _add_matrix(router, inside)
    _add_chapters(router, inside)
    _add_lengths(router, inside)
    return router


def _add_features(router: APIRouter, inside: Inside) -> None:
    @router.get("/{title:path}/features")
    def features(title: TitleId) -> FeatureSets:
        """What the title's shots can be compared by, and what is missing for the rest."""
        record = inside.library.record(title)
        sets = inside.sets(record)
        pictures = len(inside.library.catalog.shots_with_keyframe(record))
        after = [one.name for one in sets if one.name in inside.in_context() and one.covers]
        return FeatureSets(title=title, pictures=pictures, sets=sets, before=CONCAT, after=after[0] if after else "")


def _add_tags(router: APIRouter, inside: Inside) -> None:
    @router.get("/{title:path}/tags", response_model=TitleTags, responses=_CHANGED)
    def tags(
        title: TitleId,
        request: Request,
        features: Annotated[str, Query(max_length=500, description="Of probes on these alone; else the best.")] = "",
    ) -> Response:
        """Probabilities (or values) of every tag of the saved probes for every shot."""
        record = _with_shots(inside, title)
        mark, have = inside.tags(record, features)

        return _answer(request, mark, lambda: Response(have(), media_type="application/json"))


def _add_matrix(router: APIRouter, inside: Inside) -> None:
    content: dict[str, Any] = {BYTES: {}, PNG: {}, ARROW: {}}

    @router.get("/{title:path}/matrix", response_class=Response, responses={200: {"content": content}, **_CHANGED})
    def matrix(
        title: TitleId,
        request: Request,
        features: Annotated[str, Query(max_length=500, description="Embedding set, modality or concat.")] = CONCAT,
        size: Annotated[int, Query(ge=1, le=MOST_CELLS, description="Cells on a side at most.")] = 256,
        start: Shot = 0,
        end: End = None,
        row_start: Annotated[int | None, Query(ge=0, le=10**9, description="Other shots down than across.")] = None,
        row_end: End = None,
        form: Annotated[Literal["bytes", "png", "arrow"], Query(description="A byte, a pixel, a number a cell.")] = (
            "bytes"
        ),
    ) -> Response:
        """Mean cosines of the title's shots with each other, across and down.

        Bytes go row by row: 0 says nothing is there, 1 is `low` and 255 `high`; the header `x-matrix` has both, as
        JSON, beside the shots, the numbers of `rows` and `columns`, and what made the vectors.
        """
        record = _with_shots(inside, title)
        rows = None if row_start is None and row_end is None else (row_start or 0, row_end)

        def have() -> Response:
            found = likeness(title, inside.rows(record, features), size, (start, end), rows)
            kinds: dict[str, tuple[Callable[[], bytes], str]] = {
                "bytes": (found.as_bytes, BYTES),
                "png": (found.as_png, PNG),
                "arrow": (found.as_arrow, ARROW),
            }
            make, kind = kinds[form]
            return Response(make(), media_type=kind, headers={"x-matrix": json.dumps(found.facts)})

        return _answer(request, inside.mark(record, "matrix", features, size, start, end, rows, form), have)


def _add_chapters(router: APIRouter, inside: Inside) -> None:
    @router.get("/{title:path}/chapters", response_model=TitleChapters, responses=_CHANGED)
    def chapters(
        title: TitleId,
        request: Request,
        count: Annotated[int | None, Query(ge=1, le=500, description="Just so many.")] = None,
        length: Annotated[float | None, Query(ge=0.1, le=1e6, description="About so many seconds each.")] = None,
        shortest: Annotated[float, Query(ge=0, le=1e6, description="None is shorter, in seconds.")] = 0.0,
        features: Annotated[str, Query(max_length=500, description="What is compared; default: the context.")] = "",
        probe: Annotated[str, Query(max_length=500, description="A task whose saved probe decides instead.")] = "",
    ) -> Response:
        """The title cut into parts whose shots are alike in context: as many as there are, or as many as asked for."""
        record = _with_shots(inside, title)
        saved = inside.probe(probe) if probe else None
        mark, have = inside.chapters(record, features, HowMany(count, length, shortest), saved)

        def form() -> Response:
            found = have()
            return Response(TitleChapters(**found.as_json()).model_dump_json(), media_type="application/json")

        return _answer(request, mark, form)


def _add_lengths(router: APIRouter, inside: Inside) -> None:
    @router.get("/{title:path}/lengths")
    def lengths(
        title: TitleId,
        cells: Annotated[int, Query(ge=1, le=10_000, description="Parts of the title at most.")] = 200,
    ) -> Lengths:
        """How long shots are, in all and over the title's time."""
        _with_shots(inside, title)
        return Lengths(title=title, **pace(read_shots(inside.library.catalog, title), cells))


def _with_shots(inside: Inside, title: str) -> TitleRecord:
    """The title; CatalogError where there is none, or where it has no shot yet."""
    record = inside.library.record(title)
    if not record.n_shots:
        raise CatalogError(f"Title {title!r} has no shots yet.", "Come again when it has some.")
    return record


def _answer(request: Request, mark: str, make: Callable[[], Response]) -> Response:
    """What `make` makes, unless the caller has it already."""
    tag = f'"{mark}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"etag": tag})
    answer = make()
    answer.headers.update({"etag": tag, "cache-control": "private, no-cache"})
    return answer
