"""Writing a feature cache: title by title under a temporary name, renamed once it is whole.

A cache lies in `<folder>/<catalog>/<content version>`. Whoever builds holds a lock on the catalog's folder, which the
system takes back from a process that dies; so what else is found there is litter or out of date, and goes.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from mediafm.caches import clear, locked, sync
from mediafm.errors import CatalogError, MismatchError
from mediafm.progress import Progress
from mediafm.sequences.layout import DTYPES, GLOBALS, INDEX, PRESENT, ROWS, TIMES, Index
from mediafm.sequences.source import FeatureSource, TitleContents, iter_contents
from mediafm.types import MODALITIES, Modality

_UNFINISHED = "unfinished"


def ensure_built(source: FeatureSource, folder: Path, progress: Progress) -> tuple[Path, Index]:
    """The cache of what the source holds now, and its index; built first where there is none.

    CatalogError where the folder cannot be written or the disk is full.
    """
    version = content_version(source)
    home = folder / hashlib.sha256(_place(source.uri).encode()).hexdigest()[:16]
    path = home / version
    index = Index.read(path, version)
    if index is not None:
        return path, index
    with _translated(folder):
        home.mkdir(parents=True, exist_ok=True)
        with locked(home):
            index = Index.read(path, version)  # somebody else may have built it while we waited
            if index is None:
                clear(home)
                index = _build(source, version, home / _UNFINISHED, path, progress)
    return path, index


def content_version(source: FeatureSource) -> str:
    """A name for what the source holds: its own, or a hash over all of it."""
    own = getattr(source, "content_version", None)
    if own is not None:
        return hashlib.sha256(str(own()).encode()).hexdigest()[:32]
    return _fingerprint({c.title_id: _digest(c, _joined(c)) for c in iter_contents(source)})[:32]


def _build(source: FeatureSource, version: str, unfinished: Path, path: Path, progress: Progress) -> Index:
    unfinished.mkdir()
    try:
        index = _write(source, version, unfinished, progress)
        unfinished.rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return index


def _write(source: FeatureSource, version: str, folder: Path, progress: Progress) -> Index:
    progress.start("cache", None, "title")
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in DTYPES}
        writer = _Writer(files)
        for contents in iter_contents(source):
            writer.add(contents)
            progress.advance(1, title=contents.title_id)
        index = writer.index(version)
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    with (folder / INDEX).open("wb") as file:
        file.write(index.to_json().encode())
        file.flush()
        os.fsync(file.fileno())
    sync(folder)
    progress.end(shots=sum(index.lengths))
    return index


class _Writer:
    """Appends titles to the open files; holds one title at a time."""

    def __init__(self, files: Mapping[str, IO[bytes]]) -> None:
        self._files = files
        self._dims: dict[Modality, int] = {}
        self._global_dim = self._globals = 0
        self._lengths: dict[str, int] = {}
        self._global_rows: list[int] = []
        self._digests: dict[str, bytes] = {}

    def add(self, contents: TitleContents) -> None:
        title, vector = contents.title_id, contents.global_vector
        arrays = _joined(contents)
        dims = {m: contents.features.dims[m] for m in MODALITIES if m in contents.features.dims}
        self._dims = self._dims or dims
        _check_same(title, "features", self._dims, dims)
        if vector is not None:
            self._global_dim = self._global_dim or len(vector)
            _check_same(title, "metadata", self._global_dim, len(vector))
        if title in self._lengths:
            raise CatalogError(f"The catalog gave title {title!r} twice.", "`mediafm verify` lists what is damaged.")
        self._lengths[title] = len(arrays[ROWS])
        self._global_rows.append(-1 if vector is None else self._globals)
        self._globals += vector is not None
        self._digests[title] = _digest(contents, arrays)
        for name, array in arrays.items():
            self._files[name].write(array.data)

    def index(self, version: str) -> Index:
        return Index(
            version,
            _fingerprint(self._digests),
            self._dims,
            self._global_dim,
            list(self._lengths),
            list(self._lengths.values()),
            self._global_rows,
        )


def _joined(contents: TitleContents) -> dict[str, np.ndarray[Any, Any]]:
    """A title as its stored arrays, by file."""
    title, features = contents.title_id, contents.features
    order = [m for m in MODALITIES if m in features.vectors]
    with np.errstate(over="ignore"):  # what is too large for half precision is told by fusion
        rows = np.concatenate([np.asarray(features.vectors[m], DTYPES[ROWS]) for m in order], axis=1)
    times = np.stack([contents.start_s, contents.end_s], axis=1).astype(DTYPES[TIMES])
    if len(times) != len(rows):
        raise CatalogError(
            f"Title {title!r} has {len(rows)} shots with features but times of {len(times)}.",
            "`mediafm verify` lists what is damaged.",
        )
    present = np.stack([np.asarray(features.present[m], np.bool_) for m in order], axis=1)
    arrays = {ROWS: rows, PRESENT: present, TIMES: times}
    if contents.global_vector is not None:
        arrays[GLOBALS] = np.asarray(contents.global_vector, DTYPES[GLOBALS])
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _digest(contents: TitleContents, arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    digest = hashlib.sha256(repr(sorted(contents.features.dims.items())).encode())
    for name, array in arrays.items():
        digest.update(f"{name} {array.shape}".encode())
        digest.update(array.data)
    return digest.digest()


def _fingerprint(digests: dict[str, bytes]) -> str:
    """Hash of all titles, whatever order they came in."""
    whole = hashlib.sha256()
    for title, digest in sorted(digests.items()):
        whole.update(hashlib.sha256(title.encode()).digest() + digest)
    return whole.hexdigest()


def _check_same(title: str, what: str, before: object, here: object) -> None:
    if before != here:
        raise MismatchError(
            f"The {what} of title {title!r} have sizes {here}, those of titles before it {before}.",
            "They come from other encoders: ingest or import this title again.",
        )


def _place(uri: str) -> str:
    """A catalog's address, the same from wherever it is looked at."""
    return uri if "://" in uri else str(Path(uri).expanduser().resolve())


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CatalogError(
            f"The feature cache in {folder} could not be written: {error.strerror or error}.",
            "Free some space there, or set MEDIAFM_CACHE to a folder that can be written and has room.",
        ) from error
