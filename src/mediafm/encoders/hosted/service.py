"""What a hosted embedding service is to mediafm: a form of request, a form of answer, limits and a price.

A service's file says how its own HTTP interface is spoken to, as its documentation has it; it opens no connection.
`client` does that, alike for all of them. Everything a service is sent goes through `request` and `headers` here.
"""

import hashlib
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from mediafm.errors import UsageError
from mediafm.types import FloatArray

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class NotEvaluatedError(Exception):
    """The service does not take this clip; the text says why. Nothing is wrong, and nothing was paid."""


class BadAnswerError(Exception):
    """The service answered something else than one vector of its size."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip as it is sent: an MP4 with H.264 and, if it has sound, AAC."""

    data: bytes
    duration_s: float
    width: int
    height: int
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service takes. min_side: pixels of the shorter side; max_aspect: longer over shorter side."""

    min_s: float
    max_s: float
    max_bytes: int
    min_side: int = 0
    max_aspect: float = math.inf

    def check_length(self, duration_s: float) -> None:
        """NotEvaluatedError for a clip of a length that is not taken: nothing is ever cut shorter."""
        seconds = round(duration_s, 3)
        if seconds < self.min_s:
            raise NotEvaluatedError(f"{seconds:g} s is shorter than the {self.min_s:g} s it takes at least")
        if seconds > self.max_s:
            raise NotEvaluatedError(f"{seconds:g} s is longer than the {self.max_s:g} s it takes at most")

    def check(self, clip: Clip) -> None:
        """NotEvaluatedError for a clip that is not taken."""
        self.check_length(clip.duration_s)
        if len(clip.data) > self.max_bytes:
            size, most = len(clip.data) / 1e6, self.max_bytes / 1e6
            raise NotEvaluatedError(f"{size:.1f} MB are more than the {most:.1f} MB it takes at most")
        short, long = sorted((clip.width, clip.height))
        if long > self.max_aspect * short:
            raise NotEvaluatedError(f"{clip.width}x{clip.height} is wider than the {self.max_aspect:g}:1 it takes")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars a second of video, when and where that was read. Prices move: a caller may know a newer one."""

    usd_per_s: float
    as_of: str
    source: str

    def of(self, duration_s: float) -> float:
        """What a clip costs; a second that was begun counts whole."""
        return math.ceil(round(duration_s, 3)) * self.usd_per_s


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request below the base address."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TaskState:
    """How an asynchronous task stands: "processing", "ready" or "failed" (then with the service's reason)."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a service is spoken to and as whom. Never printed: `secret` is also cut out of every message."""

    base_url: str
    headers: Mapping[str, str]
    secret: str

    def __repr__(self) -> str:
        return f"Account({self.base_url})"

    def redacted(self, text: str) -> str:
        """A text without the key."""
        return text.replace(self.secret, "***") if self.secret else text


class HostedService(ABC):
    """One model of one service. Subclasses set the facts and the two forms; their docstrings name the sources."""

    name: str  # on the command line
    vendor: str  # for people
    model: str
    dim: int
    limits: Limits
    price: Price
    options: Mapping[str, Any]  # all else that changes the vector, JSON-able
    key_variable: str  # of the environment; the only place a key comes from
    key_remedy: str
    reset_headers: tuple[str, ...] = ()  # that tell, in seconds since 1970, when a rate limit ends

    @property
    def source(self) -> str:
        """What a clip set made by it is said to be from."""
        return f"{self.model} by {self.vendor}"

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints give comparable vectors."""
        text = json.dumps([self.name, self.model, self.dim, dict(self.options)], sort_keys=True)
        return f"{self.name}:{self.model}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def account(self, environment: Mapping[str, str] | None = None, base_url: str = "") -> Account:
        """Who calls, from the environment (os.environ); UsageError names the variable that is missing."""
        variables = os.environ if environment is None else environment
        key = self.need(variables, self.key_variable, self.key_remedy)
        url = checked_url(base_url) if base_url else self.default_url(variables)
        return Account(url + self.place(variables), self.headers(key), key)

    def need(self, variables: Mapping[str, str], name: str, remedy: str) -> str:
        """The value of a variable that must be set."""
        return environment_value(variables, name, self.vendor, remedy)

    @abstractmethod
    def default_url(self, variables: Mapping[str, str]) -> str:
        """The service's own address."""

    def place(self, variables: Mapping[str, str]) -> str:
        """What comes behind the address before any call's path, where it depends on the account."""
        return ""

    @abstractmethod
    def headers(self, key: str) -> dict[str, str]:
        """What says who calls."""

    @abstractmethod
    def request(self, clip: Clip) -> Call:
        """The one request that embeds a clip, or that begins the task of embedding it."""

    @abstractmethod
    def vector(self, answer: Any) -> FloatArray:
        """The one vector in an answer (parsed JSON), float32 [dim]; BadAnswerError for anything else."""


class TaskService(HostedService):
    """A service that embeds some clips in asynchronous tasks, which are begun and then asked after."""

    @abstractmethod
    def is_task(self, clip: Clip) -> bool:
        """Whether `request` begins a task instead of answering with the vector."""

    @abstractmethod
    def task_id(self, answer: Any) -> str:
        """The id in the answer to a request that began a task."""

    @abstractmethod
    def poll(self, task_id: str) -> Call:
        """The request that asks how a task stands; once it is ready its answer holds the vector."""

    @abstractmethod
    def task_state(self, answer: Any) -> TaskState:
        """How a task stands."""


def to_vector(values: Any, dim: int) -> FloatArray:
    """A list of numbers as float32 [dim]; BadAnswerError where it is not that, or not finite, or nothing."""
    if not isinstance(values, list) or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise BadAnswerError("the answer holds no list of numbers where the vector should be")
    if len(values) != dim:
        raise BadAnswerError(f"the vector has {len(values)} numbers instead of {dim}")
    with np.errstate(over="ignore"):
        vector = np.array(values, np.float64).astype(np.float32)
    if not np.isfinite(vector).all():
        raise BadAnswerError("the vector holds a NaN or an infinity")
    if not vector.any():
        raise BadAnswerError("the vector is all zeros")
    return vector


def one_of(items: Any, what: str) -> Any:
    """The only item of a list; BadAnswerError where there are none or several."""
    if not isinstance(items, list) or len(items) != 1:
        n = len(items) if isinstance(items, list) else 0
        raise BadAnswerError(f"the answer holds {n} {what} instead of one")
    return items[0]


def field(answer: Any, *names: str) -> Any:
    """A value some levels down; None where there is no such thing."""
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def environment_value(variables: Mapping[str, str], name: str, vendor: str, remedy: str) -> str:
    """The value of a variable that must be set, fit to stand in a header; UsageError otherwise, without the value."""
    value = variables.get(name, "").strip()
    if not value:
        raise UsageError(f"{vendor} needs the environment variable {name}, which is not set.", remedy)
    if not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(f"The environment variable {name} holds characters that cannot be part of it.", remedy)
    return value


def checked_url(url: str, secret: bool = True) -> str:
    """An address that a key may be sent to; UsageError for one in clear text to another machine.

    secret: whether there is a key; without one clear text will do. A key inside the address is refused: it would show.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no address of a service.", "Write it as https://host/path.")
    if parts.username or parts.password or parts.query:
        raise UsageError(f"The address of {parts.hostname} holds a user, a password or a query.", "Leave them out.")
    if secret and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError(f"The key would travel to {url} in clear text.", "Use https.")
    return url.rstrip("/")
