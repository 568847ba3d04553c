"""The attentive probe: instead of the mean of a clip's shots, a weighted mean whose weights are learned.

Each label has a query of its own that attends over the shots of an example (as attentive probes of V-JEPA do, Bardes et
al. 2024), and a linear layer on what it gathers. It is not linear in the vectors and has many more parameters: an
upper line beside the linear probe, not a replacement. Trained by AdamW; the training titles held out in the first inner
group choose the number of epochs.

Shapes: E examples of a batch, S shots of the longest, D features, H attention width, C outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch import Tensor, nn

from mediafm.errors import UsageError
from mediafm.probes.fitting import best_f1_threshold
from mediafm.probes.metrics import Predictions
from mediafm.probes.splits import Fold
from mediafm.probes.tasks import CLASSIFYING
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.probes.bench import Bench, Probed

WIDTH = 64
EPOCHS, PATIENCE = 60, 8
BATCH = 256
RATE, WEIGHT_DECAY = 1e-3, 1e-2


class AttentiveProbe(nn.Module):
    """Scores [E, C] of padded shots [E, S, D]; present: bool [E, S]."""

    def __init__(self, dim: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.key = nn.Linear(dim, WIDTH)
        self.value = nn.Linear(dim, WIDTH)
        self.query = nn.Parameter(torch.empty(outputs, WIDTH))
        self.out = nn.Parameter(torch.empty(outputs, WIDTH))
        self.bias = nn.Parameter(torch.zeros(outputs))
        for parameter in (self.key.weight, self.value.weight, self.query, self.out):
            bound = parameter.shape[-1] ** -0.5
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        nn.init.zeros_(self.key.bias)
        nn.init.zeros_(self.value.bias)

    def forward(self, shots_ESD: Tensor, present_ES: Tensor) -> Tensor:
        """The weighted means, each label's own, and what its linear layer makes of them."""
        match_ECS = torch.einsum("ch,esh->ecs", self.query, self.key(shots_ESD)) * WIDTH**-0.5
        weight_ECS = match_ECS.masked_fill(~present_ES[:, None], -torch.inf).softmax(dim=-1)
        gathered_ECH = weight_ECS @ self.value(shots_ESD)
        return (gathered_ECH * self.out).sum(dim=-1) + self.bias


@dataclass(frozen=True, slots=True)
class _Taught:
    """A trained probe with its standardisation."""

    model: AttentiveProbe
    mean: FloatArray
    scale: FloatArray

    @torch.inference_mode()
    def scores(self, runs: Sequence[FloatArray]) -> FloatArray:
        """Scores of examples, float32 [n, C]."""
        parts = [self.model(*_padded(runs[at : at + BATCH], self)).numpy() for at in range(0, len(runs), BATCH)]
        return np.concatenate(parts)


def probe_attentively(bench: "Bench", name: str) -> "Probed":
    """Attentive probes of a feature set on every fold. UsageError where an example has one vector only."""
    from mediafm.probes.bench import Probed, joined

    if bench.task.unit == "shot" or bench.task.kind == "ranking":
        raise UsageError(
            f"An attentive probe weighs the shots of a clip or title; task {bench.task.name!r} is a {bench.task.kind} "
            f"task of {bench.task.unit}s.",
            "Leave --attentive out.",
        )
    said, examples, dim = [], bench.examples, 0
    for number, (fold, judged) in enumerate(zip(bench.folds, bench.judging, strict=True)):
        source = bench.sources[number if bench.sources[0].depends_on_training(name) else 0]
        runs = source.runs(name, examples, bench.task)
        dim = runs[0].shape[1]
        rows = np.flatnonzero(np.isin(examples.title, fold.train))
        taught, threshold = _teach(runs, rows, _first_group(examples.title[rows], fold), bench, number)
        scores = taught.scores([runs[row] for row in judged])
        if bench.task.kind == "multiclass":
            said.append(Predictions(log_softmax(scores, axis=1)))
        else:
            said.append(Predictions(scores, scores >= threshold if bench.task.kind in CLASSIFYING else None))
    known = np.ones(len(bench.tested), dtype=bool)
    return Probed(name, joined(said), known, dim, [], [], 0.0, linear=False)


def _first_group(title: NDArray[np.int64], fold: Fold) -> NDArray[np.bool_]:
    return np.isin(title, fold.inner[0])


def _teach(
    runs: Sequence[FloatArray], rows: NDArray[np.int64], held: NDArray[np.bool_], bench: "Bench", seed: int
) -> tuple[_Taught, FloatArray]:
    """Train on the rows that are not held, keep the epoch that the held ones like best; thresholds from those."""
    generator = torch.Generator().manual_seed(seed)
    truth = bench.examples.truth
    shots = np.concatenate([runs[row] for row in rows[~held]])
    scale = shots.std(axis=0)
    outputs = len(bench.examples.classes) or truth.shape[1]
    probe = _Taught(
        AttentiveProbe(shots.shape[1], outputs, generator), shots.mean(axis=0), np.where(scale > 1e-6, scale, 1.0)
    )
    optimizer = torch.optim.AdamW(probe.model.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    best, waited, kept = np.inf, 0, {k: v.clone() for k, v in probe.model.state_dict().items()}
    asked, teaching = rows[held], rows[~held]
    for _ in range(EPOCHS):
        order = teaching[torch.randperm(len(teaching), generator=generator).numpy()]
        for at in range(0, len(order), BATCH):
            batch = order[at : at + BATCH]
            loss = _loss(probe.model(*_padded([runs[row] for row in batch], probe)), truth[batch], bench)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.inference_mode():
            left = float(_loss(torch.from_numpy(probe.scores([runs[row] for row in asked])), truth[asked], bench))
        waited += 1
        if left < best:
            best, waited, kept = left, 0, {k: v.clone() for k, v in probe.model.state_dict().items()}
        if waited >= PATIENCE:
            break
    probe.model.load_state_dict(kept)
    if bench.task.kind not in CLASSIFYING:
        return probe, np.zeros(outputs, np.float32)
    scores = probe.scores([runs[row] for row in asked])
    found = [best_f1_threshold(truth[asked, i].astype(bool), scores[:, i]) for i in range(outputs)]
    return probe, np.array(found, np.float32)


def _loss(scores: Tensor, truth: NDArray[np.generic], bench: "Bench") -> Tensor:
    if bench.task.kind == "multiclass":
        return nn.functional.cross_entropy(scores, torch.from_numpy(truth[:, 0].astype(np.int64)))
    target = torch.from_numpy(truth.astype(np.float32))
    if bench.task.kind in CLASSIFYING:
        return nn.functional.binary_cross_entropy_with_logits(scores, target)
    return nn.functional.mse_loss(scores, target)


def _padded(runs: Sequence[FloatArray], probe: _Taught) -> tuple[Tensor, Tensor]:
    longest = max(len(run) for run in runs)
    shots_ESD = np.zeros((len(runs), longest, len(probe.mean)), np.float32)
    present_ES = np.zeros((len(runs), longest), dtype=bool)
    for number, run in enumerate(runs):
        shots_ESD[number, : len(run)] = (run - probe.mean) / probe.scale
        present_ES[number, : len(run)] = True
    return torch.from_numpy(shots_ESD), torch.from_numpy(present_ES)
