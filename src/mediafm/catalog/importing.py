"""Bringing one's own features: parquet in, a catalog out, equal in every way to what ingest makes.

Times come in seconds and are kept in ticks of 1/90000 s, the clock of MPEG: exact for 24, 25, 30, 50 and 60 pictures a
second and 0.006 ms fine for anything else. Shots must tile their title; a start that misses the end before it (the
first: zero) by no more than 0.1 s is moved there, since lists of shots are often rounded or leave out a black picture.
A larger gap or overlap fails the title. Imported shots have no frame numbers: they are 0.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.catalog.catalog import Catalog
from mediafm.catalog.checks import to_half
from mediafm.catalog.parquet import ShotTable, read_shots, read_titles
from mediafm.catalog.records import CatalogSpec, EncoderSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.catalog.tables import metadata_to_json
from mediafm.errors import EncoderError, UsageError
from mediafm.progress import SILENT, Progress
from mediafm.types import BoolArray, Features, FloatArray, Metadata, Modality, Shot

TextEncoder = Callable[[list[str]], FloatArray]

TIME_BASE = Fraction(1, 90_000)
_MAX_GAP_S = 0.1
_TEXTS_AT_ONCE = 256
_GROUP_SHOTS = 2048


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did. failures: (title, reason) of every title that was not stored."""

    titles_ok: int
    titles_failed: int
    titles_skipped: int
    shots: int
    failures: tuple[tuple[str, str], ...]


class _BadTitleError(Exception):
    """A title's rows cannot be stored; the text says why."""


@dataclass(frozen=True, slots=True)
class _Title:
    """One title, checked; its text is not yet encoded."""

    title_id: str
    end_pts: NDArray[np.int64]
    features: Features
    texts: list[str]
    lost_frames: NDArray[np.int64]
    metadata: Metadata
    source: TitleSource


def import_features(
    shots_parquet: str | os.PathLike[str],
    titles_parquet: str | os.PathLike[str] | None,
    catalog_uri: str | os.PathLike[str],
    columns: Mapping[Modality, str],
    text_column: str | None = None,
    text_encoder: TextEncoder | None = None,
    text_spec: EncoderSpec | None = None,
    progress: Progress = SILENT,
) -> ImportSummary:
    """Store features that somebody has already, as a new catalog or into one of the same columns.

    shots_parquet: a row a shot, with title_id (or title), shot (0, 1, 2 ... in each title), start_s, end_s, and the
        vector columns; a vector that is empty or all zeros means that the shot lacks the modality. A column lost_frames
        (whole numbers) is kept where there is one.
    titles_parquet: a row a title, with title_id and optionally name, synopsis, tags, genres; the rest is kept as extra.
    columns: modality -> vector column. text_column: the words spoken in the shot, stored and, with a text encoder
        (texts -> float32 [n, dim], described by text_spec), encoded as the modality text, as is each title's metadata.
    The columns needed are held in memory. A title that is stored already just so is skipped. What is wrong with one
    title's rows fails that title; what is wrong with a table raises ImportDataError before anything is stored.
    """
    if (text_encoder is None) != (text_spec is None) or (text_encoder is not None and not text_column):
        raise UsageError("Encoding text takes a text column, an encoder and its description.", "Give all three.")
    if text_encoder is not None and "text" in columns:
        raise UsageError("Text features come either from a vector column or from a text encoder.", "Name only one.")
    shots = read_shots(shots_parquet, columns, text_column)
    metadata, twice = read_titles(titles_parquet) if titles_parquet is not None else (None, set())
    catalog = Catalog.open_or_create(catalog_uri, _spec(shots, columns, text_spec))
    run = _Import(catalog, os.fspath(shots_parquet), text_encoder, progress)
    progress.start("import", len(shots.shot), "shots")
    with catalog.batch_writer() as batch:
        for group in _groups(shots, metadata, twice, run):
            run.store(group, batch.writer)
            batch.flush()
    progress.end(titles=run.ok, failed=len(run.failures), skipped=run.skipped)
    return ImportSummary(run.ok, len(run.failures), run.skipped, run.shots, tuple(run.failures))


def _spec(shots: ShotTable, columns: Mapping[Modality, str], text_spec: EncoderSpec | None) -> CatalogSpec:
    encoders: dict[Modality, EncoderSpec] = {}
    for modality, column in columns.items():
        dim = int(shots.vectors[modality].shape[1])
        encoders[modality] = EncoderSpec(column, dim, f"import:{column}:{dim}")
    if text_spec is not None:
        encoders["text"] = text_spec
    return CatalogSpec("import", "import", encoders)


def _groups(
    shots: ShotTable, metadata: Mapping[str, Metadata] | None, twice: set[str], run: "_Import"
) -> Iterator[list[_Title]]:
    """Titles to store, in id order, some thousand shots at a time; the others are dealt with on the way."""
    group: list[_Title] = []
    for title_id in sorted(set(shots.rows) | set(metadata or ())):
        try:
            title = _checked(title_id, shots, metadata, twice, run.path)
        except _BadTitleError as error:
            run.fail(title_id, str(error), len(shots.rows.get(title_id, ())))
            continue
        if run.has(title):
            run.skip(title)
            continue
        group.append(title)
        if sum(len(t.end_pts) for t in group) >= _GROUP_SHOTS:
            yield group
            group = []
    if group:
        yield group


# one title's rows ---------------------------------------------------------------------------------------------------


def _checked(
    title_id: str, shots: ShotTable, metadata: Mapping[str, Metadata] | None, twice: set[str], path: str
) -> _Title:
    if title_id not in shots.rows:
        raise _BadTitleError("it is in the table of titles but has no shots")
    if metadata is not None and title_id not in metadata:
        raise _BadTitleError("it has shots but is not in the table of titles")
    if title_id in twice:
        raise _BadTitleError("it has more than one row in the table of titles")
    rows = shots.rows[title_id]
    _check_numbers(shots.shot[rows])
    end_pts = _end_pts(shots.start_s[rows], shots.end_s[rows])
    features = _features({m: v[rows] for m, v in shots.vectors.items()})
    texts = [shots.texts[r] for r in rows.tolist()] if shots.texts is not None else [""] * len(rows)
    lost = shots.lost_frames[rows]
    known = metadata[title_id] if metadata is not None else Metadata()
    about = hashlib.sha256(metadata_to_json(known).encode()).hexdigest()
    source = TitleSource(path, _content_hash(end_pts, features, texts, lost), about)
    return _Title(title_id, end_pts, features, texts, lost, known, source)


def _check_numbers(shot: NDArray[np.int64]) -> None:
    repeated = np.flatnonzero(shot[1:] == shot[:-1])
    if len(repeated):
        raise _BadTitleError(f"shot {shot[repeated[0]]} occurs twice")
    wrong = np.flatnonzero(shot != np.arange(len(shot)))
    if len(wrong):
        due, found = int(wrong[0]), int(shot[wrong[0]])
        raise _BadTitleError(f"shot numbers have a gap: {found} stands where {due} is due")


def _end_pts(start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ends in ticks; the starts are the ends before them."""
    bad = np.flatnonzero(~(np.isfinite(start_s) & np.isfinite(end_s)))
    if len(bad):
        raise _BadTitleError(f"shot {bad[0]} has no start or end")
    backwards = np.flatnonzero(end_s <= start_s)
    if len(backwards):
        i = backwards[0]
        raise _BadTitleError(f"shot {i} ends at {end_s[i]:.3f} s but starts at {start_s[i]:.3f} s")
    due_s = np.concatenate([[0.0], end_s[:-1]])
    apart = np.flatnonzero(np.abs(start_s - due_s) > _MAX_GAP_S + 1e-6)  # a float's width of mercy
    if len(apart):
        i = apart[0]
        where = f"ends at {due_s[i]:.3f} s" if i else "begins at 0 s"
        raise _BadTitleError(f"shot {i} starts at {start_s[i]:.3f} s but what comes before it {where}")
    ends = np.round(end_s * float(1 / TIME_BASE)).astype(np.int64)
    empty = np.flatnonzero(np.diff(ends, prepend=0) <= 0)
    if len(empty):
        raise _BadTitleError(f"shot {empty[0]} ends no later than the shot before it")
    return ends


def _features(vectors: dict[Modality, NDArray[Any]]) -> Features:
    for modality, values in vectors.items():
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            raise _BadTitleError(f"the {modality} vector of shot {bad[0]} holds a NaN or an infinity")
    half = to_half(Features(vectors, {m: _not_zero(v) for m, v in vectors.items()}))
    for modality, values in half.vectors.items():
        large = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(large):
            raise _BadTitleError(f"the {modality} vector of shot {large[0]} is too large for half precision: scale it")
        small = np.flatnonzero(values.any(axis=1) != half.present[modality])
        if len(small):
            raise _BadTitleError(f"the {modality} vector of shot {small[0]} is too small for half precision: scale it")
    return half


def _not_zero(vectors: NDArray[Any]) -> BoolArray:
    return np.asarray(vectors.any(axis=1))


def _content_hash(
    end_pts: NDArray[np.int64], features: Features, texts: list[str], lost_frames: NDArray[np.int64]
) -> str:
    digest = hashlib.sha256(end_pts.tobytes())
    for modality, vectors in features.vectors.items():
        digest.update(f"{modality}{vectors.shape}".encode())
        digest.update(np.ascontiguousarray(vectors).tobytes())
    digest.update("\0".join(texts).encode())
    if lost_frames.any():  # tables without them keep the hash they had
        digest.update(lost_frames.tobytes())
    return digest.hexdigest()


# storing ------------------------------------------------------------------------------------------------------------


@dataclass
class _Import:
    """One run: the catalog it goes to and what has become of the titles."""

    catalog: Catalog
    path: str
    text_encoder: TextEncoder | None
    progress: Progress
    ok: int = 0
    skipped: int = 0
    shots: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stored = {r.title_id: r for r in self.catalog.titles()}
        self._failed = {f.title_id for f in self.catalog.failures()}

    def has(self, title: _Title) -> bool:
        record = self._stored.get(title.title_id)
        source = title.source
        return record is not None and self.catalog.is_made_of(
            record, source.source_fingerprint, source.inputs_fingerprint
        )

    def skip(self, title: _Title) -> None:
        self.skipped += 1
        if title.title_id in self._failed:
            self.catalog.clear_failure(title.title_id)
        self.progress.advance(len(title.end_pts), title=title.title_id)

    def fail(self, title_id: str, reason: str, n_shots: int) -> None:
        self.failures.append((title_id, reason))
        self.progress.advance(n_shots, title=title_id)
        self.catalog.record_failure(title_id, self.path, reason)

    def store(self, group: list[_Title], writer: Callable[[str, TitleSource], Any]) -> None:
        encoded = self._encode({text for t in group for text in (*t.texts, t.metadata.as_text()) if text})
        for title in group:
            features = _with_text(title, encoded, self.catalog.spec) if self.text_encoder else title.features
            with writer(title.title_id, title.source) as w:
                w.append(_records(title), features)
                w.commit(_record(title, features), encoded.get(title.metadata.as_text()))
            self.ok += 1
            self.shots += len(title.end_pts)
            self.progress.advance(len(title.end_pts), title=title.title_id)

    def _encode(self, texts: set[str]) -> dict[str, FloatArray]:
        if self.text_encoder is None:
            return {}
        encoder, ordered = self.catalog.spec.encoders["text"], sorted(texts)
        encoded: dict[str, FloatArray] = {}
        for start in range(0, len(ordered), _TEXTS_AT_ONCE):
            batch = ordered[start : start + _TEXTS_AT_ONCE]
            vectors = np.asarray(self.text_encoder(batch))
            if vectors.shape != (len(batch), encoder.dim) or not np.isfinite(vectors).all():
                raise EncoderError(
                    f"The text encoder {encoder.name} gave vectors of shape {vectors.shape} for {len(batch)} texts, or "
                    f"not finite ones; due were ({len(batch)}, {encoder.dim}).",
                    "Titles stored so far stay; correct the encoder and import again.",
                )
            encoded.update(zip(batch, vectors.astype(np.float32), strict=True))
        return encoded


def _with_text(title: _Title, encoded: Mapping[str, FloatArray], spec: CatalogSpec) -> Features:
    nothing = np.zeros(spec.encoders["text"].dim, np.float32)
    vectors = np.stack([encoded.get(text, nothing) for text in title.texts]).astype(np.float16)
    return Features({**title.features.vectors, "text": vectors}, {**title.features.present, "text": _not_zero(vectors)})


def _records(title: _Title) -> list[ShotRecord]:
    ends = title.end_pts.tolist()
    rows = zip([0, *ends[:-1]], ends, title.texts, title.lost_frames.tolist(), strict=True)
    shots = [
        ShotRecord.from_shot(Shot(i, a, b, 0, 0), TIME_BASE, text, lost_frames=lost)
        for i, (a, b, text, lost) in enumerate(rows)
    ]
    return [replace(shot, has_text=bool(shot.text)) for shot in shots]


def _record(title: _Title, features: Features) -> TitleRecord:
    present = {m: bool(p.any()) for m, p in features.present.items()}
    return TitleRecord(
        title_id=title.title_id,
        time_base=TIME_BASE,
        end_pts=int(title.end_pts[-1]),
        has_video=present.get("video", False),
        has_audio=present.get("audio", False),
        has_text=present.get("text", any(title.texts)),
        metadata=title.metadata,
    )
