"""The service as a process: how it listens, and how it ends."""

import asyncio
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from mediafm.errors import UsageError
from mediafm.serve.app import make_app
from mediafm.serve.connections import Ledger, connection_class
from mediafm.serve.options import ServeOptions
from mediafm.serve.work import Work

HANDSHAKE_S = 10.0  # for TLS, before which a connection is none
_WAITING = 2048  # connections that were not taken yet
_FILES_KEPT = 512  # that are not connections: films, tables, pipes of jobs


def run(
    catalog_uri: str, options: ServeOptions, models: dict[str, Path] | None = None, *, tell: Callable[[str], None]
) -> None:
    """Serve until told to stop (Ctrl-C, SIGTERM): what is at work is finished first, what is new refused with 503.

    tell: gets the address once it is listened at; with port 0 the system chooses one. UsageError where it cannot be.
    """
    app = make_app(catalog_uri, options, models)
    ledger = Ledger(_connections(options.connections), 0 if options.behind_proxy else options.connections_each)
    app.work.connections = ledger
    config = uvicorn.Config(
        app,
        ssl_certfile=None if options.tls_cert is None else str(options.tls_cert),
        ssl_keyfile=None if options.tls_key is None else str(options.tls_key),
        http=connection_class(ledger, options.idle_s, options.stall_s),
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=options.idle_s,  # type: ignore[arg-type]  # any number will do
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=32 << 10,
    )
    with _listening(options) as listening, asyncio.Runner(loop_factory=_Loop) as runner:
        host = f"[{options.host}]" if ":" in options.host else options.host
        tell(f"{'http' if options.tls_cert is None else 'https'}://{host}:{listening.getsockname()[1]}/")
        runner.run(_Server(config, app.work, options.stop_s).serve([listening]))


def _listening(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family, backlog=_WAITING)
    except OSError as error:
        # Of an errno alone, which is the same on all Pythons; a name that leads nowhere has none of the system's.
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise UsageError(
            f"Nothing can listen at {options.host}, port {options.port}: {why}.",
            "Choose another --port or --host, or end what listens there.",
        ) from error


class _Server(uvicorn.Server):
    """Goes on listening while it finishes, so that who comes then is told, and who watches over it sees it going."""

    def __init__(self, config: uvicorn.Config, work: Work, stop_s: float) -> None:
        super().__init__(config)
        self._work, self._stop_s = work, stop_s

    async def shutdown(self, sockets: Any = None) -> None:
        """Finish, within a time; then close."""
        self._work.stop()
        await self._work.finished(self._stop_s)
        await super().shutdown(sockets)


class _Loop(asyncio.SelectorEventLoop):
    """TLS handshakes have to come to an end, too."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        """As the library's own."""
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", HANDSHAKE_S)
        return await super().create_server(*args, **options)


def _connections(wanted: int) -> int:
    """As many as are wanted, and as the system gives this process files for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted + _FILES_KEPT
    if soft != resource.RLIM_INFINITY and soft < enough:
        soft = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(16, min(wanted, soft - _FILES_KEPT))
