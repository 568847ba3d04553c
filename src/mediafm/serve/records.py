"""What is told of requests: numbers for Prometheus, and an audit log of refusals and changes."""

import json
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mediafm.serve.keys import Caller

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_CHANGES = ("/v1/jobs", "/v1/admin", "/v1/session")


class Records:
    """Counts requests by route, method and status; writes the audit log."""

    def __init__(self, audit: Path | None) -> None:
        self._registry = CollectorRegistry()
        labels = ["route", "method", "status"]
        self._requests = Counter("mediafm_requests", "Requests answered", labels, registry=self._registry)
        self._seconds = Histogram(
            "mediafm_request_seconds",
            "Time to the end of the answer",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.titles = Gauge("mediafm_titles", "Titles in the catalog", registry=self._registry)
        self.shots = Gauge("mediafm_shots", "Shots in the catalog", registry=self._registry)
        self.jobs = Gauge("mediafm_jobs", "Jobs by their state", ["state"], registry=self._registry)
        self._lock = threading.Lock()
        self._audit = None if audit is None else audit.open("a", encoding="utf-8")

    def tell(
        self, scope: MutableMapping[str, Any], status: int, request_id: str, caller: Caller | None, seconds: float
    ) -> None:
        """One request is over. status 0: the connection went away before an answer."""
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS") else "other"
        # The route as declared, not the path as asked: a path per title would fill the memory of who collects.
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        changes = method not in ("GET", "HEAD", "OPTIONS") and route.startswith(
            ("/v1/jobs", "/v1/admin", "/v1/session")
        )
        if self._audit is not None and (changes or 400 <= status < 500):
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "request": request_id,
                "caller": caller.name if caller else "nobody",
                "from": scope["client"][0] if scope.get("client") else "",
                "method": method,
                "path": scope["path"][:500],
                "status": status,
                "seconds": round(seconds, 4),
            }
            with self._lock:
                self._audit.write(json.dumps(line) + "\n")
                self._audit.flush()

    def exposition(self) -> bytes:
        """All numbers in Prometheus' text form."""
        return generate_latest(self._registry)
