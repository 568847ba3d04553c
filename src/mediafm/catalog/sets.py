"""What is computed of a catalog's titles and kept beside them: embedding sets and clips' vectors."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from mediafm.catalog.clip_sets import ClipSets
from mediafm.catalog.embedding_sets import EmbeddingSets
from mediafm.catalog.reading import Reading
from mediafm.catalog.records import CatalogSpec, ClipSetSpec, EmbeddingSetSpec, TitleClips
from mediafm.catalog.store import Store
from mediafm.errors import UsageError
from mediafm.types import FloatArray


class WithSets(Reading):
    """The part of a catalog that holds embedding sets and clip sets."""

    def __init__(self, store: Store, spec: CatalogSpec) -> None:
        super().__init__(store, spec)
        self._sets = EmbeddingSets(self._rows)
        self._clips = ClipSets(self._rows)

    # embeddings -----------------------------------------------------------------------------------------------

    def add_embedding_set(self, spec: EmbeddingSetSpec, replace: bool = False) -> None:
        """Enter a set before writing to it; nothing happens where the very same is there.

        MismatchError where the name stands for another checkpoint, context or size, unless `replace`: then what the set
        holds is dropped.
        """
        if spec.name in {s.name for s in self.clip_sets()}:
            raise UsageError(f"The catalog {self.uri} has a clip set {spec.name!r} already.", "Choose another name.")
        self._sets.add(spec, replace)

    def embedding_sets(self) -> list[EmbeddingSetSpec]:
        """All sets in order of their names."""
        return self._sets.specs()

    def write_embeddings(
        self,
        name: str,
        title_id: str,
        shots: FloatArray,
        title: FloatArray,
        revision: int | None = None,
        first: int = 0,
    ) -> None:
        """Store a title's embeddings, shots [n, h] and its own [h], in place of those it had in the set.

        first: the shots before it stay as they are (`kept_embeddings`), `shots` are those from it on. Of a title that
        is live the last shots may be missing: then the set does not cover it yet.

        They count as long as the title is not written anew. revision: the `TitleRecord.revision` whose features were
        embedded; MismatchError if it is not the stored one any more (None: not checked).
        """
        self._sets.write(name, title_id, shots, title, revision, first)

    def kept_embeddings(self, name: str, title_id: str) -> FloatArray:
        """What the set holds of a title's first shots as they are stored now, up to the first that it lacks: [k, h]."""
        return self._sets.kept(name, title_id)

    def embeddings(self, name: str, title_id: str) -> FloatArray:
        """Context embeddings of a title's shots, float32 [n, h], just as written."""
        return self._sets.read_one(name, title_id)[0]

    def title_embedding(self, name: str, title_id: str) -> FloatArray:
        """A title's own vector, float32 [h]."""
        return self._sets.read_one(name, title_id)[1]

    def iter_embeddings(
        self, name: str, ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        """(title id, shots [n, h], title [h]) in the order of ids (None: all, in id order).

        CatalogError at a title that the set does not cover; `missing_embeddings` tells them beforehand.
        """
        return self._sets.read(name, ids)

    def missing_embeddings(self, name: str) -> list[str]:
        """Titles that the set has no embeddings of, or only of features since replaced; in id order."""
        return self._sets.missing(name)

    # clip sets ------------------------------------------------------------------------------------------------

    def add_clip_set(self, spec: ClipSetSpec, replace: bool = False) -> None:
        """Enter a set of clip vectors made elsewhere before writing to it; nothing happens where the same is there.

        UsageError for a name that means something else already (a modality, an embedding set, a probe's own feature
        set). MismatchError where the name stands for another maker or size, unless `replace`: then what it holds is
        dropped.
        """
        self._clips.add(spec, replace, (s.name for s in self.embedding_sets()))

    def clip_sets(self) -> list[ClipSetSpec]:
        """All sets of clip vectors in order of their names."""
        return self._clips.specs()

    def write_clip_vectors(
        self, name: str, title_id: str, start_s: NDArray[Any], end_s: NDArray[Any], vectors_ND: NDArray[Any]
    ) -> None:
        """Store vectors [N, D] of a title's clips, spans [N] in seconds, kept to the microsecond.

        A clip of the same span is replaced, others stay. A whole title is the span from 0 to its duration. They count
        as long as the title is made of the same source. CatalogError where spans are not the title's or vectors do not
        fit the set.
        """
        self.write_clips(name, [TitleClips(title_id, start_s, end_s, vectors_ND)])

    def write_clips(self, name: str, clips: Iterable[TitleClips]) -> None:
        """`write_clip_vectors` of many titles, some thousand clips at a time."""
        self._clips.write(name, clips)

    def clip_vectors(self, name: str, titles: Sequence[str] | None = None) -> Iterator[TitleClips]:
        """(title id, start_s [n], end_s [n], vectors [n, D]) in the order of titles (None: all, in id order).

        Clips come in order of start and end. A title that the set holds nothing of has n = 0.
        """
        return self._clips.read(name, titles)
