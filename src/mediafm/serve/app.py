"""The service put together: guard, routes, jobs; and how it is run. The one home of FastAPI and uvicorn."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from mediafm.serve.forms import Refusal
from mediafm.serve.guard import Guard
from mediafm.serve.jobs import Jobs
from mediafm.serve.keys import KeyRing
from mediafm.serve.library import Library
from mediafm.serve.options import ServeOptions
from mediafm.serve.records import Records
from mediafm.serve.replies import document, status_of
from mediafm.serve.routes import about, media, searching, titles
from mediafm.serve.routes import jobs as job_routes

_ABOUT = "Titles, shots, embeddings and search of one catalog. Errors have one form: what is wrong, and what helps."


def make_app(catalog_uri: str, options: ServeOptions, models: dict[str, Path] | None = None) -> Guard:
    """The ASGI application of a catalog. models: checkpoints that jobs may embed with, by name."""
    library, records = Library(catalog_uri), Records(options.audit)

    def tell_jobs(states: "Counter[str]") -> None:
        for state in ("queued", "running", "done", "failed", "cancelled"):
            records.jobs.labels(state).set(states[state])

    jobs = Jobs(_jobs_folder(library), tell_jobs)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with jobs:
            yield

    app = FastAPI(
        title="mediafm",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # their page asks other hosts for its scripts
        redoc_url=None,
        responses={code: {"model": Refusal} for code in (400, 401, 403, 404, 409, 413, 429, 503)},
    )
    ring = None if options.keys is None else KeyRing(options.keys)
    app.include_router(about.make_router(library, records, ring, secure=not options.is_local))
    app.include_router(titles.make_router(library))
    app.include_router(searching.make_router(library, options.most_hits))
    app.include_router(media.make_router(library))
    app.include_router(job_routes.make_router(jobs, catalog_uri, options.films, models or {}))
    page = resources.files("mediafm.serve") / "page"
    if page.is_dir():
        app.mount("/", StaticFiles(directory=str(page), html=True), name="page")
    _explain_errors(app, catalog_uri)
    return Guard(app, options, records, ring)


def _explain_errors(app: FastAPI, catalog_uri: str) -> None:
    """Give every error the form of `Refusal`; where the catalog lies is nobody's business."""

    def said(request: Request, status: int, message: str, remedy: str) -> JSONResponse:
        return JSONResponse(document(message, remedy, request.state.request_id), status)

    @app.exception_handler(MediafmError)
    async def ours(request: Request, error: MediafmError) -> JSONResponse:
        return said(request, status_of(error), error.message.replace(f" {catalog_uri}", ""), error.remedy)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()[:5]]
        return said(request, 422, "; ".join(found) or "The request is not what it should be.", "See /v1/openapi.json.")

    @app.exception_handler(HTTPException)
    async def theirs(request: Request, error: HTTPException) -> JSONResponse:
        return said(request, error.status_code, str(error.detail), "See /v1/openapi.json for what can be asked.")

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return said(request, 500, "Something in the service is broken.", "Tell whoever runs it this request's id.")


def _jobs_folder(library: Library) -> Path:
    """Where a catalog's jobs are kept: the same for every service of it on this machine."""
    name = hashlib.sha256(f"{library.catalog.uri}:{library.catalog.identity}".encode()).hexdigest()[:16]
    return cache_folder("jobs") / name


def run(catalog_uri: str, options: ServeOptions, models: dict[str, Path] | None = None) -> None:
    """Serve until told to stop (Ctrl-C, SIGTERM): requests at work are finished first."""
    import uvicorn

    uvicorn.run(
        make_app(catalog_uri, options, models),
        host=options.host,
        port=options.port,
        ssl_certfile=None if options.tls_cert is None else str(options.tls_cert),
        ssl_keyfile=None if options.tls_key is None else str(options.tls_key),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=15,
        backlog=1024,
        h11_max_incomplete_event_size=32 << 10,
    )
