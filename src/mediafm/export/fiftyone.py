"""FiftyOne: a data set of video samples with their shots, chapters and hits as temporal detections, tags and vectors.

Written is the JSON form of `fiftyone.types.FiftyOneDataset` of before FiftyOne 0.8, which later versions read and turn
into their own, because it holds nothing but samples; today's own holds the state of FiftyOne's database. So it takes no
FiftyOne to write, and one call to read. Films stay where they are.
"""

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.errors import CatalogError
from mediafm.export.choosing import Selection
from mediafm.export.hits import Hit
from mediafm.export.job import Job
from mediafm.export.place import write_json
from mediafm.export.timing import Clock, clock_of, span_of, spans_of
from mediafm.export.titles import Title, film_of
from mediafm.storage import is_remote
from mediafm.types import FloatArray


def write_fiftyone(job: Job) -> None:
    """`samples.json` (a sample a line), `metadata.json`, and the empty `frames/` that the form asks for.

    Fields of a sample: title_id, name, synopsis, genres, tags, shots, chapters, hits (temporal detections by picture,
    from 1), and for each of the chosen feature sets `vector_NAME`: the title's own vector of an embedding set, the mean
    of its shots otherwise; each shot carries its own. Titles without film or pictures are left out and told by the job;
    CatalogError where none is left.
    """
    (job.folder / "frames").mkdir()
    count = 0
    with (job.folder / "samples.json").open("w", encoding="utf-8") as file:
        file.write('{"samples": [')
        for title in job.titles:
            if not film_of(title.record) or not title.record.frames:
                job.tell("left_out_without_pictures", title.record.title_id)
                continue
            name = f"frames/{count:06}.json"
            sample = {**_sample(job, title), "frames": name}
            file.write(("," if count else "") + "\n" + json.dumps(sample, ensure_ascii=False, allow_nan=False))
            (job.folder / name).write_text('{"frames": {}}\n', "utf-8")
            count += 1
        file.write("\n]}\n")
    if not count:
        raise CatalogError(
            "None of these titles has a film with pictures.", "FiftyOne shows films: ingest them, or export parquet."
        )
    _write_metadata(job.selection, job.folder)


def _write_metadata(selection: Selection, folder: Path) -> None:
    write_json(folder / "metadata.json", {"media_type": "video", "info": {"mediafm": selection.as_json()}})


def _sample(job: Job, title: Title) -> dict[str, Any]:
    record, known = title.record, title.record.metadata
    film = film_of(record)
    if is_remote(film):
        job.tell("film_not_local", record.title_id)
    clock = clock_of(title)
    if not clock.constant:
        job.tell("approximate_frames", record.title_id)
    sample: dict[str, Any] = {
        "filepath": film if is_remote(film) else str(Path(film).absolute()),
        "tags": [*known.tags],
        "metadata": {
            "_cls": "VideoMetadata",
            "frame_width": record.width,
            "frame_height": record.height,
            "frame_rate": float(clock.rate) if clock.constant else record.fps,
            "total_frame_count": record.frames,
            "duration": record.duration_s,
        },
        "title_id": record.title_id,
        "name": known.name,
        "synopsis": known.synopsis,
        "genres": {"_cls": "Classifications", "classifications": [_label("Classification", g) for g in known.genres]},
        "shots": _detections(_shots(title)),
    }
    for field, marks in (("chapters", job.chapters_of(title)), ("hits", job.hits_of(title))):
        if marks:
            sample[field] = _detections([_mark(field, mark, title, clock) for mark in marks])
    for name, vectors in title.vectors.items():
        whole = title.whole.get(name)
        present = title.present[name]
        if whole is None and present.any() and name not in job.selection.missing:
            whole = vectors[present].astype(np.float32).mean(axis=0)
        if whole is not None:
            sample[f"vector_{_field(name)}"] = _array(whole)
    return sample


def _shots(title: Title) -> list[dict[str, Any]]:
    """Temporal detections of the shots that have pictures."""
    first, end = title.shots["start_frame"].to_pylist(), title.shots["end_frame"].to_pylist()
    texts, lost = title.shots["text"].to_pylist(), title.shots["lost_frames"].to_pylist()
    found = []
    for shot in range(len(title)):
        if end[shot] <= first[shot]:
            continue  # sound beyond the last picture
        facts: dict[str, Any] = {"shot": shot, "text": texts[shot], "lost_frames": lost[shot]}
        for name, vectors in title.vectors.items():
            if title.present[name][shot]:
                facts[f"vector_{_field(name)}"] = _array(vectors[shot].astype(np.float32))
        found.append({**_label("TemporalDetection", "shot"), "support": [first[shot] + 1, end[shot]], **facts})
    return found


def _mark(field: str, mark: Hit, title: Title, clock: Clock) -> dict[str, Any]:
    last = title.record.frames
    if clock.constant:
        first, end = span_of(mark.start_s, mark.end_s, clock, int(spans_of(title, clock)[-1, 1]))
    else:
        first, end = (round(t * title.record.fps) for t in (mark.start_s, mark.end_s))
    support = [min(first + 1, last), min(max(end, first + 1), last)]
    label = mark.text or f"chapter {mark.rank}" if field == "chapters" else "hit"
    facts: dict[str, Any] = {"rank": mark.rank, "text": mark.text, "start_s": mark.start_s, "end_s": mark.end_s}
    if mark.score is not None:
        facts["confidence"] = mark.score
    return {**_label("TemporalDetection", label), "support": support, **facts}


def _label(kind: str, label: str) -> dict[str, Any]:
    return {"_cls": kind, "tags": [], "label": label}


def _detections(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"_cls": "TemporalDetections", "detections": found}


def _array(vector: FloatArray) -> dict[str, Any]:
    """A vector as FiftyOne keeps it: the bytes of a `.npy` file, compressed, in extended JSON."""
    file = io.BytesIO()
    np.save(file, vector, allow_pickle=False)
    return {"$binary": {"base64": base64.b64encode(zlib.compress(file.getvalue())).decode(), "subType": "00"}}


def _field(name: str) -> str:
    """A set's name as a field's: letters, digits and underscores."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
