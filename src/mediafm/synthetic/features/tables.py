"""A feature catalogue as the tables that `mediafm import` and `mediafm probe` take, of any size in flat memory."""

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mediafm.synthetic.features.source import SyntheticFeatures
from mediafm.synthetic.features.title import FeatureTitle
from mediafm.types import FloatArray

TITLES_AT_ONCE = 64


def write_features(folder: str | os.PathLike[str], catalogue: SyntheticFeatures) -> None:
    """Write `shots.parquet` (title_id, shot, start_s, end_s, one vector column a modality) and `labels.parquet`.

    Labels are title, start, end (seconds), and columns of 0 and 1: those of `Law.labels`, then scene_start. The vector
    of a modality that a shot lacks is null. Metadata vectors stay behind, as `import` takes metadata in words. Memory
    holds 64 titles at a time.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    titles, first = iter(catalogue), next(iter(catalogue))
    with (
        pq.ParquetWriter(target / "shots.parquet", _shots(first).schema) as shots,
        pq.ParquetWriter(target / "labels.parquet", _labels(first).schema) as labels,
    ):
        while batch := list(islice(titles, TITLES_AT_ONCE)):
            shots.write_table(pa.concat_tables(map(_shots, batch)))
            labels.write_table(pa.concat_tables(map(_labels, batch)))


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


def _labels(title: FeatureTitle) -> pa.Table:
    columns = {
        "title": pa.array([title.title_id] * len(title.features)),
        "start": pa.array(title.start_s),
        "end": pa.array(title.end_s),
    }
    truth_NL = np.column_stack([title.labels, title.scene_start]).astype(np.int8)
    names = (*title.world.law.labels, "scene_start")
    return pa.table(columns | {name: pa.array(truth_NL[:, i]) for i, name in enumerate(names)})
