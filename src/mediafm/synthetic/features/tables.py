"""A feature catalogue as the tables that `mediafm import` and `mediafm probe` take, of any size in flat memory."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mediafm.synthetic.features import alike
from mediafm.synthetic.features.source import SyntheticFeatures
from mediafm.synthetic.features.title import FeatureTitle
from mediafm.synthetic.features.truth import FEATURE_TABLES, OF_TITLE, SIMILAR
from mediafm.synthetic.known import write_facts
from mediafm.types import FloatArray

TITLES_AT_ONCE = 64


def write_features(folder: str | os.PathLike[str], catalogue: SyntheticFeatures) -> None:
    """Write `shots.parquet` (title_id, shot, start_s, end_s, one vector column a modality) and tables of labels.

    Each of FEATURE_TABLES becomes `NAME.parquet`: title, start, end (seconds; not for whole titles), then columns of 0
    and 1, numbers or words; `tables.json` says what is known of each. The vector of a modality that a shot lacks is
    null. Metadata vectors stay behind, as `import` takes metadata in words. Memory holds 64 titles at a time, and a few
    bytes of every title.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[FeatureTitle], pa.Table]] = {"shots": _shots}
    makers |= {name: make for name, (make, _) in OF_TITLE.items()}
    titles, first, known = iter(catalogue), next(iter(catalogue)), alike.Alike()
    with ExitStack() as files:
        writers = {
            name: files.enter_context(pq.ParquetWriter(target / f"{name}.parquet", make(first).schema))
            for name, make in makers.items()
        }
        while batch := list(islice(titles, TITLES_AT_ONCE)):
            for name, make in makers.items():
                writers[name].write_table(pa.concat_tables(map(make, batch)))
            for title in batch:
                known.add(title)
    with pq.ParquetWriter(target / f"{SIMILAR}.parquet", alike.SCHEMA) as writer:
        for table in known.tables():
            writer.write_table(table)
    write_facts(target, FEATURE_TABLES)


def _shots(title: FeatureTitle) -> pa.Table:
    n = len(title.features)
    columns = {
        "title_id": pa.array([title.title_id] * n),
        "shot": pa.array(np.arange(n)),
        "start_s": pa.array(title.start_s),
        "end_s": pa.array(title.end_s),
    }
    for modality, vectors_ND in title.features.vectors.items():
        columns[modality] = _vectors(vectors_ND, title.features.present[modality])
    return pa.table(columns)


def _vectors(vectors_ND: FloatArray, present_N: np.ndarray) -> pa.Array:
    numbers = pa.array(np.ascontiguousarray(vectors_ND, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(numbers, vectors_ND.shape[1], mask=pa.array(~present_N))
