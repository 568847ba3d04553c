"""What is exported: which titles, and which vectors under which names, made by what.

A name is a modality of the catalog, `concat` (the fused embedding), an embedding set or a clip set. Each becomes a
column, or a table for clips, of its own with the fingerprint of its maker beside it, so no two makers ever share one.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fitting_centring
from mediafm.types import MODALITIES

if TYPE_CHECKING:
    from mediafm.catalog import Catalog, TitleRecord

CONCAT = "concat"
_LOOKED_AT = 20  # titles that tell whether features are of unit norm
Source = Literal["modality", "fused", "embedding", "clips"]


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Vectors under one name: where they come from, their size and number type, and what made them.

    facts: what else is known of the maker, JSON-able. stats: what fuses them; None unless they are fused here.
    """

    name: str
    source: Source
    dim: int
    dtype: Literal["float16", "float32"]
    fingerprint: str
    facts: dict[str, Any] = field(default_factory=dict)
    stats: FusionStats | None = None

    def as_json(self) -> dict[str, Any]:
        """As written beside the vectors."""
        made = {"source": self.source, "dim": self.dim, "dtype": self.dtype, "fingerprint": self.fingerprint}
        return {**made, **self.facts}


@dataclass(frozen=True, slots=True)
class Selection:
    """Titles and feature sets of a catalog.

    of_shots: sets with a vector a shot. of_clips: clip sets. missing: embedding set -> titles it does not cover.
    """

    catalog: "Catalog"
    titles: "tuple[TitleRecord, ...]"
    of_shots: tuple[FeatureSet, ...]
    of_clips: tuple[FeatureSet, ...]
    missing: dict[str, list[str]]

    def as_json(self) -> dict[str, Any]:
        """What made all that is exported, as written beside it."""
        spec = self.catalog.spec
        encoders = {
            m: {"name": e.name, "dim": e.dim, "fingerprint": e.fingerprint, "licence": e.licence}
            for m, e in spec.encoders.items()
        }
        features = {f.name: f.as_json() for f in (*self.of_shots, *self.of_clips)}
        return {"preset": spec.preset, "detector": spec.detector, "encoders": encoders, "features": features}


def choose(catalog: "Catalog", features: Sequence[str] | None, titles: Sequence[str] | None) -> Selection:
    """The selection of those names; None: every modality and set that there is (an empty list: none), every title.

    Raises UsageError with near matches for a name that is not there, CatalogError for a catalog without titles.
    """
    records = _titles(catalog, titles)
    sets = [_feature_set(catalog, name) for name in _names(catalog, features)]
    ids = {r.title_id for r in records}
    missing = {s.name: [t for t in catalog.missing_embeddings(s.name) if t in ids] for s in sets if _is_embedding(s)}
    of_clips = tuple(s for s in sets if s.source == "clips")
    return Selection(
        catalog,
        tuple(records),
        tuple(s for s in sets if s.source != "clips"),
        of_clips,
        {name: lacking for name, lacking in missing.items() if lacking},
    )


def near(name: str, known: Iterable[str]) -> str:
    """`Did you mean ...?` for a name that is not known, or nothing."""
    close = get_close_matches(name, list(known), n=3)
    return f"Did you mean {' or '.join(map(repr, close))}? " if close else ""


def _is_embedding(chosen: FeatureSet) -> bool:
    return chosen.source == "embedding"


def _titles(catalog: "Catalog", wanted: Sequence[str] | None) -> "list[TitleRecord]":
    everything = catalog.titles()
    if not everything:
        raise CatalogError("The catalog holds no titles.", "Fill it with `mediafm ingest` or `mediafm import`.")
    if not wanted:
        return everything
    by_id = {r.title_id: r for r in everything}
    for title in wanted:
        if title not in by_id:
            hint = near(title, by_id) or "`mediafm info` says what it holds."
            raise UsageError(f"The catalog {catalog.uri} has no title {title!r} (it has {len(by_id)}).", hint)
    return [by_id[title] for title in sorted(set(wanted))]


def _names(catalog: "Catalog", wanted: Sequence[str] | None) -> list[str]:
    held = [*catalog.spec.encoders]
    sets = [s.name for s in catalog.embedding_sets()]
    known = [*held, *sets, *(s.name for s in catalog.clip_sets())]
    for name in wanted or ():
        if name not in known and name != CONCAT:
            listed = ", ".join([*known, CONCAT])
            raise UsageError(
                f"There are no features {name!r} in this catalog.", f"{near(name, [*known, CONCAT])}It has {listed}."
            )
    chosen = list(dict.fromkeys(known if wanted is None else wanted))
    for name in chosen:
        if name in sets and name in (*held, CONCAT):
            raise CatalogError(
                f"The catalog has an embedding set called {name!r}, which also names its own features.",
                "Embed again under another name; vectors of two makers cannot share one.",
            )
    return chosen


def _feature_set(catalog: "Catalog", name: str) -> FeatureSet:
    spec = catalog.spec
    for modality in MODALITIES:
        if name == modality:
            encoder = spec.encoders[modality]
            facts = {"encoder": encoder.name, "licence": encoder.licence}
            return FeatureSet(name, "modality", encoder.dim, "float16", encoder.fingerprint, facts)
    if name == CONCAT:
        return _fused(catalog)
    for made in catalog.embedding_sets():
        if name == made.name:
            facts = {"checkpoint": made.checkpoint_fingerprint, "context": made.context}
            return FeatureSet(name, "embedding", made.dim, "float32", made.checkpoint_fingerprint, facts)
    (clips,) = (s for s in catalog.clip_sets() if s.name == name)
    return FeatureSet(name, "clips", clips.dim, "float32", clips.fingerprint, {"made_by": clips.source})


def _fused(catalog: "Catalog") -> FeatureSet:
    """As published for rows of unit norm, standardised over all titles of the catalog for imported ones of raw scale.

    Over all titles also where some are exported, so that two exports of one catalog can be compared.
    """
    centring = fitting_centring(f for _, f in catalog.iter_features(catalog.title_ids()[:_LOOKED_AT]))
    fusion = FusionSpec(catalog.spec.dims, centring)
    if centring == "none":
        stats = FusionStats.of_part((), fusion)
    else:
        stats = FusionStats.fit((f for _, f in catalog.iter_features()), fusion)
    digest = hashlib.sha256(json.dumps([catalog.spec.fingerprints, stats.to_meta()], sort_keys=True).encode())
    for _, array in sorted(stats.to_arrays().items()):
        digest.update(array.tobytes())
    facts = {"centring": centring, "of": dict(catalog.spec.fingerprints)}
    return FeatureSet(CONCAT, "fused", fusion.dim, "float32", f"fused:{digest.hexdigest()[:16]}", facts, stats)
