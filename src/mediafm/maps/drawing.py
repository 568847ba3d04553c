"""What a drawn map is, and its form on disk: one file of arrays beside a JSON document in it."""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mediafm.types import FloatArray

MapUnit = Literal["shot", "title"]
UNITS: tuple[MapUnit, ...] = ("shot", "title")
SCHEMA_VERSION = 1
NOWHERE = -1  # the cluster of a point that has no place

# A title's id, how many points it has on the map, and the revision of its writing: equal keys, equal points.
Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Cluster:
    """What lies together. words: said there and seldom elsewhere; typical: (title, shot) nearest its middle."""

    size: int
    words: tuple[str, ...]
    typical: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class DrawnMap:
    """A map. Points stand title by title in the order of `keys`, shots in order; of unit `title` there is one each.

    N points, R directions of D: places [N, 2], NaN for what has no vector; cluster int16 [N], NOWHERE for the same;
    start_s [N], where a shot begins; reduced [N, R], what the map was drawn from; turn [D, R] and middle [D], how new
    vectors become such; centres [C, R] of clusters.
    fingerprint: what made the vectors. facts: how it was drawn, how long that took, how true it is.
    """

    name: str
    unit: MapUnit
    fingerprint: str
    keys: list[Key]
    places: FloatArray
    cluster: NDArray[np.int16]
    start_s: FloatArray
    clusters: list[Cluster]
    reduced: FloatArray
    turn: FloatArray
    middle: FloatArray
    centres: FloatArray
    facts: dict[str, Any]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where titles begin among the points, int64 [titles + 1]."""
        return starts_of(self.keys)

    def rows_of(self, keys: Sequence[Key]) -> NDArray[np.int64]:
        """Rows of those titles' points, in the order of `keys`; a key that is not on the map has none."""
        at = {key: int(start) for key, start in zip(self.keys, self.starts, strict=False)}
        spans = [np.arange(at[key], at[key] + key[1]) for key in keys if key in at]
        return np.concatenate(spans) if spans else np.zeros(0, np.int64)

    def save(self, path: Path) -> None:
        """Write it so that the file is whole whenever it is there."""
        about = {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "unit": self.unit,
            "fingerprint": self.fingerprint,
            "keys": self.keys,
            "clusters": [asdict(cluster) for cluster in self.clusters],
            "facts": self.facts,
        }
        document = np.frombuffer(json.dumps(about).encode(), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".map-")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, about=document, **{name: getattr(self, name) for name in _ARRAYS})
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> "DrawnMap | None":
        """As saved; None where there is none, or it is damaged: it can be drawn again."""
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
                about = json.loads(stored["about"].tobytes())
                if about.pop("schema_version") != SCHEMA_VERSION:
                    return None
                about["keys"] = [(str(t), int(n), int(revision)) for t, n, revision in about["keys"]]
                about["clusters"] = [_cluster(**cluster) for cluster in about["clusters"]]
                found = cls(**about, **{name: stored[name] for name in _ARRAYS})
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        return found if len(found) == found.starts[-1] == len(found.cluster) == len(found.start_s) else None


_ARRAYS = ("places", "cluster", "start_s", "reduced", "turn", "middle", "centres")


def starts_of(keys: Sequence[Key]) -> NDArray[np.int64]:
    """Where titles begin among points, int64 [titles + 1]."""
    return np.cumsum([0, *(n for _, n, _ in keys)], dtype=np.int64)


def _cluster(size: int, words: list[str], typical: list[list[Any]]) -> Cluster:
    return Cluster(int(size), tuple(map(str, words)), tuple((str(title), int(shot)) for title, shot in typical))
