"""What the service answers with about the inside of one title: tags, chapters, lengths, features."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from mediafm.serve.forms import Form
from mediafm.serve.tags import ProbeState, Tag


class TitleTag(Form):
    """One label of one probe over a title."""

    task: str = Field(examples=["tone"])
    features: str = Field(examples=["run"])
    label: str = Field(examples=["tense"])
    kind: str
    unit: str = Field(description="What the probe was fitted on; one of titles has a single score.")
    threshold: float | None = Field(description="Probability from which the label is given; null: the likeliest is.")
    varies: float = Field(description="Standard deviation of the scores; tags come in order of it.")
    scores: list[float | None] = Field(description="One a shot: probabilities, or values where `given` is null.")
    given: list[bool] | None = Field(description="Whether each gets the label.")

    @classmethod
    def of(cls, tag: Tag) -> "TitleTag":
        """The form of a tag; four places of each score."""
        scores = [float(x) if np.isfinite(x) else None for x in np.round(tag.scores.astype(np.float64), 4)]
        given = None if tag.given is None else [bool(x) for x in tag.given]
        same = {n: getattr(tag, n) for n in ("task", "features", "label", "kind", "unit", "threshold")}
        return cls(**same, varies=round(tag.varies, 6), scores=scores, given=given)


class TitleProbe(Form):
    """A saved probe and whether its tags are shown."""

    task: str
    features: str
    unit: str
    labels: list[str]
    shown: bool
    why_not: str
    remedy: str

    @classmethod
    def of(cls, state: ProbeState) -> "TitleProbe":
        """The form of a state."""
        return cls(**{n: getattr(state, n) for n in cls.model_fields if n != "labels"}, labels=list(state.labels))


class TitleTags(Form):
    """The tags of a title, those that vary most first. why_not, remedy: where there are none."""

    title: str
    shots: int
    tags: list[TitleTag]
    probes: list[TitleProbe]
    why_not: str
    remedy: str


class TitlePart(Form):
    """Shots [first_shot, end_shot). words: what is said here rather than elsewhere."""

    start_s: float
    end_s: float
    first_shot: int
    end_shot: int
    name: str
    words: list[str]


class OwnChapter(Form):
    """A chapter that the film brought."""

    title: str
    start_s: float
    end_s: float


class TitleChapters(Form):
    """A title cut into parts whose shots are alike, and the film's own chapters beside them."""

    title: str
    duration_s: float
    features: str = Field(description="What was compared, or the probe's feature set.")
    method: Literal["count", "price", "probe"]
    chapters: list[TitlePart]
    own: list[OwnChapter]
    agreement: dict[str, Any] | None = Field(description="Boundaries met within `tolerance_s`; null: it has none.")


class OneShot(Form):
    """A shot and how long it is."""

    shot: int
    seconds: float


class Part(Form):
    """A part of a title: shots that begin in it, and the mean length of those that are on."""

    start_s: float
    end_s: float
    shots: int
    length_s: float


class Lengths(Form):
    """How long a title's shots are."""

    title: str
    mean_s: float
    median_s: float
    longest: OneShot
    shortest: OneShot
    parts: list[Part]


class FeatureSet(Form):
    """Vectors of shots under a name. covers: whether this title has them; else why not and what helps."""

    name: str
    kind: Literal["set", "modality", "concat"]
    context: str = Field(description="What a shot's vector knows of others: title, past or none.")
    dim: int
    made_by: str
    covers: bool
    why_not: str
    remedy: str


class FeatureSets(Form):
    """All that the shots of a title can be compared by. before, after: what the page shows first; after may be ""."""

    title: str
    pictures: int = Field(description="Shots that have a keyframe.")
    sets: list[FeatureSet]
    before: str
    after: str
