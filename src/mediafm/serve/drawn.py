"""Maps as the service sees them: those that are kept, as far as they are of the catalog as it is now.

None is drawn here: that takes longer than a request may.
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.maps import DrawnMap, kept_map
from mediafm.maps.drawing import Key, MapUnit
from mediafm.maps.keeping import map_path
from mediafm.serve.library import Library
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

_KEPT = 4  # maps in memory
_READ = threading.Lock()


@dataclass(frozen=True)
class Shown:
    """A map without what is no longer in the catalog as it was drawn. version: another one for other points.

    keys: titles on it, in order. places [N, 2], start_s [N], cluster [N]: of their points. missing: titles that it
    lacks. gone: how many points were left out.
    """

    drawn: DrawnMap
    version: str
    keys: list[Key]
    places: FloatArray
    start_s: FloatArray
    cluster: NDArray[np.int16]
    missing: int
    gone: int

    def as_bytes(self) -> bytes:
        """Little-endian: places float32 [N, 2], start_s float32 [N], cluster int16 [N], one after the other."""
        parts = (self.places.astype("<f4"), self.start_s.astype("<f4"), self.cluster.astype("<i2"))
        return b"".join(part.tobytes() for part in parts)

    def as_arrow(self) -> bytes:
        """An Arrow stream of title, shot, x, y, start_s and cluster."""
        counts = [n for _, n, _ in self.keys]
        titles = pa.DictionaryArray.from_arrays(
            pa.array(np.repeat(np.arange(len(counts), dtype=np.int32), counts)), pa.array([key[0] for key in self.keys])
        )
        shots = np.concatenate([np.arange(n, dtype=np.int32) for n in counts] or [np.zeros(0, np.int32)])
        columns = {
            "title": titles,
            "shot": shots,
            "x": np.ascontiguousarray(self.places[:, 0]),
            "y": np.ascontiguousarray(self.places[:, 1]),
            "start_s": self.start_s,
            "cluster": self.cluster,
        }
        facts = {"features": self.drawn.name, "unit": self.drawn.unit, "made_by": self.drawn.fingerprint}
        table = pa.table(columns).replace_schema_metadata({**facts, "version": self.version})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue().to_pybytes())


class Drawn:
    """The maps of a library. Used by many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._files: OrderedDict[Path, tuple[int, DrawnMap]] = OrderedDict()
        self._shown: OrderedDict[tuple[str, str], tuple[int, str, Shown]] = OrderedDict()

    def names(self) -> list[str]:
        """What there can be maps of."""
        catalog = self._library.catalog
        return [*(s.name for s in catalog.embedding_sets()), "concat", *catalog.spec.encoders]

    def is_there(self, name: str, unit: MapUnit) -> bool:
        """Whether one is kept."""
        return map_path(self._library.catalog, name, unit).is_file()

    def show(self, name: str, unit: MapUnit, version: str = "") -> Shown:
        """The map of a unit under a name. UsageError for a name that is unknown, CatalogError where none was drawn,
        MismatchError where another version is asked for."""
        if name not in self.names():
            raise UsageError(f"The catalog has no features {name!r}.", f"It has {', '.join(self.names())}.")
        with _READ:  # one reads, the others find it read
            found = self._current(name, unit)
        if version and version != found.version:
            raise MismatchError("The map has changed meanwhile.", "Ask GET /v1/map again.")
        return found

    def _current(self, name: str, unit: MapUnit) -> Shown:
        path = map_path(self._library.catalog, name, unit)
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            raise _not_drawn(name, unit) from None
        key, of = (name, unit), self._library.version()
        held = self._shown.get(key)
        if held is None or held[:2] != (changed, of):
            drawn = self._load(path, changed, name, unit, self._library.catalog)
            held = (changed, of, _shown(drawn, self._library, changed))
            self._shown[key] = held
            while len(self._shown) > _KEPT:
                self._shown.popitem(last=False)
        self._shown.move_to_end(key)
        return held[2]

    def _load(self, path: Path, changed: int, name: str, unit: MapUnit, catalog: "Catalog") -> DrawnMap:
        held = self._files.get(path)
        if held is None or held[0] != changed:
            drawn = kept_map(catalog, name, unit)
            if drawn is None:
                raise _not_drawn(name, unit)
            held = (changed, drawn)
            self._files[path] = held
            while len(self._files) > _KEPT:
                self._files.popitem(last=False)
        return held[1]


def _not_drawn(name: str, unit: MapUnit) -> CatalogError:
    return CatalogError(
        f"No map of {name} ({unit}s) has been drawn yet.",
        f"Run `mediafm map --catalog CATALOG --features {name} --unit {unit}`, or ask for a job of kind map.",
    )


def _shown(drawn: DrawnMap, library: Library, changed: int) -> Shown:
    records = library.records()
    keys = [key for key in drawn.keys if _is_current(key, drawn.unit, library)]
    rows = drawn.rows_of(keys)
    known = {key[0] for key in keys}
    version = hashlib.sha256(repr((changed, keys)).encode()).hexdigest()[:16]
    missing = sum(title not in known for title in records)
    return Shown(
        drawn,
        version,
        keys,
        drawn.places[rows],
        drawn.start_s[rows],
        drawn.cluster[rows],
        missing,
        len(drawn) - len(rows),
    )


def _is_current(key: Key, unit: MapUnit, library: Library) -> bool:
    record = library.records().get(key[0])
    return record is not None and record.revision == key[2] and (unit == "title" or record.n_shots >= key[1])
