"""Shots' vectors under a name, title by title, and what made them: vectors of two makings are never compared.

The space of an embedding set is its checkpoint and context; that of a set that was mapped is the space it was mapped
into; that of features is their index's fingerprint.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.fusion import unit_rows
from mediafm.index import VectorIndex, open_index
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog, EmbeddingSetSpec

CONCAT = "concat"


class NamedVectors:
    """What a catalog holds under a name: an embedding set, a modality or `concat`. UsageError for any other name.

    Unlike an index it may be of some titles only: an embedding set that is not finished counts as far as it goes.
    """

    def __init__(self, catalog: "Catalog", name: str) -> None:
        self.catalog, self.name = catalog, name
        sets = {spec.name: spec for spec in catalog.embedding_sets()}
        known = [*sets, *catalog.spec.encoders, CONCAT]
        if name not in known:
            raise UsageError(f"The catalog {catalog.uri} has no features {name!r}.", f"It has {', '.join(known)}.")
        self.spec: EmbeddingSetSpec | None = sets.get(name)

    @cached_property
    def index(self) -> VectorIndex:
        """All rows at once; CatalogError where an embedding set does not cover all titles."""
        return open_index(self.catalog, self.name)

    @cached_property
    def titles(self) -> list[str]:
        """Titles that have vectors under the name, in id order."""
        if self.spec is None:
            return list(self.index.titles)
        missing = set(self.catalog.missing_embeddings(self.name))
        return [title for title in self.catalog.title_ids() if title not in missing]

    @property
    def space(self) -> str:
        """What made the vectors."""
        return self.index.fingerprint if self.spec is None else self.spec.space

    @property
    def mapped(self) -> bool:
        """Whether they were mapped from another set's."""
        return self.spec is not None and self.spec.mapped

    @property
    def context(self) -> str:
        """What a shot's vector knows of others."""
        return "none" if self.spec is None else self.spec.context

    @property
    def dim(self) -> int:
        """Size of a vector."""
        return self.index.dim if self.spec is None else self.spec.dim

    def shots(self, titles: Sequence[str]) -> Iterator[tuple[str, FloatArray]]:
        """(title, unit rows [n, dim]; zeros where a shot has none) in the order given."""
        if self.spec is not None:
            for title, shots, _ in self.catalog.iter_embeddings(self.name, list(titles)):
                yield title, unit_rows(shots)
            return
        number = {title: i for i, title in enumerate(self.index.titles)}
        for title in titles:
            place = number[title]
            yield title, self.index.rows(int(self.index.starts[place]), int(self.index.starts[place + 1]))

    def describe(self) -> str:
        """For messages: the name, and where."""
        return f"{self.name!r} of {self.catalog.uri}"


def require_comparable(query: NamedVectors, searched: NamedVectors) -> None:
    """MismatchError unless both were made by the same, or one was mapped into the other's space."""
    if query.space != searched.space:
        raise MismatchError(
            f"Vectors of {query.describe()} cannot be compared with those of {searched.describe()}: they were made by "
            f"{_short(query.space)} and {_short(searched.space)}.",
            f"Learn the way from one to the other: `mediafm migrate {query.name} {searched.name}`, then search with "
            "--map.",
        )


def require_space(vectors: NamedVectors, space: str, side: str) -> None:
    """MismatchError unless the vectors are of the space that a map was learned for; side: "from" or "into"."""
    if vectors.space != space:
        raise MismatchError(
            f"The map was learned {side} vectors made by {_short(space)}; {vectors.describe()} was made by "
            f"{_short(vectors.space)}.",
            "Use the map with the sets it was made of, or make another with `mediafm migrate`.",
        )


def require_titles(vectors: NamedVectors) -> None:
    """CatalogError where no title has vectors under the name."""
    if not vectors.titles:
        raise CatalogError(
            f"{vectors.describe()} holds no title.", "Fill it with `mediafm ingest`, `import` or `embed`."
        )


def _short(space: str) -> str:
    """A fingerprint short enough to read."""
    return ":".join(part[:16] for part in space.split(":"))
