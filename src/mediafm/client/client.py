"""Everything a service can be asked, one method each."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote

from mediafm.client.answers import Embeddings, Found, Hit, Job, Media, Shot, Title
from mediafm.client.calling import Caller
from mediafm.errors import ServiceError, UsageError

if TYPE_CHECKING:
    import httpx2

_ARROW = "application/vnd.apache.arrow.stream"
Unit = Literal["shot", "clip", "title"]


class Client:
    """A service at an address. A context manager; may be used by several threads.

    key: of `mediafm keys add`, where the service takes keys. tries: a request that the service has no room for is sent
    again when it says so. Every method raises a MediafmError that says what is wrong and what helps.
    """

    def __init__(
        self,
        address: str = "http://127.0.0.1:8780",
        key: str = "",
        tries: int = 5,
        timeout_s: float = 60.0,
        transport: "httpx2.BaseTransport | None" = None,
    ) -> None:
        self._caller = Caller(address, key, tries, timeout_s, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._caller.close()

    # ------------------------------------------------------------------------------------------------ what there is

    def catalog(self) -> dict[str, Any]:
        """What the catalog holds, as `mediafm info --json` tells it."""
        return dict(self._get("/v1/catalog"))

    def titles(
        self, words: str = "", genre: str = "", tag: str = "", has: Sequence[str] = (), page: int = 1000
    ) -> Iterator[Title]:
        """Titles in id order, `page` at a time as they are taken.

        words: of id or name. has: of video, audio, text.
        """
        asked: dict[str, Any] = {"words": words, "genre": genre, "tag": tag, "has": list(has), "limit": page}
        after: str | None = ""
        while after is not None:
            found = self._get("/v1/titles", **asked, after=after)
            yield from map(Title.of, found["titles"])
            after = found["after"]

    def title(self, title: str) -> Title:
        """One title; all that is known of it beyond the fields of Title stands in `more`."""
        return Title.of(self._get(f"/v1/titles/{_named(title)}"))

    def shots(self, title: str) -> list[Shot]:
        """All shots of a title, in order."""
        shots: list[Shot] = []
        while True:
            found = self._get(f"/v1/titles/{_named(title)}/shots", first=len(shots))
            shots += map(Shot.of, found["shots"])
            if len(shots) >= found["total"] or not found["shots"]:
                return shots

    def keyframe(self, title: str, shot: int) -> bytes:
        """A shot's picture, JPEG."""
        return self._caller.call("GET", f"/v1/titles/{_named(title)}/keyframes/{int(shot)}").content

    def words(self, title: str) -> str:
        """A title's timed text as WebVTT."""
        return self._caller.call("GET", f"/v1/titles/{_named(title)}/words.vtt").text

    def embeddings(self, title: str, features: str, unit: Literal["shot", "title"] = "shot") -> Embeddings:
        """Vectors of a title's shots, float32 [shots, dim], or its own, [1, dim].

        features: an embedding set, a modality or concat.
        """
        import numpy as np
        import pyarrow as pa

        path, headers = f"/v1/titles/{_named(title)}/embeddings", {"accept": _ARROW}
        answer = self._caller.call("GET", path, params={"features": features, "unit": unit}, headers=headers)
        try:
            table = pa.ipc.open_stream(answer.content).read_all()
            column = table["vector"].combine_chunks()
            vectors = column.values.to_numpy(zero_copy_only=False).reshape(len(table), column.type.list_size)
            facts = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
            made_by, context = facts["made_by"], facts["context"]
        except (pa.ArrowInvalid, KeyError, AttributeError) as error:
            raise ServiceError("The service's vectors cannot be read.", "Check whether its version fits.") from error
        return Embeddings(title, features, made_by, context, np.asarray(vectors, dtype=np.float32))

    def tags(self) -> dict[str, int]:
        """Every tag, and how many titles have it."""
        counts: dict[str, int] = {}
        for title in self.titles():
            for tag in title.tags:
                counts[tag] = counts.get(tag, 0) + 1
        return dict(sorted(counts.items()))

    def media(self, title: str, start: int = 0, length: int | None = None) -> Media:
        """Bytes [start, start + length) of a title's film; without a length, to its end."""
        if start < 0 or (length is not None and length < 1):
            raise UsageError("There are no such bytes of a film.", "Start at 0 or later, and ask for one at least.")
        until = "" if length is None else str(start + length - 1)
        headers = {"range": f"bytes={start}-{until}"}
        answer = self._caller.call("GET", f"/v1/media/{_named(title)}", headers=headers)
        total = answer.headers.get("content-range", "").rpartition("/")[2]
        kind = answer.headers.get("content-type", "")
        size = int(total) if total.isdecimal() else -1
        return Media(answer.content, start if answer.status_code == 206 else 0, size, kind)

    # ---------------------------------------------------------------------------------------------------- search

    def search(
        self,
        words: str = "",
        like: str | Sequence[str] = (),
        image: bytes | None = None,
        sound: bytes | None = None,
        weights: dict[str, float] | None = None,
        unit: Unit = "shot",
        k: int = 10,
        features: Sequence[str] = (),
        **more: Any,
    ) -> Found:
        """The best matches of words, places ("TITLE", "TITLE@12.5-20", "TITLE#3"), a picture, a sound, or a mix.

        image, sound: the files' bytes. weights: by kind, such as {"words": 2, "like": -1}. features: what examples are
        compared by; of several there is a list for each as well. more: what else the service takes, such as where,
        titles, after, before, fold, explain.
        """
        if not (words or like or image or sound):
            raise UsageError("There is nothing to search for.", "Give words, like, image or sound.")
        asked: dict[str, Any] = {"unit": unit, "k": k, "features": list(features), **more}
        asked |= {"words": words} if words else {}
        asked |= {"like": [like] if isinstance(like, str) else list(like)} if like else {}
        asked |= {"weights": weights} if weights else {}
        for name, data in (("image", image), ("sound", sound)):
            if data is not None:
                asked[name] = base64.b64encode(data).decode()
        return _found(_document(self._caller.call("POST", "/v1/search", json=asked)))

    def similar(self, like: str, unit: Unit = "shot", k: int = 10, features: str = "") -> list[Hit]:
        """What is like a place: "TITLE", "TITLE@12.5-20" or "TITLE#3"."""
        asked = {"like": like, "unit": unit, "k": k} | ({"features": features} if features else {})
        return _found(self._get("/v1/similar", **asked)).hits

    # ------------------------------------------------------------------------------------------------------ jobs

    def films(self) -> list[str]:
        """Names of the films that a job may ingest."""
        return list(self._get("/v1/films")["films"])

    def models(self) -> list[str]:
        """Names of the checkpoints that a job may embed with."""
        return list(self._get("/v1/models")["models"])

    def ingest(self, films: Sequence[str]) -> Job:
        """Ask for films of the service's own folder to be ingested."""
        asked = {"kind": "ingest", "films": list(films)}
        return Job.of(_document(self._caller.call("POST", "/v1/jobs", json=asked)))

    def embed(self, model: str, context: Literal["title", "past", "none"] = "title") -> Job:
        """Ask for an embedding set by one of the service's checkpoints."""
        asked = {"kind": "embed", "model": model, "context": context}
        return Job.of(_document(self._caller.call("POST", "/v1/jobs", json=asked)))

    def jobs(self) -> list[Job]:
        """All jobs, newest first."""
        return [Job.of(job) for job in self._get("/v1/jobs")["jobs"]]

    def job(self, job_id: str) -> Job:
        """How a job stands."""
        return Job.of(self._get(f"/v1/jobs/{_named(job_id)}"))

    def cancel(self, job_id: str) -> Job:
        """Take a job back; what it has stored stays."""
        return Job.of(_document(self._caller.call("DELETE", f"/v1/jobs/{_named(job_id)}")))

    def follow(self, job_id: str) -> Iterator[Job]:
        """The job each time something of it changes, the last time when it has ended.

        A service that is stopped meanwhile ends the iteration early: then the last job is not `ended`.
        """
        with self._caller.stream("GET", f"/v1/jobs/{_named(job_id)}/events") as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield Job.of(json.loads(line[6:]))

    def _get(self, path: str, **asked: Any) -> Any:
        given = {name: value for name, value in asked.items() if value not in ("", [])}
        return _document(self._caller.call("GET", path, params=given))


def _document(answer: "httpx2.Response") -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise ServiceError("This is no service of mediafm.", "Check the address.") from error


def _named(name: str) -> str:
    """A name in a path: nothing in it is a separator, a question or a step upwards."""
    if not name or name.strip(".") == "":
        raise UsageError(f"{name!r} is no name.", "Names are listed by titles() and jobs().")
    return quote(name, safe="")


def _found(document: Any) -> Found:
    lists = {name: [Hit.of(hit) for hit in hits] for name, hits in document.get("lists", {}).items()}
    return Found([Hit.of(hit) for hit in document["hits"]], lists, list(document.get("notes", ())))
