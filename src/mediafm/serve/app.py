"""The service put together: guard, routes, jobs; `server` runs it."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from mediafm import __version__
from mediafm.caches import cache_folder
from mediafm.errors import MediafmError
from mediafm.serve.describing import REFUSALS, describe
from mediafm.serve.finder import Finder
from mediafm.serve.forms import Refusal
from mediafm.serve.guard import Guard
from mediafm.serve.inside import Inside
from mediafm.serve.jobs import Jobs
from mediafm.serve.keys import KeyRing
from mediafm.serve.library import Library
from mediafm.serve.options import ServeOptions
from mediafm.serve.records import Records
from mediafm.serve.replies import document, status_of, untold
from mediafm.serve.routes import about, admin, catalogue, inside, media, searching, titles
from mediafm.serve.routes import jobs as job_routes
from mediafm.serve.routes import maps as map_routes
from mediafm.serve.routes import reports as report_routes
from mediafm.serve.work import Work

_ABOUT = "Titles, shots, embeddings and search of one catalog. Errors have one form: what is wrong, and what helps."


def make_app(catalog_uri: str, options: ServeOptions, models: dict[str, Path] | None = None) -> Guard:
    """The ASGI application of a catalog. models: checkpoints that jobs may embed with, by name."""
    library, records = Library(catalog_uri), Records(options.audit)
    preset = "" if options.preset is None else str(options.preset.absolute())
    finder = Finder(library, preset)

    def tell_jobs(states: "Counter[str]") -> None:
        for state in ("queued", "running", "done", "failed", "cancelled"):
            records.jobs.labels(state).set(states[state])

    jobs = Jobs(_jobs_folder(library), tell_jobs)
    work = Work(options.concurrency, options.streams, shared=options.keys is not None)
    work.when_stopping.append(jobs.stop)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with jobs, closing(finder):
            yield

    app = FastAPI(
        title="mediafm",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # their page asks other hosts for its scripts
        redoc_url=None,
        responses={code: {"model": Refusal} for code in REFUSALS},
    )
    ring = None if options.keys is None else KeyRing(options.keys)
    app.include_router(about.make_router(library, records, ring, work, secure=not options.is_local))
    app.include_router(admin.make_router(options, work))
    app.include_router(inside.make_router(Inside(library, options.probes)))  # before `/v1/titles/{title:path}`
    app.include_router(titles.make_router(library))
    app.include_router(catalogue.make_router(library))
    app.include_router(searching.make_router(library, finder, options.most_hits))
    app.include_router(media.make_router(library))
    app.include_router(job_routes.make_router(jobs, catalog_uri, options.films, models or {}, preset))
    app.include_router(map_routes.make_router(library))
    app.include_router(report_routes.make_router(options.runs, models or {}))
    page = resources.files("mediafm.serve") / "page"
    if page.is_dir():
        # Not mounted: a mount takes every path and method, and would answer for routes that take other methods.
        app.router.default = StaticFiles(directory=str(page), html=True)
    _explain_errors(app, catalog_uri)
    describe(app)
    return Guard(app, options, records, ring, work)


def _explain_errors(app: FastAPI, catalog_uri: str) -> None:
    """Give every error the form of `Refusal`; where the catalog lies is nobody's business."""

    caches = str(cache_folder("jobs").parent)

    def said(request: Request, status: int, message: str, remedy: str) -> JSONResponse:
        return JSONResponse(document(message, remedy, request.state.request_id), status)

    @app.exception_handler(MediafmError)
    async def ours(request: Request, error: MediafmError) -> JSONResponse:
        message, remedy = (untold(text, catalog_uri).replace(caches, "CACHE") for text in (error.message, error.remedy))
        return said(request, status_of(error), message, remedy)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()[:5]]
        return said(request, 422, "; ".join(found) or "The request is not what it should be.", "See /v1/openapi.json.")

    @app.exception_handler(HTTPException)
    async def theirs(request: Request, error: HTTPException) -> JSONResponse:
        answer = said(request, error.status_code, str(error.detail), "See /v1/openapi.json for what can be asked.")
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return said(request, 500, "Something in the service is broken.", "Tell whoever runs it this request's id.")


def _jobs_folder(library: Library) -> Path:
    """Where a catalog's jobs are kept: the same for every service of it on this machine."""
    name = hashlib.sha256(f"{library.catalog.uri}:{library.catalog.identity}".encode()).hexdigest()[:16]
    return cache_folder("jobs") / name
