"""What a search can ask for by POST, and what comes back with it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mediafm.errors import UsageError
from mediafm.search import Hit as FoundHit
from mediafm.search import Image, Like, Options, Query, SoundFile, Unit, Words
from mediafm.serve.finder import Sent, from_base64
from mediafm.serve.forms import Form, Hit

MOST_LIKE = 8  # examples in one search
MOST_BASE64 = 12 << 20
_Line = Annotated[str, Field(min_length=1, max_length=2000)]
Kind = Literal["words", "like", "image", "sound"]


class SearchAsked(Form):
    """One search. At least one of words, like, image and sound; where there are more, they are mixed by weight.

    A weight below zero means less like this.
    """

    words: str = Field("", max_length=2000, examples=["someone is looking for a friend"])
    like: list[_Line] = Field([], max_length=MOST_LIKE, description="TITLE, TITLE@12.5-20 or TITLE#3 each.")
    image: str = Field("", max_length=MOST_BASE64, description="A picture (JPEG, PNG, WebP), base64.")
    sound: str = Field("", max_length=MOST_BASE64, description="A sound file or a film for its sound, base64.")
    weights: dict[Kind, float] = Field({}, examples=[{"words": 2, "like": -1}], description="1 where none is given.")
    unit: Unit = "shot"
    k: int = Field(10, ge=1, description="How many hits.")
    features: list[_Line] = Field([], max_length=8, description="Of several there is a list for each as well.")
    where: list[_Line] = Field([], max_length=20, examples=[["genre=Drama", "year>=1999"]])
    titles: list[_Line] = Field([], max_length=200, description="Ids or patterns of them; one has to fit.")
    after: float | None = Field(None, ge=0, le=1e9, description="Seconds; shots begin no earlier in their title.")
    before: float | None = Field(None, ge=0, le=1e9, description="Seconds; shots end no later in their title.")
    fold: bool = Field(True, description="Whether near-duplicates are folded into the best of them.")
    explain: bool = Field(False, description="Whether hits say why they were found.")

    def options(self) -> Options:
        """For the library."""
        return Options(
            where=self.where,
            titles=self.titles,
            after=self.after,
            before=self.before,
            keep_duplicates=not self.fold,
            explain=self.explain,
        )

    def queries(self, sent: Sent, image: bytes = b"", sound: bytes = b"") -> list[Query]:
        """For the library. image, sound: bytes that came beside; UsageError where they came twice."""
        weight = {kind: self.weights.get(kind, 1.0) for kind in ("words", "like", "image", "sound")}
        made: list[Query] = [Words(self.words, weight["words"])] if self.words.strip() else []
        made += [Like(place, weight["like"]) for place in self.like]
        if data := _once("image", self.image, image):
            made.append(Image(sent.keep("image", data), weight["image"]))
        if data := _once("sound", self.sound, sound):
            made.append(SoundFile(sent.keep("sound", data), weight["sound"]))
        if not made:
            raise UsageError("There is nothing to search for.", "Give words, like, image or sound.")
        return made


def _once(name: str, text: str, beside: bytes) -> bytes:
    if text and beside:
        raise UsageError(f"The {name} came twice.", "Send it as base64 or as a file, not both.")
    return from_base64(name, text) if text else beside


class Reason(Form):
    """One way in which a hit was found. share: what it adds to the merged score."""

    query: str
    way: str = Field(examples=["full text", "meaning", "likeness"])
    features: str
    score: float
    rank: int
    weight: float
    share: float


class Why(Form):
    """Why a hit was found. words: those of the query that stand in its text, without case and accents.

    alike: its cosine with the one example in each modality that both have.
    """

    rankings: list[Reason]
    words: list[str]
    alike: dict[str, float] = Field({})


class Match(Hit):
    """A hit with what a page shows of it."""

    name: str
    film: bool = Field(description="Whether its film can be played from here.")
    has_video: bool
    revision: str
    why: Why | None = None


class Found(Form):
    """hits: the best, best first. lists: those of each feature set, where several were asked for.

    notes: what was left out and why. seconds: how long the search took.
    """

    hits: list[Match]
    lists: dict[str, list[Match]] = Field({})
    notes: list[str] = Field([])
    seconds: float


def match_of(hit: FoundHit, known: dict[str, Any], film: bool) -> Match:
    """The form of a hit. known: name, has_video, revision of its title."""
    return Match(**hit.as_json(), **known, film=film)
