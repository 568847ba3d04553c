"""Jobs: what is asked for is checked here, so that nothing a client sends becomes a path, an address or an option."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse
from pydantic import Field

from mediafm.errors import UsageError
from mediafm.media import find_films
from mediafm.serve.forms import Form
from mediafm.serve.jobs import Job, Jobs, State

JobId = Annotated[str, InPath(pattern=r"^[0-9a-f]{16}$")]


class IngestAsked(Form):
    """Films of the service's own folder, by the names that `GET /v1/films` lists."""

    kind: Literal["ingest"]
    films: list[Annotated[str, Field(max_length=1000)]] = Field(min_length=1, max_length=10_000)


class EmbedAsked(Form):
    """An embedding set by a checkpoint of the service's own, by the names that `GET /v1/models` lists."""

    kind: Literal["embed"]
    model: str = Field(max_length=500)
    context: Literal["title", "past", "none"] = "title"


class MapAsked(Form):
    """A map of all shots or titles, for the page."""

    kind: Literal["map"]
    features: str = Field(max_length=500)
    unit: Literal["shot", "title"] = "shot"


class JobForm(Form):
    """A job and how it stands."""

    id: str
    kind: str
    state: State
    by: str
    made: str
    progress: dict[str, Any]
    result: dict[str, Any] | None
    said: str

    @classmethod
    def of(cls, job: Job) -> "JobForm":
        """The form of a job."""
        return cls(**{name: getattr(job, name) for name in cls.model_fields})


class JobList(Form):
    """All jobs, newest first."""

    jobs: list[JobForm]


class Films(Form):
    """Films that a job may ingest."""

    films: list[str]


class Models(Form):
    """Checkpoints that a job may embed with."""

    models: list[str]


def make_router(
    jobs: Jobs, catalog_uri: str, films: Path | None, models: dict[str, Path], preset: str = ""
) -> APIRouter:
    """`/v1/jobs`, and what they may be about. preset: a file to ingest by; default the catalog's own."""
    router = APIRouter(prefix="/v1", tags=["jobs"])

    @router.get("/films")
    def list_films() -> Films:
        """Names of the films in the service's folder."""
        return Films(films=sorted(_films(films)))

    @router.get("/models")
    def list_models() -> Models:
        """Names of the checkpoints at hand."""
        return Models(models=sorted(models))

    @router.post("/jobs", status_code=202)
    def add(
        asked: Annotated[IngestAsked | EmbedAsked | MapAsked, Field(discriminator="kind")], request: Request
    ) -> JobForm:
        """Ask for work; it is done after what was asked for before."""
        if isinstance(asked, IngestAsked):
            known = _films(films)
            arguments = [_known(name, known, "film") for name in asked.films]
            options = ["--catalog", catalog_uri, *(["--preset", preset] if preset else [])]
        elif isinstance(asked, MapAsked):
            # One word to the command, which looks the name up and says so where there is none.
            arguments, options = [], ["--catalog", catalog_uri, f"--features={asked.features}", "--unit", asked.unit]
        else:
            arguments, options = [], ["--catalog", catalog_uri, "--model", _known(asked.model, models, "model")]
            options += ["--context", asked.context]
        return JobForm.of(jobs.add(asked.kind, (*options, *arguments), request.state.caller.name))

    @router.get("/jobs")
    def list_jobs() -> JobList:
        """All jobs, newest first."""
        return JobList(jobs=[JobForm.of(job) for job in jobs.all()])

    @router.get("/jobs/{job}")
    def one(job: JobId) -> JobForm:
        """How a job stands."""
        return JobForm.of(jobs.one(job))

    @router.delete("/jobs/{job}")
    def cancel(job: JobId) -> JobForm:
        """Take a job back. What it has stored stays."""
        return JobForm.of(jobs.cancel(job))

    @router.get(
        "/jobs/{job}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    def events(job: JobId) -> StreamingResponse:
        """The job each time something of it changes, as server-sent events, until it has ended."""
        jobs.one(job)

        async def lines() -> AsyncIterator[str]:
            async for now in jobs.follow(job):
                # A comment now and then, so that a proxy keeps the connection and a reader who is gone is noticed.
                yield (
                    ": quiet\n\n"
                    if now is None
                    else f"event: {now.state}\ndata: {json.dumps(JobForm.of(now).model_dump())}\n\n"
                )

        return StreamingResponse(lines(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    return router


def _films(folder: Path | None) -> dict[str, Path]:
    """Name below the folder -> absolute path."""
    if folder is None:
        return {}
    root = folder.resolve()
    try:
        found = [film for film in find_films([root]) if isinstance(film, Path)]
    except UsageError:
        return {}  # nothing in it
    return {str(film.relative_to(root)): film for film in found if film.resolve().is_relative_to(root)}


def _known(name: str, known: dict[str, Path], what: str) -> str:
    if name not in known:
        raise UsageError(f"There is no {what} of that name.", f"GET /v1/{what}s lists them.")
    return str(known[name])
