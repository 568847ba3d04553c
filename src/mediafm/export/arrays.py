"""NumPy: one memory-mappable `.npy` file a column over all shots, and JSON that says whose rows they are."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mediafm.export.choosing import FeatureSet
from mediafm.export.columns import PRESENT, VECTOR, iter_clips
from mediafm.export.job import Job
from mediafm.export.naming import file_name
from mediafm.export.place import write_json
from mediafm.export.titles import Title, film_of

_TIMES: dict[str, DTypeLike] = {
    "start_s": np.float64,
    "end_s": np.float64,
    "start_pts": np.int64,
    "end_pts": np.int64,
}


def write_numpy(job: Job) -> None:
    """Rows are shots, title after title: rows `starts[i]:starts[i + 1]` of every file are the shots of title i.

    `vector_NAME.npy` [N, dim], `present_NAME.npy` [N], `start_s.npy` and the other times [N], `texts.jsonl` (a JSON
    string a line), and `titles.json` with `starts`, the titles and what made each vector. Embedding sets' vectors of
    whole titles are `title_vector_NAME.npy` [titles, dim], clips `clips-NAME.vector.npy` beside `clips-NAME.json`.
    """
    selection, folder = job.selection, job.folder
    kept: list[Title] = []
    starts = [0]
    with ExitStack() as stack:
        files = {name: stack.enter_context(Rows(folder / f"{name}.npy", kind)) for name, kind in _TIMES.items()}
        for chosen in selection.of_shots:
            for prefix, kind, width in ((VECTOR, chosen.dtype, chosen.dim), (PRESENT, np.bool_, None)):
                name = prefix + chosen.name
                files[name] = stack.enter_context(Rows(folder / f"{file_name(name)}.npy", kind, width))
        texts = stack.enter_context((folder / "texts.jsonl").open("w", encoding="utf-8"))
        for title in job.titles:
            for name in _TIMES:
                files[name].add(title.shots[name].to_numpy())
            for name, vectors in title.vectors.items():
                files[VECTOR + name].add(vectors)
                files[PRESENT + name].add(title.present[name])
            texts.writelines(json.dumps(text, ensure_ascii=False) + "\n" for text in title.shots["text"].to_pylist())
            starts.append(starts[-1] + len(title))
            kept.append(Title(title.record, title.shots.slice(0, 0), {}, {}, title.whole))
    for chosen in (f for f in selection.of_shots if f.source == "embedding"):
        _write_whole(folder, chosen, kept)
    for chosen in selection.of_clips:
        _write_clips(job, chosen)
    about = {"starts": starts, "titles": [_about(title) for title in kept], **selection.as_json()}
    write_json(folder / "titles.json", about)


class Rows:
    """A `.npy` file that rows are appended to; its header, which counts them, is right once it is closed."""

    def __init__(self, path: Path, dtype: DTypeLike, width: int | None = None) -> None:
        self._path, self._dtype, self._tail = path, np.dtype(dtype), () if width is None else (width,)
        self._count = 0

    def __enter__(self) -> Self:
        self._file: BinaryIO = self._path.open("wb")
        self._write_header()
        return self

    def __exit__(self, *failure: object) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()  # numpy leaves room for any count, so it is as long as before

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows [n] or [n, width]."""
        assert rows.shape[1:] == self._tail, (self._path, rows.shape)
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._count += len(rows)

    def _write_header(self) -> None:
        described = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._count, *self._tail),
        }
        np.lib.format.write_array_header_1_0(self._file, described)


def _write_whole(folder: Path, chosen: FeatureSet, titles: list[Title]) -> None:
    nothing = np.zeros(chosen.dim, np.float32)
    with Rows(folder / f"{file_name('title_' + VECTOR + chosen.name)}.npy", np.float32, chosen.dim) as vectors:
        vectors.add(np.stack([t.whole.get(chosen.name, nothing) for t in titles]))
    with Rows(folder / f"{file_name('title_' + PRESENT + chosen.name)}.npy", np.bool_) as present:
        present.add(np.array([chosen.name in t.whole for t in titles]))


def _write_clips(job: Job, chosen: FeatureSet) -> None:
    name, rows = f"clips-{file_name(chosen.name)}", []
    with Rows(job.folder / f"{name}.vector.npy", np.float32, chosen.dim) as vectors:
        for clips in iter_clips(job.selection, chosen):
            vectors.add(clips.vectors)
            spans = zip(clips.start_s.tolist(), clips.end_s.tolist(), strict=True)
            rows += [{"title_id": clips.title_id, "start_s": start, "end_s": end} for start, end in spans]
    write_json(job.folder / f"{name}.json", {"clips": rows, **chosen.as_json()})


def _about(title: Title) -> dict[str, Any]:
    record, known = title.record, title.record.metadata
    return {
        "title_id": record.title_id,
        "shots": record.n_shots,
        "duration_s": record.duration_s,
        "time_base": [record.time_base.numerator, record.time_base.denominator],
        "film": film_of(record) or None,
        "name": known.name,
        "synopsis": known.synopsis,
        "tags": list(known.tags),
        "genres": list(known.genres),
        "extra": dict(known.extra),
    }
