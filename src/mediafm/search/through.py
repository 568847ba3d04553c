"""Words by way of a model: what shot does a checkpoint expect where these words are spoken?

A hidden shot is put between two shots that hold nothing but the words, by themselves or at a place of a title, and the
checkpoint predicts its fused embedding, as it does in pretraining. What is found are the shots whose own fused
embedding (under the checkpoint's fusion) lies nearest.

Shapes: S shots of the sequence, N shots of the catalog, D fused size.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mediafm.errors import CatalogError, UsageError
from mediafm.search.example import Example, example_weights
from mediafm.types import Features, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

NEIGHBOURS = 32  # shots of the named place, on either side of the words
WORDS_S = 4.0  # how long the three shots are said to be, each


class Through:
    """A checkpoint that words go through. MismatchError where it was trained on other encoders than the catalog's."""

    def __init__(self, catalog: "Catalog", run: str, context: Example | None = None) -> None:
        from mediafm.embed import check_encoders
        from mediafm.fusion import FusionStats
        from mediafm.model import Checkpoint

        self.checkpoint: Checkpoint = Checkpoint.load(run)
        check_encoders(catalog, self.checkpoint)
        if "text" not in catalog.spec.encoders:
            raise CatalogError("The catalog holds no text vectors for words to go through.", "Search by --like.")
        self._catalog, self._context = catalog, context
        self._stats = FusionStats.from_arrays(self.checkpoint.fusion_arrays, self.checkpoint.fusion_meta)

    @property
    def name(self) -> str:
        """The checkpoint's."""
        return self.checkpoint.name

    def predicted(self, words_D: FloatArray) -> FloatArray:
        """The fused embedding that the checkpoint expects among these words, unit [D]."""
        import torch

        from mediafm.fusion import fuse

        before, after, global_G = self._surroundings()
        said = fuse(_words_only(self._catalog, words_D), self._stats)[0]
        fused_SD = np.concatenate([before, said, said, said, after])
        hidden = len(before) + 1
        masked = torch.zeros(len(fused_SD), dtype=torch.bool)
        masked[hidden] = True
        model = self.checkpoint.model.eval()
        starts_S = np.arange(len(fused_SD), dtype=np.float32) * WORDS_S
        times_S2 = torch.from_numpy(np.stack([starts_S, starts_S + WORDS_S], axis=1))
        known = global_G is not None and model.config.global_dim
        global_1G = torch.from_numpy(np.asarray(global_G, dtype=np.float32))[None] if known else None
        with torch.inference_mode():
            states = model.encode(torch.from_numpy(fused_SD), [len(fused_SD)], masked, global_1G, times_S2)
            predicted_D = model.head(states.shots_NH[hidden : hidden + 1])[0].float().numpy()
        return np.asarray(predicted_D / max(float(np.linalg.norm(predicted_D)), 1e-12), dtype=np.float32)

    def scores(self, words_D: FloatArray) -> Iterator[tuple[str, FloatArray]]:
        """(title, cosine of each of its shots with the prediction, -inf for a shot of nothing), title by title."""
        from mediafm.fusion import fuse

        wanted_D = self.predicted(words_D)
        for title, features in self._catalog.iter_features():
            fused_SD, _ = fuse(features, self._stats)
            yield title, np.where(fused_SD.any(axis=1), fused_SD @ wanted_D, -np.inf).astype(np.float32)

    def _surroundings(self) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Fused shots before and after the words, and the metadata vector, of the named place; nothing without one."""
        nothing = np.zeros((0, self._stats.spec.dim), dtype=np.float32)
        if self._context is None:
            return nothing, nothing, None
        from mediafm.fusion import fuse

        title = self._context.title
        inside = np.flatnonzero(example_weights(self._catalog, self._context) > 0)
        middle = int(inside[len(inside) // 2])
        room = min(NEIGHBOURS, (self.checkpoint.config.max_shots - 3) // 2)
        if room < 0:
            raise UsageError(f"Checkpoint {self.name} reads too few shots for this.", "Search without --through.")
        fused_SD, _ = fuse(self._catalog.features(title), self._stats)
        around = fused_SD[max(0, middle - room) : middle], fused_SD[middle : middle + room]
        return *around, self._catalog.global_vector(title)


def _words_only(catalog: "Catalog", words_D: FloatArray) -> Features:
    """One shot that holds the words and nothing else."""
    vectors = {m: np.zeros((1, dim), dtype=np.float32) for m, dim in catalog.spec.dims.items()}
    vectors["text"] = words_D[None]
    return Features(vectors, {m: np.array([m == "text"]) for m in vectors})
