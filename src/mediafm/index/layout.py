"""What a vector index consists of on disk: flat little-endian arrays, and a manifest that says what they hold.

rows.f16 [shots, dim] unit rows, a row of zeros where a shot has none. codes.i8 [shots, dim]: the same rows in whole
numbers, each in units of its own. bounds.f32 [shots, 2]: that unit, and how far (Euclid) the codes are from the row;
both 0 where there is no row. Titles stand under each other in the order of their ids.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
ROWS, CODES, BOUNDS = "rows.f16", "codes.i8", "bounds.f32"
DTYPES: Mapping[str, np.dtype[Any]] = {ROWS: np.dtype("<f2"), CODES: np.dtype("i1"), BOUNDS: np.dtype("<f4")}

# A title's id, its number of shots, the revision of its writing, and of a title that is live what its record says of
# how often it was shown (-1: it is not live): equal keys, equal rows.
Key = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """version: a hash of all that the rows depend on. keys: the titles in stored order.

    fusion: of the catalog's own features the spec they were standardised by. files: name -> bytes and time of the last
    change in nanoseconds, so that files which somebody changed since are not believed.
    """

    version: str
    name: str
    dim: int
    fingerprint: str
    keys: list[Key]
    fusion: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def starts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Where titles begin among the rows, int64 [titles + 1]."""
        return np.cumsum([0, *(n for _, n, _, _ in self.keys)], dtype=np.int64)

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """File name -> shape of its array."""
        n = sum(key[1] for key in self.keys)
        return {ROWS: (n, self.dim), CODES: (n, self.dim), BOUNDS: (n, 2)}

    def write(self, folder: Path) -> None:
        """As the folder's manifest, last of all."""
        write_document(folder / MANIFEST, {"schema_version": SCHEMA_VERSION, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> "Manifest | None":
        """The manifest of a whole index; None if there is none, or not all of it, or not as it was written."""
        try:
            stored = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if stored.pop("schema_version") != SCHEMA_VERSION:
                return None
            stored["keys"] = [
                (str(title), int(n), int(revision), int(shown)) for title, n, revision, shown in stored["keys"]
            ]
            manifest = cls(**stored)
            sizes = {name: rows * columns * DTYPES[name].itemsize for name, (rows, columns) in manifest.shapes.items()}
            whole = all(manifest.files[name][0] == size for name, size in sizes.items())
            return manifest if whole and unchanged(folder, manifest.files) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None  # missing or damaged, however: it is built anew


def states(folder: Path, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Name -> (bytes, time of the last change) of these files as they are now."""
    found = {name: (folder / name).stat() for name in names}
    return {name: (about.st_size, about.st_mtime_ns) for name, about in found.items()}


def unchanged(folder: Path, files: Mapping[str, Iterable[int]]) -> bool:
    """Whether these files are as `states` saw them."""
    return {name: tuple(state) for name, state in files.items()} == states(folder, files)


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON, on the disk before this returns."""
    with path.open("wb") as file:
        file.write(json.dumps(document).encode())
        file.flush()
        os.fsync(file.fileno())
