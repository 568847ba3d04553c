"""Writing an index: title by title under a temporary name, renamed once it is whole.

An index lies in `<cache>/index/<catalog>/<name>/<version>`. Whoever builds holds a lock on the name's folder, which the
system takes back from a process that dies. Rows of titles that did not change are copied from the version before.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from mediafm.caches import cache_folder, clear, locked, sync
from mediafm.errors import CatalogError
from mediafm.fusion import FusionStats
from mediafm.index.codes import code_rows
from mediafm.index.layout import DTYPES, Key, Manifest, states
from mediafm.index.source import Source
from mediafm.progress import Progress
from mediafm.sequences.mapping import MappedArrays

_UNFINISHED, _STATS = "unfinished", "stats.safetensors"
_ATTEMPTS = 3


def ensure_built(source: Source, progress: Progress) -> tuple[Path, Manifest]:
    """The index of what the source holds now; built first where there is none.

    CatalogError where the folder cannot be written, the disk is full, or titles are written anew faster than they can
    be read.
    """
    home = index_home(source.catalog.identity, source.name + (" as encoded" if source.as_encoded else ""))
    for _ in range(_ATTEMPTS):
        keys = source.keys()
        path = home / source.version(keys)
        manifest = Manifest.read(path) or _build_alone(source, keys, path, progress)
        if manifest is not None:
            return path, manifest
    raise CatalogError(
        f"Titles of the catalog {source.catalog.uri} are written anew faster than they can be indexed.",
        "Run the command again when less is being ingested.",
    )


def index_home(identity: str, name: str) -> Path:
    """Where the versions of an index lie."""
    return cache_folder("index") / identity[:16] / hashlib.sha256(name.encode()).hexdigest()[:16]


def load_stats(folder: Path, manifest: Manifest) -> FusionStats | None:
    """What features were standardised by; None for an embedding set."""
    return FusionStats.from_arrays(load_file(folder / _STATS), manifest.fusion) if manifest.fusion else None


def _build_alone(source: Source, keys: list[Key], path: Path, progress: Progress) -> Manifest | None:
    """Build under the lock; None where titles were written anew meanwhile."""
    home = path.parent
    with translated(home):
        home.mkdir(parents=True, exist_ok=True)
        with locked(home):
            manifest = Manifest.read(path)  # somebody else may have built it while we waited
            if manifest is not None:
                return manifest
            old = _newest(home, source)
            clear(home, keep=old[0] if old else None)
            unfinished = home / _UNFINISHED
            unfinished.mkdir()
            try:
                manifest = _write(source, keys, unfinished, old, progress)
                if not _still(source, keys):
                    return None
                unfinished.rename(path)
                sync(home)
                clear(home, keep=path)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return manifest


def _newest(home: Path, source: Source) -> tuple[Path, Manifest] | None:
    """A whole earlier version of vectors that the same model made, title for title; None where there is none."""
    if source.standardised:
        return None
    for folder in home.iterdir():
        manifest = Manifest.read(folder)
        if manifest is not None and (manifest.name, manifest.fingerprint) == (source.name, source.fingerprint):
            return folder, manifest
    return None


def _still(source: Source, keys: Sequence[Key]) -> bool:
    """Whether these titles are of the same writing yet; that one goes on, or that others came, does not matter."""
    now = {record.title_id: record.revision for record in source.catalog.titles()}
    return all(now.get(title) == revision for title, _, revision, _ in keys)


def _write(
    source: Source, keys: list[Key], folder: Path, old: tuple[Path, Manifest] | None, progress: Progress
) -> Manifest:
    stats = source.fit(keys)
    progress.start("index", len(keys), "title", parts="shots")
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in DTYPES}
        for key, arrays in _titles(source, keys, stats, old):
            for name, array in arrays.items():
                files[name].write(np.ascontiguousarray(array, DTYPES[name]).data)
            progress.advance(1, parts=key[1], title=key[0])
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    fusion: dict[str, Any] = {}
    if stats is not None:
        save_file(stats.to_arrays(), folder / _STATS)
        fusion = stats.to_meta()
    names = [*DTYPES, *([_STATS] if fusion else [])]
    manifest = Manifest(
        source.version(keys), source.name, source.dim, source.fingerprint, keys, fusion, states(folder, names)
    )
    manifest.write(folder)
    sync(folder)
    progress.end(shots=int(manifest.starts[-1]))
    return manifest


def _titles(
    source: Source, keys: Sequence[Key], stats: FusionStats | None, old: tuple[Path, Manifest] | None
) -> Iterator[tuple[Key, dict[str, np.ndarray[Any, Any]]]]:
    """Each title's arrays by file: copied where the older version has them, else read and coded."""
    there: dict[Key, slice] = {}
    if old is not None:
        arrays = MappedArrays(old[0], DTYPES, old[1].shapes)
        starts = old[1].starts.tolist()
        there = {key: slice(*span) for key, *span in zip(old[1].keys, starts, starts[1:], strict=False)}
    changed = source.rows([key for key in keys if key not in there], stats)
    for key in keys:
        if key in there:
            arrays.touch((there[key].stop - there[key].start) * source.dim * 3)
            yield key, {name: arrays[name][there[key]] for name in DTYPES}
        else:
            yield key, code_rows(next(changed)[1])


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Errors of the file system as CatalogError."""
    try:
        yield
    except OSError as error:
        raise CatalogError(
            f"The vector index in {folder} could not be written: {error.strerror or error}.",
            "Free some space there, or set MEDIAFM_CACHE to a folder that can be written and has room.",
        ) from error
