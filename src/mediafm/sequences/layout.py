"""What a feature cache consists of on disk: flat little-endian arrays, and an index that says what they hold.

rows.f16 [shots, dims joined in the order of MODALITIES], present.u8 [shots, modalities], times.f32 [shots, start and
end], globals.f32 [titles that have one, G]. Titles stand under each other in the order in which they came.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.types import MODALITIES, Modality

SCHEMA_VERSION = 1
INDEX = "index.json"
ROWS, PRESENT, TIMES, GLOBALS = "rows.f16", "present.u8", "times.f32", "globals.f32"
DTYPES: Mapping[str, np.dtype[Any]] = {
    ROWS: np.dtype("<f2"),
    PRESENT: np.dtype(np.bool_),
    TIMES: np.dtype("<f4"),
    GLOBALS: np.dtype("<f4"),
}


@dataclass(frozen=True, slots=True)
class Index:
    """version: the catalog's content version. titles, lengths: ids and shots in stored order.

    global_rows: which row of globals.f32 is each title's, -1 for none.
    """

    version: str
    fingerprint: str
    dims: dict[Modality, int]
    global_dim: int
    titles: list[str]
    lengths: list[int]
    global_rows: list[int]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """File name -> shape of its array."""
        shots = sum(self.lengths)
        return {
            ROWS: (shots, sum(self.dims.values())),
            PRESENT: (shots, len(self.dims)),
            TIMES: (shots, 2),
            GLOBALS: (max(self.global_rows, default=-1) + 1, self.global_dim),
        }

    def to_json(self) -> str:
        """The text of index.json."""
        return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(self)})

    @classmethod
    def read(cls, folder: Path, version: str) -> "Index | None":
        """The index of a whole cache of that content version; None if there is no such cache, or not all of it."""
        try:
            stored = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            if stored.pop("schema_version") != SCHEMA_VERSION or stored["version"] != version:
                return None
            index = cls(**stored)
            sizes = {name: prod(shape) * DTYPES[name].itemsize for name, shape in index.shapes.items()}
            whole = all((folder / name).stat().st_size == size for name, size in sizes.items())
            return index if whole and index._consistent() else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # missing or damaged, however: it is built anew

    def _consistent(self) -> bool:
        columns = {len(self.titles), len(self.lengths), len(self.global_rows), len(set(self.titles))}
        return len(columns) == 1 and list(self.dims) == [m for m in MODALITIES if m in self.dims]
