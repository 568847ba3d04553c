"""A catalog in memory with a story to learn: scenes of a few shots around recurring places, speech in most shots."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from mediafm.types import Features, FloatArray

DIMS = {"video": 12, "text": 8}


class FakeCatalog:
    """As much of a catalog as pretraining reads. Titles t00, t01 ...; every third has no metadata (t02 the first)."""

    uri = "memory"

    def __init__(self, titles: int = 12, shots: int = 60, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        encoders = {m: SimpleNamespace(name=f"fake-{m}", dim=d, fingerprint=m, licence="MIT") for m, d in DIMS.items()}
        self.spec = SimpleNamespace(preset="fake", detector="none", encoders=encoders)
        places = rng.normal(size=(5, sum(DIMS.values())))
        self.held = {f"t{i:02d}": make_features(places, shots, rng) for i in range(titles)}
        vectors = rng.normal(size=(titles, DIMS["text"])).astype(np.float32)
        self.globals = {title: vectors[i] if (i + 1) % 3 else None for i, title in enumerate(self.held)}

    def iter_features(self) -> Iterator[tuple[str, Features]]:
        return iter(self.held.items())

    def global_vector(self, title_id: str) -> FloatArray | None:
        return self.globals[title_id]

    def spans(self, title_id: str) -> tuple[np.ndarray, np.ndarray]:
        """A shot a second."""
        starts = np.arange(len(self.held[title_id]), dtype=np.float64)
        return starts, starts + 1


def make_features(places: np.ndarray, shots: int, rng: np.random.Generator) -> Features:
    scene_of_shot = np.cumsum(rng.random(shots) < 0.2)
    place_of_scene = rng.integers(len(places), size=shots + 1)
    rows = places[place_of_scene[scene_of_shot]] + 0.5 * rng.normal(size=(shots, places.shape[1]))
    video, text = rows[:, : DIMS["video"]].astype(np.float16), rows[:, DIMS["video"] :].astype(np.float16)
    spoken = rng.random(shots) < 0.8
    text[~spoken] = 0
    return Features({"video": video, "text": text}, {"video": np.ones(shots, np.bool_), "text": spoken})
