"""All vectors of an embedding set through a map, as a set of their own that says so."""

from typing import TYPE_CHECKING

from mediafm.catalog import MAPPED, EmbeddingSetSpec
from mediafm.errors import UsageError
from mediafm.progress import SILENT, Progress
from mediafm.uses.mapping import VectorMap
from mediafm.uses.naming import NamedVectors, require_space

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


def apply_map(made: VectorMap, catalog: "Catalog", old: str, name: str, progress: Progress = SILENT) -> int:
    """Write the mapped vectors of `old` as an embedding set of their own, beside it; how many titles were written.

    The set says that it is mapped, from what and by which map; its vectors may be compared with those of the space that
    the map leads to. Titles that it covers already are left as they are. MismatchError where `old` is not what the map
    was learned from, or where the name stands for something else.
    """
    vectors = NamedVectors(catalog, old)
    require_space(vectors, made.old, "from")
    if name in {*catalog.spec.encoders, "concat"}:
        raise UsageError(f"{name!r} is a name of the catalog's features.", "Choose another name for the mapped set.")
    catalog.add_embedding_set(EmbeddingSetSpec(name, mapped_fingerprint(made), vectors.context, made.dims[1]))
    held = set(vectors.titles)
    todo = [title for title in catalog.missing_embeddings(name) if title in held]
    revisions = {record.title_id: record.revision for record in catalog.titles()}
    progress.start("map", len(todo), "title")
    for title, shots in vectors.shots(todo):
        mapped = made(shots)
        catalog.write_embeddings(name, title, mapped, mapped.mean(axis=0), revisions[title])
        progress.advance(1, title=title)
    progress.end()
    return len(todo)


def mapped_fingerprint(made: VectorMap) -> str:
    """What the registry of embedding sets says of vectors that went through the map."""
    return f"{MAPPED}{made.new}#{made.fingerprint}"
