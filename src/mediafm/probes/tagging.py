"""A saved probe over a catalog: what it says of shots, clips or titles that nobody labelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from scipy.special import expit

from mediafm.errors import UsageError
from mediafm.probes.features import FeatureSource
from mediafm.probes.labels import LabelTable, check_against_catalog, read_labels
from mediafm.probes.run import catalog_version, model_vectors
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tasks import CLASSIFYING, Split, Task
from mediafm.probes.units import Examples, Spans, read_spans
from mediafm.progress import SILENT, Progress

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint

SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class TagResult:
    """What `tag --json` prints."""

    out: str
    task: str
    features: str
    titles: int
    examples: int
    given: dict[str, int]


def tag(
    catalog: "Catalog",
    probe: SavedProbe,
    out: str | Path,
    titles: Sequence[str] | None = None,
    spans: str | Path | None = None,
    every_s: float = 0.0,
    models: "Sequence[Checkpoint]" = (),
    progress: Progress = SILENT,
) -> TagResult:
    """Apply a probe and write a table: title, shot, start_s, end_s, label, score, and given where labels are decided.

    score is a probability for labels and classes, the value itself otherwise. A probe of shots speaks of every shot,
    one of titles of every title; one of clips needs a table of `spans` (title, start, end), or `every_s`: each title is
    then cut into clips of about so many seconds along its shots. titles: default all.
    Raises MismatchError where the catalog's vectors are not those the probe was fitted on.
    """
    out = Path(out)
    if out.suffix not in SUFFIXES:
        raise UsageError(f"Tags are written as {' or '.join(SUFFIXES)}, not {out.name}.", "Name such a file.")
    held = model_vectors(catalog, models, catalog_version(catalog))
    chosen = chosen_titles(catalog, titles)
    source = FeatureSource(catalog, chosen, held)
    probe.check(catalog, source)
    if probe.stats is not None:
        source = source.with_stats(probe.features, probe.stats)
    examples = examples_of(catalog, probe, chosen, spans, every_s)
    progress.start("tag", None, "")
    vectors = source.vectors(probe.features, examples, probe.task)
    table = tag_table(probe, examples, probe.scores(vectors.matrix), vectors.known)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(out.name + ".tmp")
    if out.suffix == ".csv":
        pyarrow.csv.write_csv(table, temporary)
    else:
        pyarrow.parquet.write_table(table, temporary)
    temporary.replace(out)
    progress.end(examples=len(examples))
    return TagResult(
        str(out), probe.task.name, probe.features, len(chosen), int(vectors.known.sum()), given_counts(table, probe)
    )


def chosen_titles(catalog: "Catalog", titles: Sequence[str] | None) -> list[str]:
    """The titles asked for in the catalog's order, None: all; UsageError for one that is not there."""
    known = catalog.title_ids()
    unknown = sorted(set(titles or ()) - set(known))
    if unknown:
        raise UsageError(f"The catalog holds no title {unknown[0]!r}.", "`mediafm info` lists them.")
    return [title for title in known if titles is None or title in titles]


def examples_of(
    catalog: "Catalog", probe: SavedProbe, titles: list[str], spans: "str | Path | LabelTable | None", every_s: float
) -> Examples:
    """What a probe is asked of titles: every shot, every title, or clips of a table or about `every_s` long."""
    shots = read_spans(catalog, tuple(titles))
    unit = probe.task.unit
    if unit != "clip":
        if spans or every_s:
            raise UsageError(f"The probe speaks of {unit}s.", "Leave the spans out.")
        places = [_of_title(one, unit) for one in shots]
    elif (spans is None) == (not every_s):
        raise UsageError("The probe speaks of clips.", "Give a table of spans, or --every SECONDS.")
    elif spans is None:
        places = [_cut(one, every_s) for one in shots]
    else:
        places = _asked(read_asked(catalog, spans) if isinstance(spans, str | Path) else spans, titles)
    return _as_examples(probe, titles, shots, places)


def _of_title(shots: Spans, unit: str) -> Spans:
    return shots if unit == "shot" else (shots[0][:1], shots[1][-1:])


def _cut(shots: Spans, every_s: float) -> Spans:
    """A title in clips of whole shots, each ended by the first cut after `every_s` seconds."""
    edges, end = [0], shots[1]
    for number in range(len(end)):
        if end[number] - shots[0][edges[-1]] >= every_s and number + 1 < len(end):
            edges.append(number + 1)
    pairs = list(pairwise([*edges, len(end)]))
    return np.array([shots[0][a] for a, _ in pairs]), np.array([end[b - 1] for _, b in pairs])


def read_asked(catalog: "Catalog", spans: str | Path) -> LabelTable:
    """A table of spans (title, start, end), checked against the catalog; its other columns are not looked at."""
    asked = Task(
        name="spans", kind="binary", unit="shot", labels=Path(spans).resolve(), columns="spans", split=Split(folds=2)
    )
    table = read_labels(asked, catalog)
    check_against_catalog(table, asked, catalog)
    return table


def _asked(table: LabelTable, titles: list[str]) -> list[Spans]:
    """Each title's spans of a table, in time order."""
    places = []
    for title in titles:
        rows = np.flatnonzero(table.title == title)
        rows = rows[np.argsort(table.start_s[rows], kind="stable")]
        places.append((table.start_s[rows], table.end_s[rows]))
    return places


def _as_examples(probe: SavedProbe, titles: list[str], shots: tuple[Spans, ...], places: Sequence[Spans]) -> Examples:
    counts = [len(start) for start, _ in places]
    whole = probe.task.unit == "shot"
    return Examples(
        tuple(titles),
        shots,
        np.repeat(np.arange(len(titles)), counts),
        np.concatenate([start for start, _ in places]),
        np.concatenate([end for _, end in places]),
        np.concatenate([np.arange(n) if whole else np.full(n, -1) for n in counts]),
        np.zeros((sum(counts), len(probe.labels))),
        probe.labels,
    )


def tag_table(probe: SavedProbe, examples: Examples, scores: np.ndarray, known: np.ndarray) -> pa.Table:
    """A row an example and label: title, shot, start_s, end_s, label, score, and given where labels are decided."""
    labels = len(probe.labels)
    kept = np.flatnonzero(known)
    title = pa.DictionaryArray.from_arrays(
        np.repeat(examples.title[kept], labels).astype(np.int32), list(examples.titles)
    )
    columns = {
        "title": title.dictionary_decode(),
        "shot": np.repeat(examples.shot[kept], labels),
        "start_s": np.repeat(examples.start_s[kept], labels),
        "end_s": np.repeat(examples.end_s[kept], labels),
        "label": np.tile(np.array(probe.labels), len(kept)),
    }
    said, given = judged(probe, scores[kept])
    columns |= {"score": said.reshape(-1)} | ({} if given is None else {"given": given.reshape(-1)})
    return pa.table(columns)


def judged(probe: SavedProbe, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Of a probe's scores [n, C] probabilities (values where it tells values), and which labels are given."""
    if probe.task.kind in CLASSIFYING:
        return expit(scores), scores >= probe.probe.threshold
    if probe.task.kind == "multiclass":
        return np.exp(scores), scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1])
    return scores, None


def given_counts(table: pa.Table, probe: SavedProbe) -> dict[str, int]:
    """How often each label is given."""
    if "given" not in table.column_names:
        return {}
    given = np.array(table["label"].to_pylist())[np.array(table["given"].to_pylist(), dtype=bool)]
    return {name: int((given == name).sum()) for name in probe.labels}
