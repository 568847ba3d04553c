"""Merging a table's small files within bounded memory, and dropping its old versions.

lancedb's own `optimize` takes no options: it rewrites everything below a million rows at every call, with memory that
grows along. The format's own library, lance, lets us say how much to take at once. Its home is here, and only for this.

Files grow to `TARGET_BYTES` and are then left alone, so what a call rewrites does not depend on what the catalog holds.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

TARGET_BYTES = 64 << 20  # a data file of this size is not merged with others any more
_AT_ONCE_BYTES = 512 << 20  # rewritten by one change of the table: what another process's change can undo
_BATCH_BYTES = 2 << 20  # in one step of copying
_CACHE_BYTES = 16 << 20
_ROWS = (1024, 1 << 20)  # a file holds at least and at most


@dataclass(frozen=True, slots=True)
class Tidied:
    """What tidying did, to one table or, added up, to several."""

    files_before: int = 0
    files_after: int = 0
    versions_dropped: int = 0
    bytes_dropped: int = 0

    def __add__(self, other: "Tidied") -> "Tidied":
        return Tidied(
            self.files_before + other.files_before,
            self.files_after + other.files_after,
            self.versions_dropped + other.versions_dropped,
            self.bytes_dropped + other.bytes_dropped,
        )


def compact(uri: str, index: str | None, storage: Mapping[str, str] | None = None) -> Tidied:
    """Merge the small files of the table at `uri` and bring the index on a column, if any, up to date.

    storage: options that reach object storage.
    May fail because another process changed the table; doing it again is right then.
    """
    dataset = _open(uri, storage)
    before = len(dataset.get_fragments())
    while _compact_some(dataset):
        dataset = _open(uri, storage)
    if index is not None:
        if dataset.describe_indices():
            dataset.optimize.optimize_indices()
        else:
            dataset.create_scalar_index(index, "BTREE")
    return Tidied(before, len(dataset.get_fragments()))


def drop_versions(uri: str, keep: timedelta, storage: Mapping[str, str] | None = None) -> Tidied:
    """Drop versions older than `keep`, and what only they hold.

    With no time to keep also what unfinished changes left; otherwise that stays for a week, as it could be somebody's.
    """
    stats = _open(uri, storage).cleanup_old_versions(
        older_than=max(keep, timedelta(milliseconds=1)),  # lance takes a zero for "not given"
        delete_unverified=not keep,
        error_if_tagged_old_versions=False,
    )
    return Tidied(versions_dropped=stats.old_versions, bytes_dropped=stats.bytes_removed)


def _compact_some(dataset: Any) -> bool:
    row_bytes = _row_bytes(dataset)
    low, high = _ROWS
    done = dataset.optimize.compact_files(
        target_rows_per_fragment=min(max(TARGET_BYTES // row_bytes, low), high),
        batch_size=min(max(_BATCH_BYTES // row_bytes, 16), 8192),
        max_source_bytes=_AT_ONCE_BYTES,
        num_threads=1,
    )
    return bool(done.fragments_removed)


def _row_bytes(dataset: Any) -> int:
    rows = size = 0
    for fragment in dataset.get_fragments():
        rows += fragment.metadata.physical_rows
        size += sum(file.file_size_bytes or 0 for file in fragment.metadata.files)
    return max(size // rows, 1) if rows else 1


def _open(uri: str, storage: Mapping[str, str] | None) -> Any:
    # Its warnings tell of attempts that are made again.
    os.environ.setdefault("LANCE_LOG", "error")
    import lance

    options = None if storage is None else dict(storage)
    return lance.dataset(
        uri, storage_options=options, index_cache_size_bytes=_CACHE_BYTES, metadata_cache_size_bytes=_CACHE_BYTES
    )
