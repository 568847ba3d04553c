"""What the rows of a table are: which group each feature set belongs to, and what it is in a few words."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediafm.probes.features import CHANCE, METADATA, clip_sets
from mediafm.probes.result import ProbeResult, ProbeRow
from mediafm.probes.surroundings import CONCAT, NEIGHBOURS, RADIUS
from mediafm.types import MODALITIES

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Group:
    """key: also the CSS class of its colour."""

    key: str
    title: str
    note: str


CONTEXT = Group("context", "Context embeddings", "each shot as the transformer sees it inside its title")
CONTROLS = Group("control", "Controls of the checkpoint", "the same model with something taken away")
AROUND = Group("around", "Surroundings", "what anyone can say of the shots nearby, without a model")
INPUTS = Group("input", "Inputs", "what the transformer is given")
ELSEWHERE = Group("elsewhere", "Made elsewhere", "vectors of clips that were imported")
NOTHING = Group("chance", "Chance", "")
GROUPS = (CONTEXT, CONTROLS, AROUND, INPUTS, ELSEWHERE, NOTHING)

MEANINGS = {
    CHANCE: "tells no example from another",
    METADATA: "the title's metadata alone: no picture, no sound",
    CONCAT: "the shot's own features, fused: the baseline",
    NEIGHBOURS: "concat of the shot, the one before and the one after",
}
VARIANTS = {
    "no_global": "the title's metadata withheld",
    "untrained": "the same model as it was before training",
    "own_hidden": "the shot itself hidden: what its surroundings alone say",
    "none": "each shot by itself: no context at all",
    "alone": "each clip cut out of its title before it was embedded",
}
WITH_RADIUS = {
    "moving_average": "mean of concat over the shot and {} on each side",
    "past_future": "concat, beside the means of the {} before and the {} after",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What only the catalog knows of names: sets of vectors made elsewhere, embedding sets made without context."""

    elsewhere: Collection[str] = ()
    without_context: Collection[str] = ()

    @classmethod
    def of(cls, catalog: "Catalog") -> "Known":
        """As the catalog holds them."""
        alone = [spec.name for spec in catalog.embedding_sets() if spec.context == "none"]
        return cls(clip_sets(catalog), alone)


@dataclass(frozen=True, slots=True)
class Cast:
    """The few feature sets that charts show. focus: the best context embedding, else the best of all."""

    focus: ProbeRow
    concat: ProbeRow | None
    around: ProbeRow | None

    @property
    def rows(self) -> dict[str, ProbeRow]:
        """By their part, which is also the CSS class of their line; each feature set once."""
        parts = {"focus": self.focus, "concat": self.concat, "around": self.around}
        return {part: row for part, row in parts.items() if row and (part == "focus" or row != self.focus)}


def base_name(features: str) -> str:
    """The feature set's name without what stands in brackets: how it was probed."""
    return features.partition(" (")[0]


def group_of(features: str, result: ProbeResult, known: Known) -> Group:
    """The group of a row. Without a catalog, vectors made elsewhere are told by speaking for some examples only."""
    name = base_name(features)
    row = result.row(features)
    if name == CHANCE:
        return NOTHING
    if name in (METADATA, CONCAT) or set(name.split("+")) <= set(MODALITIES):
        return INPUTS
    if name == NEIGHBOURS or RADIUS.fullmatch(name):
        return AROUND
    if name in known.elsewhere or (row is not None and row.examples < result.test_examples):
        return ELSEWHERE
    variant_of = name.rpartition("/")[0] or name.removesuffix("-none")
    is_variant = variant_of != name and result.row(variant_of) is not None
    return CONTROLS if is_variant or name in known.without_context else CONTEXT


def meaning(features: str, group: Group) -> str:
    """What a feature set is, in a few words."""
    name = base_name(features)
    probed = "; probed with attention over the example's shots" if name != features else ""
    return _meaning(name, group) + probed


def _meaning(name: str, group: Group) -> str:
    variant = name.rpartition("/")[2]
    if name in MEANINGS:
        return MEANINGS[name]
    if match := RADIUS.fullmatch(name):
        return WITH_RADIUS[match[1]].format(match[2], match[2])
    if group is INPUTS:
        parts = name.split("+")
        return "one modality of the shot alone" if len(parts) == 1 else f"{' and '.join(parts)}, fused"
    if variant in VARIANTS and variant != name:
        return VARIANTS[variant]
    if match := re.fullmatch(r"radius_(\d+)", variant):
        return f"{match[1]} shots of context on either side, metadata withheld"
    if group is CONTROLS:
        return VARIANTS["none"]
    return "vectors of clips, made elsewhere" if group is ELSEWHERE else "each shot inside its whole title"


def cast_of(result: ProbeResult, known: Known) -> Cast:
    """Who plays in the charts."""
    groups = {row.features: group_of(row.features, result, known) for row in result.rows}

    def best(*wanted: Group) -> ProbeRow | None:
        rows = [row for row in result.rows if groups[row.features] in wanted]
        return max(rows, key=lambda row: row.score, default=None)

    everyone = tuple(group for group in GROUPS if group is not NOTHING)
    focus = best(CONTEXT) or best(*everyone) or result.rows[0]
    return Cast(focus, result.row(CONCAT), best(AROUND))
