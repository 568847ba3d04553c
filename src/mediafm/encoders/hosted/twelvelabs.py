"""TwelveLabs Marengo by their own API, v1.3: one vector of 512 numbers for a clip's picture, sound and speech.

Read in the OpenAPI text of "Create sync embeddings", in the documentation of "Create an async embedding task" and in
their generated clients (stored copies, seen 2026-09):

- `POST https://api.twelvelabs.io/v1.3/embed-v2` with the header `x-api-key` answers at once: `marengo3.0` up to 10
  minutes of video (`input_type` video), `marengo3.5` up to 30 s (`input_type` multi_input). Longer videos are tasks:
  `POST /embed-v2/tasks`, then `GET /embed-v2/tasks/{id}` until `status` is ready or failed; results are kept for seven
  days. Both forms take base64 of up to 36 MB (multi_input 32 MB).
- `embedding_scope` asset is one vector for the whole video; `embedding_type` fused_embedding puts all of
  `embedding_option` into one, and may only stand beside two options or more. They advise the scope asset for videos of
  up to 10 to 30 s.
- Videos of `marengo3.0` have 4 s at least (said of tasks), 360x360 pixels at least and no shape beyond 2.4:1.
- 429 where a rate limit is passed, with the window's end in `X-Ratelimit-Reset` in seconds since 1970 (v1.2's page;
  v1.3 counts requests and minutes of video, `X-Ratelimit-Request-Reset` and `-Duration-Reset` in others' code).

`marengo3.0` is the default, theirs as well as ours: `marengo3.5` fuses long videos only with texts of one's own, so
clips beyond 30 s would get another kind of vector. Price: $0.042 a minute of video [usagepricing.com/blueprint/
twelve-labs, 2026; the same figure as Bedrock's for Marengo].
"""

import base64
from collections.abc import Mapping
from typing import Any

from mediafm.encoders.hosted.service import (
    BadAnswerError,
    Call,
    Clip,
    Limits,
    Price,
    TaskService,
    TaskState,
    field,
    one_of,
    to_vector,
)
from mediafm.errors import UsageError
from mediafm.types import FloatArray

_LIMITS = {
    "marengo3.0": Limits(min_s=4, max_s=4 * 3600, max_bytes=36_000_000, min_side=360, max_aspect=2.4),
    "marengo3.5": Limits(min_s=0, max_s=30, max_bytes=32_000_000, min_side=360, max_aspect=2.4),
}
SYNC_MAX_S = 600.0


class TwelveLabs(TaskService):
    """Marengo 3.0 or 3.5. Clips longer than `sync_max_s` are embedded as tasks (3.0 only)."""

    name = "twelvelabs"
    vendor = "TwelveLabs"
    dim = 512
    price = Price(0.042 / 60, "2026-09", "usagepricing.com/blueprint/twelve-labs")
    key_variable = "TWELVE_LABS_API_KEY"
    key_remedy = "Make a key at playground.twelvelabs.io and export TWELVE_LABS_API_KEY=..."
    reset_headers = ("x-ratelimit-request-reset", "x-ratelimit-duration-reset", "x-ratelimit-reset")

    def __init__(self, model: str = "", sync_max_s: float = SYNC_MAX_S) -> None:
        self.model = model or "marengo3.0"
        if self.model not in _LIMITS:
            known = ", ".join(_LIMITS)
            raise UsageError(f"There is no client for the model {model!r} of {self.vendor}.", f"Use one of {known}.")
        self.limits = _LIMITS[self.model]
        self.options = {"scope": "asset", "fused": ["visual", "audio", "transcription"]}
        if self.model == "marengo3.5":
            self.options = {"input_type": "multi_input"}
        self._sync_max_s = sync_max_s

    def default_url(self, variables: Mapping[str, str]) -> str:
        """One address for all."""
        return "https://api.twelvelabs.io/v1.3"

    def headers(self, key: str) -> dict[str, str]:
        """An API key."""
        return {"x-api-key": key}

    def request(self, clip: Clip) -> Call:
        """An embedding, or the task of making one."""
        content = base64.b64encode(clip.data).decode()
        if self.model == "marengo3.5":
            sources = {"media_sources": [{"media_type": "video", "base64_string": content}]}
            body = {"input_type": "multi_input", "model_name": self.model, "multi_input": sources}
            return Call("POST", "/embed-v2", body)
        # Without sound there is one modality, and nothing to fuse.
        kinds = {"embedding_option": self.options["fused"], "embedding_type": ["fused_embedding"]}
        kinds = kinds if clip.has_sound else {"embedding_option": ["visual"]}
        video = {"media_source": {"base64_string": content}, "embedding_scope": ["asset"], **kinds}
        path = "/embed-v2/tasks" if self.is_task(clip) else "/embed-v2"
        return Call("POST", path, {"input_type": "video", "model_name": self.model, "video": video})

    def vector(self, answer: Any) -> FloatArray:
        """`data[0].embedding`; with several kinds of it, the one of the whole file."""
        items = field(answer, "data")
        if self.model == "marengo3.0" and isinstance(items, list):
            items = [i for i in items if field(i, "embedding_scope") == "asset"]
        return to_vector(field(one_of(items, "embeddings of the whole clip"), "embedding"), self.dim)

    def is_task(self, clip: Clip) -> bool:
        """Whether the clip is too long for an answer at once."""
        return self.model == "marengo3.0" and clip.duration_s > self._sync_max_s

    def task_id(self, answer: Any) -> str:
        """`_id`."""
        task = field(answer, "_id")
        if not isinstance(task, str) or not task:
            raise BadAnswerError("the answer holds no id of a task")
        return task

    def poll(self, task_id: str) -> Call:
        """Status and, once ready, results in one answer."""
        return Call("GET", f"/embed-v2/tasks/{task_id}")

    def task_state(self, answer: Any) -> TaskState:
        """`status`, and `error.message` of one that failed."""
        status = field(answer, "status")
        if status not in ("processing", "ready", "failed"):
            raise BadAnswerError(f"a task has the status {status!r}")
        return TaskState(status, str(field(answer, "error", "message") or "no reason given"))
