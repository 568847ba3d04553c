"""What embedding a table of clips by a hosted service will take: which are there already, which may be sent, the price.

Nothing is sent here and no key is needed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mediafm.catalog import Catalog, ClipSetSpec, ClipTable, TitleRecord, source_fingerprint
from mediafm.encoders.hosted import HostedCache, HostedService, NotEvaluatedError
from mediafm.errors import MediaError, MismatchError
from mediafm.ingest.cutting import VERSION, CutOptions
from mediafm.media import MEDIA_SUFFIXES
from mediafm.storage import is_remote

State = Literal["stored", "cached", "send", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class PlannedClip:
    """One row of the table. key: its name in the cache. reason: why it is refused or failed. usd: what it will cost."""

    row: int  # from 1
    title: str
    start_s: float
    end_s: float
    state: State
    film: Path = Path()
    key: str = ""
    reason: str = ""
    usd: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """As listed in a result."""
        span = {"start_s": round(self.start_s, 6), "end_s": round(self.end_s, 6)}
        return {"row": self.row, "title": self.title, **span, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class HostedPlan:
    """All rows of a table in their order; `as_json` is the document of a dry run."""

    service: HostedService
    clips: tuple[PlannedClip, ...]

    def of(self, state: State) -> list[PlannedClip]:
        """The rows in a state."""
        return [clip for clip in self.clips if clip.state == state]

    @property
    def usd(self) -> float:
        """Dollars for all that would be sent, if no call has to be paid twice."""
        return sum(clip.usd for clip in self.clips)

    def as_json(self) -> dict[str, Any]:
        """Keys are the command line's contract."""
        price = self.service.price
        return {
            "service": self.service.name,
            "model": self.service.model,
            "clips": len(self.clips),
            "to_embed": len(self.of("send")),
            "from_cache": len(self.of("cached")),
            "already_there": len(self.of("stored")),
            "not_evaluated": [clip.as_json() for clip in self.of("refused")],
            "failed": [clip.as_json() for clip in self.of("failed")],
            "video_s": round(sum(clip.end_s - clip.start_s for clip in self.of("send")), 3),
            "usd": round(self.usd, 6),
            "price": {"usd_per_minute": price.usd_per_s * 60, "as_of": price.as_of, "source": price.source},
        }


def cut_options(service: HostedService) -> CutOptions:
    """How clips are cut for a service."""
    return CutOptions(min_side=service.limits.min_side)


def clip_set_spec(service: HostedService, name: str) -> ClipSetSpec:
    """The clip set that a service's vectors go to."""
    return ClipSetSpec(name, service.source, service.dim, service.fingerprint)


def make_plan(
    table: ClipTable, catalog: Catalog, service: HostedService, clip_set: str, base_url: str, cache: HostedCache
) -> HostedPlan:
    """Look at every clip of a checked table.

    clip_set: where vectors may be already, "" for nowhere; MismatchError where it is another maker's. base_url: as the
    service will be called, "" for its own address: answers of another address are kept apart.
    """
    titles = sorted(set(table.title))
    records = {r.title_id: r for r in catalog.titles() if r.title_id in set(titles)}
    stored = _stored(catalog, clip_set_spec(service, clip_set), titles) if clip_set else set()
    films = _Films()
    clips = []
    rows = zip(table.title, table.start_s.tolist(), table.end_s.tolist(), strict=True)
    for row, (title, start_s, end_s) in enumerate(rows, 1):
        record = records[title]
        key = _key(service, base_url, record, start_s, end_s)
        clip = PlannedClip(row, title, start_s, end_s, "send", Path(record.path), key)
        if (title, *_span(start_s, end_s)) in stored:
            clip = replace(clip, state="stored")
        elif cache.vector(key) is not None:
            clip = replace(clip, state="cached")
        elif refusal := _refusal(service, end_s - start_s):
            clip = replace(clip, state="refused", reason=refusal)
        elif trouble := films.trouble(record):
            clip = replace(clip, state="failed", reason=trouble)
        else:
            # A task that an earlier run began is paid already.
            clip = replace(clip, usd=0.0 if cache.task(key) else service.price.of(end_s - start_s))
        clips.append(clip)
    return HostedPlan(service, tuple(clips))


def _stored(catalog: Catalog, spec: ClipSetSpec, titles: Sequence[str]) -> set[tuple[str, int, int]]:
    """(title, start, end) of the clips that the set holds."""
    found = next((s for s in catalog.clip_sets() if s.name == spec.name), None)
    if found is None:
        return set()
    if found != spec:
        raise MismatchError(
            f"The clip set {spec.name!r} in {catalog.uri} was made by {found.source} ({found.fingerprint}); asked for "
            f"is {spec.source} ({spec.fingerprint}).",
            "Choose another name for the clip set.",
        )
    held = catalog.clip_vectors(spec.name, titles)
    return {(t, *_span(a, b)) for t, start, end, _ in held for a, b in zip(start.tolist(), end.tolist(), strict=True)}


def _span(start_s: float, end_s: float) -> tuple[int, int]:
    """Whole microseconds, as the catalog keeps them."""
    return round(start_s * 1e6), round(end_s * 1e6)


def _key(service: HostedService, base_url: str, record: TitleRecord, start_s: float, end_s: float) -> str:
    return HostedCache.key(
        service=service.fingerprint,
        address=base_url,
        film=record.source_fingerprint,
        span=_span(start_s, end_s),
        cut={"version": VERSION, **asdict(cut_options(service))},
    )


def _refusal(service: HostedService, duration_s: float) -> str:
    try:
        service.limits.check_length(duration_s)
    except NotEvaluatedError as error:
        return str(error)
    return ""


class _Films:
    """Whether the films of titles are still those that were ingested; each is looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def trouble(self, record: TitleRecord) -> str:
        """Why a title's film cannot be cut; empty if it can."""
        if record.title_id not in self._known:
            self._known[record.title_id] = self._look(record)
        return self._known[record.title_id]

    def _look(self, record: TitleRecord) -> str:
        film = Path(record.path)
        if is_remote(record.path):
            return f"its film {record.path} lies on object storage: ingest a copy on this machine to have it cut"
        if film.suffix.lower() not in MEDIA_SUFFIXES:
            return f"no film of it is known: it was made of {record.path or 'nothing that is recorded'}"
        if not film.is_file():
            return f"its film {film} is gone"
        try:
            same = source_fingerprint(film) == record.source_fingerprint
        except MediaError as error:
            return error.message
        return "" if same else f"its film {film} was changed since it was ingested: ingest it again"
