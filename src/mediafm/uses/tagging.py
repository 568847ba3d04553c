"""Saved probes over a whole catalog in one pass: a table of tags in bounded memory, or a summary of each title.

Titles are read some thousand shots at a time; probes that look at the same features share one reading of them. The
table is written beside its name and moved there when it is whole.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mediafm.errors import UsageError
from mediafm.probes.features import FeatureSource, Vectors
from mediafm.probes.labels import LabelTable
from mediafm.probes.run import catalog_version, model_vectors
from mediafm.probes.saved import FACTS, SavedProbe
from mediafm.probes.tagging import SUFFIXES, chosen_titles, examples_of, given_counts, read_asked, tag_table
from mediafm.probes.units import Examples
from mediafm.progress import SILENT, Progress

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint

Unit = Literal["example", "title"]
GROUP_SHOTS = 8192  # read at once


@dataclass(frozen=True, slots=True)
class ProbeTags:
    """What one probe said: `examples` it was asked, and how often each label was given (empty for values)."""

    task: str
    features: str
    examples: int
    given: dict[str, int]


@dataclass(frozen=True, slots=True)
class TagsResult:
    """What `tag --json` prints for several probes."""

    out: str
    titles: int
    rows: int
    probes: tuple[ProbeTags, ...]


def load_probes(paths: Sequence[str | Path]) -> list[SavedProbe]:
    """Saved probes by their folders; a folder that holds such folders (OUT/probes) stands for all of them.

    UsageError where there is none, or two of one task and feature set.
    """
    found: list[SavedProbe] = []
    for path in map(Path, paths):
        inside = sorted(p.parent for p in path.glob(f"*/{FACTS}")) if not (path / FACTS).exists() else []
        found += [SavedProbe.load(folder) for folder in inside or [path]]
    if not found:
        raise UsageError("There is no probe to apply.", "Name OUT/probes/FEATURES of a finished probe.")
    keys = [(probe.task.name, probe.features) for probe in found]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice:
        raise UsageError(
            f"Two probes are called {twice[0]!r} and look at {twice[1]!r}.", "Their rows could not be told apart."
        )
    return found


@dataclass
class _Pass:
    """A pass of probes over a catalog; sources by the fusion statistics behind them."""

    catalog: "Catalog"
    probes: Sequence[SavedProbe]
    spans: LabelTable | None
    every_s: float
    sources: list[FeatureSource]
    keys: list[tuple[str, str, str]]  # of each probe's vectors: features, statistics, unit
    counts: list[dict[str, int]] = field(default_factory=list)

    def of_group(self, titles: list[str], unit: Unit, several: bool) -> Iterator[tuple[int, int, pa.Table]]:
        """(probe, examples asked, rows) of some titles, probe by probe."""
        asked: dict[str, Examples] = {}
        seen: dict[tuple[str, str, str], Vectors] = {}
        for number, (probe, key) in enumerate(zip(self.probes, self.keys, strict=True)):
            if probe.task.unit not in asked:
                clips = probe.task.unit == "clip"
                asked[probe.task.unit] = examples_of(
                    self.catalog, probe, titles, self.spans if clips else None, self.every_s if clips else 0.0
                )
            examples = asked[probe.task.unit]
            if not len(examples):
                continue
            if key not in seen:
                seen[key] = self.sources[number].vectors(probe.features, examples, probe.task)
            table = tag_table(probe, examples, probe.scores(seen[key].matrix), seen[key].known)
            for name, given in given_counts(table, probe).items():
                self.counts[number][name] += given
            table = title_summary(table) if unit == "title" else table
            yield number, int(seen[key].known.sum()), _told_apart(table, probe) if several else table


def tag_catalog(
    catalog: "Catalog",
    probes: Sequence[SavedProbe],
    out: str | Path,
    titles: Sequence[str] | None = None,
    spans: str | Path | None = None,
    every_s: float = 0.0,
    models: "Sequence[Checkpoint]" = (),
    unit: Unit = "example",
    progress: Progress = SILENT,
) -> TagsResult:
    """Apply probes to titles (None: all) and write one table, .parquet or .csv.

    A row is an example (shot, clip or title, as the probe was fitted) and a label: title, shot, start_s, end_s, label,
    score, given, as `probes.tagging.tag` writes them; with several probes also task and features before the label, and
    `given` is empty for values. unit "title": a row is a title and a label, see `title_summary`. spans, every_s: clips
    for those probes that speak of clips. Memory holds some thousand shots, however large the catalog.
    Raises UsageError and MismatchError before anything is written; a table that was there stays until the new one is
    whole.
    """
    out = Path(out)
    if out.suffix not in SUFFIXES:
        raise UsageError(f"Tags are written as {' or '.join(SUFFIXES)}, not {out.name}.", "Name such a file.")
    chosen = chosen_titles(catalog, titles)
    if not chosen:
        raise UsageError("The catalog holds no titles to tag.", "Fill it with `mediafm ingest` or `mediafm import`.")
    run = _prepared(catalog, probes, chosen, spans, every_s, models)
    said, rows = [0] * len(probes), 0
    progress.start("tag", len(chosen), "titles")
    with _Writer(out) as writer:
        for group in _groups(catalog, chosen):
            for number, examples, table in run.of_group(group, unit, len(probes) > 1):
                writer.write(table)
                said[number] += examples
                rows += len(table)
            progress.advance(len(group))
    progress.end(rows=rows)
    told = zip(probes, said, run.counts, strict=True)
    found = tuple(ProbeTags(p.task.name, p.features, n, counts if any_given(p) else {}) for p, n, counts in told)
    return TagsResult(str(out), len(chosen), rows, found)


def any_given(probe: SavedProbe) -> bool:
    """Whether a probe gives labels: not one of values."""
    return probe.task.kind not in ("ranking", "regression")


def title_summary(table: pa.Table) -> pa.Table:
    """A row a title and label of a table of tags, in its order.

    score: mean over the title by seconds; highest, highest_s: the best example's score and start; share: of the title's
    tagged seconds that were given the label, and given, whether any was (both only where labels are decided); examples.
    """
    title, label = (np.array(table[name].to_pylist()) for name in ("title", "label"))
    labels = list(dict.fromkeys(label.tolist()))
    score, start = table["score"].to_numpy(), table["start_s"].to_numpy()
    seconds = np.maximum(table["end_s"].to_numpy() - start, 1e-9)
    given = table["given"].to_numpy(zero_copy_only=False) if "given" in table.column_names else None
    rows: dict[str, list[Any]] = {k: [] for k in ("title", "label", "score", "highest", "highest_s", "examples")}
    rows |= {"share": [], "given": []} if given is not None else {}
    for one in dict.fromkeys(title.tolist()):
        here = np.flatnonzero(title == one)
        for name in labels:
            at = here[label[here] == name]
            best = at[int(score[at].argmax())]
            rows["title"].append(one)
            rows["label"].append(name)
            rows["score"].append(float(np.average(score[at], weights=seconds[at])))
            rows["highest"].append(float(score[best]))
            rows["highest_s"].append(float(start[best]))
            rows["examples"].append(len(at))
            if given is not None:
                rows["share"].append(float(np.average(given[at], weights=seconds[at])))
                rows["given"].append(bool(given[at].any()))
    return pa.table(rows)


def _prepared(
    catalog: "Catalog",
    probes: Sequence[SavedProbe],
    chosen: list[str],
    spans: str | Path | None,
    every_s: float,
    models: "Sequence[Checkpoint]",
) -> _Pass:
    of_clips = [probe for probe in probes if probe.task.unit == "clip"]
    if of_clips and (spans is None) == (not every_s):
        raise UsageError(
            f"The probe {of_clips[0].task.name!r} speaks of clips.", "Give a table of spans, or --every SECONDS."
        )
    if not of_clips and (spans or every_s):
        raise UsageError(f"The probe speaks of {probes[0].task.unit}s.", "Leave the spans out.")
    held = model_vectors(catalog, models, catalog_version(catalog))
    plain = FeatureSource(catalog, chosen, held)
    for probe in probes:
        probe.check(catalog, plain)
    by_mark: dict[tuple[str, str], FeatureSource] = {}
    sources: list[FeatureSource] = []
    keys: list[tuple[str, str, str]] = []
    for probe in probes:
        mark = _mark(probe)
        if probe.stats is not None and (probe.features, mark) not in by_mark:
            fresh = FeatureSource(catalog, chosen, held)
            by_mark[probe.features, mark] = fresh.with_stats(probe.features, probe.stats)
        sources.append(plain if probe.stats is None else by_mark[probe.features, mark])
        keys.append((probe.features, mark, probe.task.unit))
    table = None if spans is None else read_asked(catalog, spans)
    counts = [dict.fromkeys(probe.labels, 0) for probe in probes]
    return _Pass(catalog, probes, table, every_s, sources, keys, counts)


def _mark(probe: SavedProbe) -> str:
    """Equal for equal fusion statistics."""
    if probe.stats is None:
        return ""
    digest = hashlib.sha256(probe.stats.spec.centring.encode())
    for name, values in sorted(probe.stats.to_arrays().items()):
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _groups(catalog: "Catalog", chosen: list[str]) -> Iterator[list[str]]:
    """Titles in order, some thousand shots at a time."""
    sizes = {record.title_id: record.n_shots for record in catalog.titles()}
    group: list[str] = []
    held = 0
    for title in chosen:
        if group and held + sizes.get(title, 0) > GROUP_SHOTS:
            yield group
            group, held = [], 0
        group.append(title)
        held += sizes.get(title, 0)
    yield group


def _told_apart(table: pa.Table, probe: SavedProbe) -> pa.Table:
    """The rows with task and features, and the same columns whatever the task."""
    n = len(table)
    at = table.column_names.index("label")
    table = table.add_column(at, "task", pa.array([probe.task.name] * n, pa.string()))
    table = table.add_column(at + 1, "features", pa.array([probe.features] * n, pa.string()))
    if "highest" in table.column_names and "share" not in table.column_names:
        table = table.append_column("share", pa.nulls(n, pa.float64()))
    if "given" not in table.column_names:
        table = table.append_column("given", pa.nulls(n, pa.bool_()))
    # Scores of a probe are single precision, those of probabilities may be wider: one table needs one type.
    score = table.column_names.index("score")
    return table.set_column(score, "score", table["score"].cast(pa.float64()))


class _Writer:
    """A table that grows by parts beside its name, and is moved there at the end unless something went wrong."""

    def __init__(self, out: Path) -> None:
        self._out, self._temporary = out, out.with_name(out.name + ".tmp")
        self._writer: Any = None

    def __enter__(self) -> "_Writer":
        self._out.parent.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if self._writer is None:
            kind: Any = pyarrow.csv.CSVWriter if self._out.suffix == ".csv" else pyarrow.parquet.ParquetWriter
            self._writer = kind(str(self._temporary), table.schema)
        self._writer.write_table(table)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if kind is None and self._writer is None:
            raise UsageError("There is nothing to tag: no clip lies in the titles asked for.", "Name other spans.")
        if kind is None:
            self._temporary.replace(self._out)
        else:
            with suppress(OSError):
                self._temporary.unlink()
