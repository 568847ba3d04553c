"""Answers that are refusals: always the same form, with what helps."""

import json
import math
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mediafm.errors import (
    CatalogError,
    EncoderError,
    MediaError,
    MediafmError,
    MismatchError,
    ServiceError,
    StorageError,
    UsageError,
)

# The most special first.
_STATUS: tuple[tuple[type[MediafmError], int], ...] = (
    (UsageError, 400),
    (MismatchError, 409),
    (CatalogError, 404),
    (ServiceError, 502),
    (StorageError, 503),
    (EncoderError, 422),
    (MediaError, 422),
)


def status_of(error: MediafmError) -> int:
    """The status of an answer that tells this error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def untold(text: str, uri: str) -> str:
    """A text without where the catalog lies, which is nobody's business; in a command its name is for who runs it."""
    place = re.escape(uri) + r"(?![\w/])"
    return re.sub(f" {place}", "", re.sub(f"--catalog {place}", "--catalog CATALOG", text))


def document(message: str, remedy: str, request_id: str) -> dict[str, Any]:
    """The body of every refusal."""
    return {"error": {"message": message, "remedy": remedy, "request_id": request_id}}


async def refusal(
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    status: int,
    message: str,
    remedy: str,
    request_id: str,
    retry_s: float = 0.0,
    before_end: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Send one. before_end: done when all of it is on its way, before the connection may be closed."""
    body = json.dumps(document(message, remedy, request_id)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_s:
        headers.append((b"retry-after", str(math.ceil(retry_s)).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status in (408, 413):
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": before_end is not None})
    if before_end is not None:
        await before_end()
        await send({"type": "http.response.body", "body": b""})
