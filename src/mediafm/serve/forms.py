"""What the service answers with; OpenAPI's schemas come from here."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mediafm.catalog import ShotRecord, TitleRecord


class Form(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid")


class Health(Form):
    """Whether the service can answer."""

    status: str = Field(examples=["ok"])
    titles: int


class Refusal(Form):
    """What went wrong and what helps."""

    class Reason(Form):
        """The sentence for people, and the request it was about."""

        message: str
        remedy: str
        request_id: str

    error: Reason


class Title(Form):
    """One title of a list. Seconds; pixels; pictures a second."""

    title: str = Field(examples=["sintel_trailer"])
    name: str
    duration_s: float
    shots: int
    width: int
    height: int
    fps: float
    has_video: bool
    has_audio: bool
    has_text: bool
    genres: list[str]
    tags: list[str]
    live: bool
    warning: str
    film: bool = Field(description="Whether its film can be played from here.")
    revision: str = Field(description="Another one when the title was written anew; a string, for JavaScript.")

    @classmethod
    def of(cls, record: TitleRecord, film: bool) -> "Title":
        """The form of a record."""
        return cls(**_title_fields(record, film))


class Chapter(Form):
    """A chapter of the film's own."""

    title: str
    start_s: float
    end_s: float


class TitleDetail(Title):
    """All that is known of one title."""

    synopsis: str
    extra: dict[str, Any]
    tracks: dict[str, Any]
    chapters: list[Chapter]
    decode_failures: int
    time_base: tuple[int, int]
    end_pts: int
    created_at: str

    @classmethod
    def of(cls, record: TitleRecord, film: bool) -> "TitleDetail":
        """The form of a record."""
        return cls(
            **_title_fields(record, film),
            synopsis=record.metadata.synopsis,
            extra=dict(record.metadata.extra),
            tracks={kind: dict(track) for kind, track in record.tracks.items()},
            chapters=[Chapter(title=c["title"], start_s=c["start_s"], end_s=c["end_s"]) for c in record.chapters],
            decode_failures=record.decode_failures,
            time_base=(record.time_base.numerator, record.time_base.denominator),
            end_pts=record.end_pts,
            created_at=record.created_at,
        )


class Titles(Form):
    """A page of titles. after: what to ask for the next one; null at the end."""

    titles: list[Title]
    total: int
    after: str | None


class Shot(Form):
    """One shot: its span, its text, what it has."""

    shot: int
    start_pts: int
    end_pts: int
    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    text: str
    has_video: bool
    has_audio: bool
    has_text: bool
    lost_frames: int

    @classmethod
    def of(cls, record: ShotRecord) -> "Shot":
        """The form of a record."""
        fields = {name: getattr(record, name) for name in cls.model_fields if name != "shot"}
        return cls(shot=record.index, **fields)


class Shots(Form):
    """Shots of one title, from `first` on. total: of the whole title."""

    title: str
    first: int
    total: int
    shots: list[Shot]


class Embeddings(Form):
    """Vectors of a title's shots (or its own, one), and what made them."""

    title: str
    features: str
    made_by: str = Field(description="Fingerprint; vectors of different ones are never comparable.")
    context: str
    dim: int
    vectors: list[list[float]]


class Hit(Form):
    """What was found: shots [first_shot, end_shot) of a title."""

    title: str
    start_s: float
    end_s: float
    score: float
    text: str
    first_shot: int
    end_shot: int
    best_shot: int = Field(description="The shot that fits best, of a clip or title.")
    best_s: float = Field(description="Where that shot begins, in seconds.")
    duplicates: list[dict[str, Any]] = Field(default=[], description="Near-duplicates folded into it.")


class Hits(Form):
    """The best matches, best first."""

    hits: list[Hit]


class Failure(Form):
    """A title that could not be ingested, and why."""

    title: str
    reason: str
    failed_at: str


class Failures(Form):
    """All of them."""

    failures: list[Failure]


class Key(Form):
    """A key, to be kept by the browser in a cookie that no script can read."""

    key: str = Field(max_length=200)


class Who(Form):
    """Who the caller is to the service."""

    name: str
    role: str


def _title_fields(record: TitleRecord, film: bool) -> dict[str, Any]:
    return {
        "title": record.title_id,
        "name": record.metadata.name,
        "duration_s": record.duration_s,
        "shots": record.n_shots,
        "width": record.width,
        "height": record.height,
        "fps": record.fps,
        "has_video": record.has_video,
        "has_audio": record.has_audio,
        "has_text": record.has_text,
        "genres": list(record.metadata.genres),
        "tags": list(record.metadata.tags),
        "live": record.live,
        "warning": record.warning,
        "film": film,
        "revision": str(record.revision),
    }
