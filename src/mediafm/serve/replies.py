"""Answers that are refusals: always the same form, with what helps."""

import json
import math
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
) -> None:
    """Send one."""
    body = json.dumps(document(message, remedy, request_id)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_s:
        headers.append((b"retry-after", str(math.ceil(retry_s)).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status in (408, 413):
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
