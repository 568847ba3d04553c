"""The predictions table, one feature set at a time, as arrays.

Shapes: N examples that the feature set speaks for, L labels or classes.
"""

# ruff: noqa: N815 (fields carry their shapes)

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray
from scipy.special import expit


@dataclass(frozen=True, slots=True)
class Said:
    """What one feature set says of the held-out examples it speaks for.

    title: [N] number into `titles`; shot: [N], -1 for clips and titles; score_NL: logits, log-probabilities or values;
    given_NL: whether a label is given, None where nothing is decided; group: [N] what is ranked together, or None.
    """

    features: str
    labels: tuple[str, ...]
    titles: tuple[str, ...]
    title: NDArray[np.int64]
    fold: NDArray[np.int64]
    shot: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    truth_NL: NDArray[np.float64]
    score_NL: NDArray[np.float64]
    given_NL: NDArray[np.bool_] | None
    group: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.title)

    @property
    def folds(self) -> list[NDArray[np.int64]]:
        """Numbers of each fold's examples."""
        return [np.flatnonzero(self.fold == fold) for fold in np.unique(self.fold)]

    def probabilities(self, kind: str) -> NDArray[np.float64]:
        """Of each label being true, or of each class, [N, L]."""
        return np.exp(self.score_NL) if kind == "multiclass" else np.asarray(expit(self.score_NL))


def read_said(predictions: pa.Table, features: str) -> Said | None:
    """One feature set's part of the table that `mediafm.probes.files.predictions_table` describes; None without one."""
    names, number = _coded(predictions["features"])
    if features not in names:
        return None
    part = predictions.take(np.flatnonzero(number == names.index(features)))
    label_names, label = _coded(part["label"])
    count = len(np.unique(label))
    first = slice(None, None, max(count, 1))  # the rows of an example stand together, a row a label
    titles, title = _coded(part["title"])
    known = _array(part["known"])[first].astype(bool)

    def of_example(column: str) -> NDArray[Any]:
        return np.asarray(_array(part[column])[first][known])

    def of_label(column: str) -> NDArray[Any]:
        return np.asarray(_array(part[column]).reshape(-1, count)[known])

    decided, grouped = part["given"].null_count == 0, part["group"].null_count == 0
    return Said(
        features, tuple(label_names[i] for i in label[:count]), tuple(titles), title[first][known],
        of_example("fold").astype(np.int64), of_example("shot").astype(np.int64), of_example("start_s"),
        of_example("end_s"), of_label("truth").astype(np.float64), of_label("score").astype(np.float64),
        of_label("given").astype(bool) if decided else None,
        of_example("group").astype(np.int64) if grouped else None,
    )  # fmt: skip


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    return np.asarray(column.to_numpy())


def _coded(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The different strings of a column, and for each row the number of its own."""
    coded = column if pa.types.is_dictionary(column.type) else pyarrow.compute.dictionary_encode(column)
    held = coded.unify_dictionaries().combine_chunks()
    return held.dictionary.to_pylist(), held.indices.to_numpy(zero_copy_only=False).astype(np.int64)
