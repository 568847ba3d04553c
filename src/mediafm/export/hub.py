"""A folder that Hugging Face `datasets` opens: Parquet in the layout it looks for, and a dataset card.

Nothing of `datasets` is needed to write it: a table's column types are its features.
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow.parquet as pq

from mediafm.export.columns import shots_schema, shots_table, titles_table, without_shots
from mediafm.export.job import Job
from mediafm.export.naming import file_name
from mediafm.export.tables import rows_into, write_clip_tables
from mediafm.export.titles import Title

_SHARD_BYTES = 500 << 20  # the hub's own measure of a shard


def write_datasets(job: Job) -> None:
    """`shots/`, `titles/` and `clips-NAME/` of Parquet files, and `README.md`, the card that names them."""
    selection, folder = job.selection, job.folder
    notes = selection.as_json()
    schema = shots_schema(selection, notes)
    row_bytes = sum(f.dim * (2 if f.dtype == "float16" else 4) for f in selection.of_shots) + 500
    kept: list[Title] = []
    (folder / "shots").mkdir()
    first, shards = next(job.titles, None), 0
    while first is not None:
        with rows_into(folder / "shots" / f"train-{shards:05}.parquet", schema) as shots:
            for title in chain([first], job.titles):
                shots.add(shots_table(title, schema))
                kept.append(without_shots(title))
                if shots.rows * row_bytes >= _SHARD_BYTES:
                    break
        first, shards = next(job.titles, None), shards + 1
    (folder / "titles").mkdir()
    pq.write_table(titles_table(selection, kept, notes), folder / "titles" / "train-00000.parquet")
    for chosen in selection.of_clips:
        (folder / f"clips-{file_name(chosen.name)}").mkdir()
    write_clip_tables(selection, folder, "clips-{}/train-00000.parquet")
    (folder / "README.md").write_text("\n".join(_card(job, kept)) + "\n", encoding="utf-8")


def _card(job: Job, titles: list[Title]) -> Iterator[str]:
    """The dataset card: YAML that `datasets` reads (JSON strings are YAML), and words for people."""
    selection = job.selection
    clips = [f"clips-{file_name(f.name)}" for f in selection.of_clips]
    yield "---"
    yield "configs:"
    for name in ("shots", "titles", *clips):
        yield f"- config_name: {json.dumps(name)}"
        yield f"  data_files: {json.dumps(f'{name}/*.parquet')}"
        yield from ["  default: true"] * (name == "shots")
    yield "tags:\n- video\n- embeddings\n- mediafm"
    yield "---\n"
    yield "# Shots of a film catalogue, with embeddings\n"
    shots = sum(t.record.n_shots for t in titles)
    hours = sum(t.record.duration_s for t in titles) / 3600
    spec = selection.catalog.spec
    yield f"{shots} shots of {len(titles)} titles ({hours:.1f} hours), found and embedded by mediafm with the preset"
    yield f"`{spec.preset}` (shot detector `{spec.detector}`).\n"
    yield "A row of `shots` is a shot: its span in seconds and in ticks of the title's time base, the words spoken in"
    yield "it, and its vectors. A row of `titles` is a title with its metadata. No pictures and no sound are in here.\n"
    yield "```python\nfrom datasets import load_dataset\n"
    yield 'shots = load_dataset("PATH", "shots", split="train")\n```\n'
    yield "## Vectors\n"
    yield "A vector is zero exactly where its `present_` flag is false. Vectors of different makers are never"
    yield "comparable.\n"
    yield "| column | numbers | made by | fingerprint |\n|---|---|---|---|"
    for chosen in selection.of_shots:
        maker = f"{_maker(chosen.as_json())} | {_cell(chosen.fingerprint)}"
        yield f"| `vector_{_cell(chosen.name)}` | {chosen.dim} {chosen.dtype} | {maker} |"
    for name, clip_set in zip(clips, selection.of_clips, strict=True):
        maker = _cell(str(clip_set.facts["made_by"]))
        yield f"| `vector` of `{name}` | {clip_set.dim} {clip_set.dtype} | {maker} | {_cell(clip_set.fingerprint)} |"
    yield "\n## Rights\n"
    yield "Say here under which licence you hand this on: the films' owners and the encoders' licences both count."


def _maker(facts: dict[str, Any]) -> str:
    if facts["source"] == "embedding":
        return f"a checkpoint with context: {facts['context']}"
    if facts["source"] == "fused":
        return f"the modalities joined, centring: {facts['centring']}"
    licence = f" ({_cell(facts['licence'])})" if facts["licence"] else ""
    return f"{_cell(str(facts['encoder']))}{licence}"


def _cell(text: str) -> str:
    """Text that does not break a table of Markdown."""
    return " ".join(text.replace("|", "/").split())
