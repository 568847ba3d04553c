"""How alike a title's shots are to each other: its self-similarity, of any part of it and at any size.

A cell of many shots is the mean cosine of all their pairs. That is the product of the two means of unit vectors, so a
film of ten thousand shots costs as much as its vectors' sum and a product of the cells.

Shapes: n shots of the title, R x C cells, D numbers of a vector.
"""

import json
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import unit_rows
from mediafm.index import open_index
from mediafm.types import FloatArray
from mediafm.uses.titles import rows_of

if TYPE_CHECKING:
    from mediafm.catalog import Catalog, TitleRecord

MOST_CELLS = 1024  # on a side


@dataclass(frozen=True, slots=True)
class Rows:
    """Unit vectors [n, D] of a title's shots (zeros: nothing there), what made them, what they know of other shots."""

    features: str
    made_by: str
    context: str
    vectors: FloatArray


@dataclass(frozen=True)
class Likeness:
    """Mean cosines of runs of shots, float32 [R, C]; NaN where there is nothing to compare.

    rows, columns: numbers of shots at the cells' edges, [R + 1] and [C + 1].
    """

    title: str
    source: Rows
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    cells: FloatArray

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest cell; (0, 1) where there is none."""
        there = self.cells[np.isfinite(self.cells)]
        return (float(there.min()), float(there.max())) if len(there) else (0.0, 1.0)

    @property
    def facts(self) -> dict[str, Any]:
        """What the cells are, for who reads them as bytes."""
        low, high = self.bounds
        return {
            "title": self.title, "features": self.source.features, "made_by": self.source.made_by,
            "context": self.source.context, "row_start": int(self.rows[0]), "row_end": int(self.rows[-1]),
            "start": int(self.columns[0]), "end": int(self.columns[-1]), "rows": len(self.rows) - 1,
            "columns": len(self.columns) - 1, "low": low, "high": high,
        }  # fmt: skip

    def as_bytes(self) -> bytes:
        """A byte a cell, row by row: 0 nothing, else 1 at `low` to 255 at `high`."""
        low, high = self.bounds
        scaled = 1 + np.rint(254 * (self.cells - low) / max(high - low, 1e-9))
        return np.where(np.isfinite(scaled), scaled, 0).astype(np.uint8).tobytes()

    def as_png(self) -> bytes:
        """A grey picture, a pixel a cell: the bytes of `as_bytes`."""
        height, width = self.cells.shape
        lines = np.frombuffer(self.as_bytes(), np.uint8).reshape(height, width)
        raw = np.concatenate([np.zeros((height, 1), np.uint8), lines], axis=1).tobytes()  # each line: no filter
        head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        parts = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in parts
        )

    def as_arrow(self) -> bytes:
        """A row a line of cells: `first_shot`, `end_shot`, `likeness` as a list; facts beside the schema."""
        width = self.cells.shape[1]
        cells = pa.FixedSizeListArray.from_arrays(pa.array(self.cells.reshape(-1), pa.float32()), width)
        table = pa.table({"first_shot": self.rows[:-1], "end_shot": self.rows[1:], "likeness": cells})
        table = table.replace_schema_metadata({"likeness": json.dumps(self.facts)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()


def read_rows(catalog: "Catalog", record: "TitleRecord", name: str) -> Rows:
    """A title's shots under a name: an embedding set, a modality or `concat`, which are standardised over the catalog.

    UsageError for another name, CatalogError where an embedding set does not cover the title.
    """
    for spec in catalog.embedding_sets():
        if spec.name == name:
            rows = unit_rows(catalog.embeddings(name, record.title_id))
            return Rows(name, spec.checkpoint_fingerprint, spec.context, rows)
    index = open_index(catalog, name)
    return Rows(name, index.fingerprint, "none", rows_of(index, record.title_id, record.n_shots))


def likeness(
    title: str, source: Rows, size: int, columns: tuple[int, int | None], rows: tuple[int, int | None] | None = None
) -> Likeness:
    """Shots [rows) against shots [columns), in at most `size` x `size` cells. None as an end: the title's own.

    rows: None: those of the columns. UsageError for a part that the title does not have.
    """
    across = edges(len(source.vectors), columns, size)
    down = across if rows is None else edges(len(source.vectors), rows, size)
    right = _means(source.vectors, across)
    left = right if rows is None else _means(source.vectors, down)
    return Likeness(title, source, down, across, left @ right.T)


def edges(shots: int, part: tuple[int, int | None], size: int) -> NDArray[np.int64]:
    """Where at most `size` cells of as many shots each, give or take one, begin in [first, end), and the end."""
    first, end = part[0], shots if part[1] is None else part[1]
    if not 0 <= first < end <= shots:
        raise UsageError(f"Shots {first} to {end} are no part of a title of {shots} shots.", "Ask for a part of it.")
    cells = min(size, end - first)
    return first + np.arange(cells + 1, dtype=np.int64) * (end - first) // cells


def _means(rows_nD: FloatArray, at: NDArray[np.int64]) -> FloatArray:
    """Mean of the rows that are there of each run, [len(at) - 1, D]; NaN where none is."""
    part = rows_nD[at[0] : at[-1]]
    starts = at[:-1] - at[0]
    there = np.add.reduceat(part.any(axis=1).astype(np.float32), starts)
    sums = np.add.reduceat(part, starts, axis=0, dtype=np.float32)
    return np.asarray(sums / np.where(there > 0, there, np.nan)[:, None], dtype=np.float32)
