"""What a probe leaves in its folder: predictions, fitted probes, the report, and result.json, written last."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from mediafm.probes.bench import Bench, Probed
from mediafm.probes.report import probe_table_markdown, write_page
from mediafm.probes.result import ProbeResult

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

RESULT, TABLE, PAGE, PREDICTIONS, PROBES = "result.json", "result.md", "result.html", "predictions.parquet", "probes"


def write_result(result: ProbeResult, probed: list[Probed], bench: Bench, out: Path, catalog: "Catalog") -> None:
    """Everything into the folder; result.json, written last, says that all is there."""
    from mediafm.probes.saved import save_probes  # loads torch

    out.mkdir(parents=True, exist_ok=True)
    (out / RESULT).unlink(missing_ok=True)
    predictions = predictions_table(probed, bench)
    pyarrow.parquet.write_table(predictions, out / PREDICTIONS)
    save_probes(bench, probed, out / PROBES)
    (out / TABLE).write_text(probe_table_markdown(result), encoding="utf-8")
    write_page(out / PAGE, result, predictions, catalog)
    result.save(out / RESULT)


def write_similarity(result: ProbeResult, out: Path, catalog: "Catalog") -> None:
    """The files of a task that learns nothing: no probes, no predictions."""
    out.mkdir(parents=True, exist_ok=True)
    (out / RESULT).unlink(missing_ok=True)
    (out / TABLE).write_text(probe_table_markdown(result), encoding="utf-8")
    write_page(out / PAGE, result, None, catalog)
    result.save(out / RESULT)


def predictions_table(probed: list[Probed], bench: Bench) -> pa.Table:
    """One row for each (feature set, held-out example, label or class).

    features, title, fold, shot (-1 for clips and titles), start_s, end_s, label, truth (1 or 0, or the value), score
    (logit, log-probability of the class, or value), given (whether the label is given, or the class the likeliest; null
    where nothing is decided), known (whether the feature set speaks for the example), group (of a ranking; else null).
    """
    examples, rows = bench.examples, bench.tested
    labels = list(examples.classes or examples.names)
    truth = bench.held_out.rows.truth
    true = truth == np.arange(len(labels)) if examples.classes else truth
    count, sets = len(rows) * len(labels), len(probed)

    def repeated(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.tile(np.repeat(values, len(labels)), sets)

    named = pa.DictionaryArray.from_arrays
    group = examples.group[rows] if len(examples.group) else None
    return pa.table({
        "features": named(np.repeat(np.arange(sets, dtype=np.int32), count), [p.name for p in probed]),
        "title": named(repeated(examples.title[rows].astype(np.int32)), list(examples.titles)),
        "fold": repeated(bench.held_out.fold),
        "shot": repeated(examples.shot[rows]),
        "start_s": repeated(examples.start_s[rows]),
        "end_s": repeated(examples.end_s[rows]),
        "label": named(np.tile(np.arange(len(labels), dtype=np.int32), len(rows) * sets), labels),
        "truth": np.tile(true.reshape(-1).astype(np.float64), sets),
        "score": np.concatenate([p.said.scores.reshape(-1) for p in probed]).astype(np.float32),
        "given": pa.concat_arrays([_given(p, examples.classes) for p in probed]),
        "known": np.concatenate([np.repeat(p.known, len(labels)) for p in probed]),
        "group": pa.nulls(count * sets, pa.int64()) if group is None else repeated(group),
    })  # fmt: skip


def _given(probed: Probed, classes: tuple[str, ...]) -> pa.Array:
    said = probed.said
    if said.decided is not None:
        return pa.array(said.decided.reshape(-1))
    if classes:
        return pa.array((said.scores.argmax(axis=1)[:, None] == np.arange(len(classes))).reshape(-1))
    return pa.nulls(said.scores.size, pa.bool_())
