"""What an index is made of: the vectors under one name of a catalog, title by title, as they are compared.

A name is an embedding set, a modality, or `concat`, the fused embedding. A catalog's own features are standardised over
the catalog, so that the direction common to all of an encoder's vectors does not make everything look alike.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse, unit_rows
from mediafm.index.layout import Key
from mediafm.types import Features, FloatArray, Modality

if TYPE_CHECKING:
    from mediafm.catalog import Catalog, TitleRecord

CONCAT = "concat"


class Source:
    """The vectors under a name as a catalog holds them now. Raises UsageError for a name it does not know.

    as_encoded: a modality's vectors are taken as their encoder gave them, at unit length: what comes from another side
    of the encoder, as words do to pictures, is not to be standardised by the catalog's.
    partial: titles that an embedding set does not cover (yet) are left out.
    fingerprint: what made them: an embedding set's checkpoint and context, or the fingerprints of the encoders.
    """

    def __init__(self, catalog: "Catalog", name: str, as_encoded: bool = False, partial: bool = False) -> None:
        self.catalog, self.name, self.as_encoded, self._partial = catalog, name, as_encoded, partial
        sets = {spec.name: spec for spec in catalog.embedding_sets()}
        known = [*sets, *catalog.spec.encoders, CONCAT]
        if name not in known:
            raise UsageError(f"The catalog has no features {name!r}.", f"It has {', '.join(known)}.")
        if as_encoded and name not in catalog.spec.encoders:
            raise UsageError(f"{name!r} is no encoder's.", f"Name one of {', '.join(catalog.spec.encoders)}.")
        self._of_set = name in sets and not as_encoded
        self.dims: dict[Modality, int] = {}
        if self._of_set:
            self.dim = sets[name].dim
            self.fingerprint = f"{sets[name].checkpoint_fingerprint}:{sets[name].context}"
        else:
            self.dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
            self.dim = sum(self.dims.values())
            self.fingerprint = "+".join(catalog.spec.encoders[m].fingerprint for m in self.dims)

    @property
    def standardised(self) -> bool:
        """Whether rows depend on all titles: those of an embedding set do not."""
        return not self._of_set and not self.as_encoded

    def keys(self) -> list[Key]:
        """The titles as they are now, in id order. CatalogError where there is none, or where one lacks embeddings.

        Titles that are live and have gone on since they were embedded are left out; all others are too if `partial`.
        """
        records = self.catalog.titles()
        if not records:
            raise CatalogError("The catalog holds no titles.", "Ingest or import some first.")
        if self._of_set:
            missing = set(self.catalog.missing_embeddings(self.name))
            lacking = [r.title_id for r in records if r.title_id in missing and not r.live]
            if lacking and (not self._partial or len(lacking) == len(records)):
                raise self._uncovered(lacking)
            records = [r for r in records if r.title_id not in missing]
        return [(r.title_id, r.n_shots, r.revision, _shown(r)) for r in records]

    def version(self, keys: Sequence[Key]) -> str:
        """A name for rows made of these."""
        facts = [self.catalog.identity, self.name, self.fingerprint, self.dims, list(keys)]
        facts += ["as encoded"] if self.as_encoded else []
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    def fit(self, keys: Sequence[Key]) -> FusionStats | None:
        """What features are standardised by; None for those that are not."""
        if not self.standardised:
            return None
        spec = FusionSpec(self.dims, centring="standard")
        return FusionStats.of_part((features for _, features in self._features(keys)), spec)

    def rows(self, keys: Sequence[Key], stats: FusionStats | None) -> Iterator[tuple[Key, FloatArray]]:
        """(key, unit rows float32 [n, dim]) of these titles; a row of zeros where a shot has nothing."""
        if stats is not None:
            for key, features in self._features(keys):
                yield key, fuse(features, stats)[0]
            return
        if self.as_encoded:
            for key, features in self._features(keys):
                there = features.present[self.name].astype(np.float32)[:, None]  # type: ignore[index]
                yield key, unit_rows(features.vectors[self.name].astype(np.float32) * there)  # type: ignore[index]
            return
        titles = self.catalog.iter_embeddings(self.name, [key[0] for key in keys]) if keys else iter(())
        for key, (_, shots, _) in zip(keys, titles, strict=True):
            yield key, unit_rows(self._first(key, shots).astype(np.float32))

    def _features(self, keys: Sequence[Key]) -> Iterator[tuple[Key, Features]]:
        titles = self.catalog.iter_features([key[0] for key in keys], list(self.dims))
        for key, (_, features) in zip(keys, titles, strict=True):
            vectors = {m: self._first(key, features.vectors[m]) for m in self.dims}
            yield key, Features(vectors, {m: features.present[m][: key[1]] for m in self.dims})

    def _first(self, key: Key, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows of the shots that the key counts; a title that is live may have more by now."""
        if len(rows) < key[1]:
            raise CatalogError(f"Title {key[0]!r} has changed while it was indexed.", "Run the command again.")
        return rows[: key[1]]

    def _uncovered(self, titles: list[str]) -> CatalogError:
        more = f" and {len(titles) - 3} more titles" if len(titles) > 3 else ""
        return CatalogError(
            f"The embedding set {self.name!r} does not cover {', '.join(titles[:3])}{more} as they are stored now.",
            f"Run `mediafm embed --catalog {self.catalog.uri}` with its model again.",
        )


def _shown(record: "TitleRecord") -> int:
    return int(record.extra["live"]["shown"]) if record.live else -1


def as_compared(raw_nD: NDArray[Any], name: str, dim: int, stats: FusionStats | None) -> FloatArray:
    """Raw vectors of a name as rows of its index: standardised if it is, unit or zero; float32 [n, dim].

    Of `concat` the blocks stand beside each other in the order of MODALITIES; a block of zeros is missing.
    """
    raw = np.atleast_2d(np.asarray(raw_nD, np.float32))
    if raw.ndim != 2 or raw.shape[1] != dim:
        raise MismatchError(
            f"Vectors of shape {np.shape(raw_nD)} cannot be compared with {name}, which is {dim} wide.",
            "Use vectors of what made the catalog's.",
        )
    if not np.isfinite(raw).all():
        raise UsageError("A vector to compare by holds a number that is not finite.", "Correct it.")
    if stats is None:
        return unit_rows(raw)
    blocks, start = {}, 0
    for modality, width in stats.spec.dims.items():
        blocks[modality] = raw[:, start : start + width]
        start += width
    return fuse(Features(blocks, {m: np.any(block, axis=1) for m, block in blocks.items()}), stats)[0]
