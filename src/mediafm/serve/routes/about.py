"""Is it well, who am I, what is in it."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from mediafm.serve.forms import Health, Key, Refusal, Who
from mediafm.serve.guard import COOKIE
from mediafm.serve.keys import KeyRing
from mediafm.serve.library import Library, trouble_opening
from mediafm.serve.records import Records
from mediafm.serve.replies import document
from mediafm.serve.work import Work


def make_router(library: Library, records: Records, ring: KeyRing | None, work: Work, secure: bool) -> APIRouter:
    """`/healthz`, `/metrics`, `/v1/catalog` and `/v1/session`. secure: whether cookies travel encrypted only."""
    router = APIRouter(tags=["about"])

    @router.get("/healthz", responses={503: {"model": Refusal}})
    def healthz(request: Request) -> Any:
        """Whether the service can read its catalog."""
        if work.refuses:
            said = document("The service takes nothing new.", "Ask another one, or later.", request.state.request_id)
            return JSONResponse(said, 503)
        trouble = trouble_opening(library.catalog.uri)
        if trouble:
            said = document("The catalog cannot be read.", "Look into the service's log.", request.state.request_id)
            return JSONResponse(said, 503)
        return Health(status="ok", titles=len(library.records()))

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics() -> Response:
        """Numbers in Prometheus' text form."""
        known = library.records().values()
        records.titles.set(len(known))
        records.shots.set(sum(r.n_shots for r in known))
        return Response(records.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.get("/v1/catalog")
    def catalog() -> dict[str, Any]:
        """What the catalog holds: as `mediafm info --json`, without where it lies."""
        return {name: value for name, value in library.catalog.info().items() if name not in ("uri", "disk_bytes")}

    @router.get("/v1/session")
    def who(request: Request) -> Who:
        """Who the caller is."""
        caller = request.state.caller
        return Who(name=caller.name, role=caller.role) if caller else Who(name="nobody", role="none")

    @router.post("/v1/session", responses={401: {"model": Refusal}})
    def enter(given: Key, request: Request) -> Response:
        """Keep a key in a cookie that no script can read: for the page, which cannot send headers with a film."""
        caller = None if ring is None else ring.caller(given.key)
        if caller is None:
            said = document("This is no key.", "Ask whoever runs the service for one.", request.state.request_id)
            return JSONResponse(said, 401)
        answer = JSONResponse(Who(name=caller.name, role=caller.role).model_dump())
        answer.set_cookie(COOKIE, given.key, httponly=True, samesite="strict", secure=secure, max_age=30 * 86400)
        return answer

    @router.delete("/v1/session", status_code=204)
    def leave() -> Response:
        """Forget the cookie."""
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure)
        return answer

    return router
