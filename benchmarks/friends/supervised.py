"""The ceiling: the same transformer trained end to end on the labels, from scratch.

Shapes: N shots of a batch, one title after the other; B titles; L labels; H hidden.
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from bench import Bench
from series import TASKS, Friends
from torch import Tensor, nn
from vectors import shape_of

from mediafm.config import Recipe, ScheduleRecipe
from mediafm.fusion import FusionStats, fuse
from mediafm.model import ShotTransformer
from mediafm.probes.metrics import average_precision
from mediafm.sequences import split_titles
from mediafm.train import make_optimizers, rate_factor
from mediafm.types import FloatArray


@dataclass(frozen=True, slots=True)
class Teaching:
    """How the labels are taught, at the rates of pretraining times `rate`.

    A share of the last training season's titles says when to stop.
    """

    rate: float = 1.0
    dropout: float = 0.1
    epochs: int = 16
    patience: int = 6
    shots_per_step: int = 2048
    stopping_share: float = 1 / 3


TEACHING = Teaching()


@dataclass(frozen=True, slots=True)
class _Title:
    fused_ND: Tensor
    story_G: Tensor
    times_N2: Tensor
    truth_NL: Tensor


class _Tagger(nn.Module):
    """The transformer with a linear head of labels on its last layer."""

    def __init__(self, model: ShotTransformer, labels: int) -> None:
        super().__init__()
        self.model = model
        self.labels = nn.Linear(model.config.hidden, labels)
        nn.init.zeros_(self.labels.weight)
        nn.init.zeros_(self.labels.bias)

    def hidden_matrices(self) -> dict[str, int]:
        """As the model's own, under the names they have here."""
        return {f"model.{name}": stacked for name, stacked in self.model.hidden_matrices().items()}

    def forward(self, titles: list[_Title]) -> Tensor:
        """Logits [N, L]."""
        encoded = self.model.encode(
            torch.cat([t.fused_ND for t in titles]),
            [len(t.fused_ND) for t in titles],
            global_BG=torch.stack([t.story_G for t in titles]),
            times_N2=torch.cat([t.times_N2 for t in titles]),
        )
        return self.labels(encoded.shots_NH)


def supervise(
    friends: Friends, bench: Bench, stats: FusionStats, recipe: Recipe, teaching: Teaching = TEACHING
) -> tuple[FloatArray, dict[str, float]]:
    """Train on the labels; logits of the test season's shots [N, L] and how it went."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    titles = _titles(friends, bench, stats, device)
    last = [t for t in titles if t.startswith(bench.split.train[-1])]
    stopping = split_titles(last, teaching.stopping_share, seed=0)[1]
    taught = [title for name, title in titles.items() if bench.split.teaches(name) and name not in stopping]
    asked = [titles[name] for name in stopping]
    generator = torch.Generator().manual_seed(recipe.run.seed)
    shape = replace(shape_of(stats, friends, recipe), dropout=teaching.dropout)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.run.seed)  # of dropout, which takes no generator
        tagger = _Tagger(ShotTransformer(shape, generator), len(bench.examples.names)).to(device)
        optimizers = make_optimizers(tagger, recipe.optimizer)  # type: ignore[arg-type]
        best, epoch = _learn(tagger, list(optimizers.values()), taught, asked, bench, teaching)
    tested = [title for name, title in titles.items() if not bench.split.teaches(name)]
    return _logits(tagger, tested).numpy(), {"stopping_score": best, "best_epoch": epoch}


def _titles(friends: Friends, bench: Bench, stats: FusionStats, device: torch.device) -> dict[str, _Title]:
    found = {}
    for number, name in enumerate(bench.titles):
        truth = bench.examples.truth[bench.examples.title == number].astype(np.float32)
        fused = fuse(friends.features(name), stats)[0]
        parts = (fused, friends.global_vector(name), friends.times(name), truth)
        found[name] = _Title(*(torch.from_numpy(part).to(device) for part in parts))
    return found


def _learn(
    tagger: _Tagger,
    optimizers: list[torch.optim.Optimizer],
    taught: list[_Title],
    asked: list[_Title],
    bench: Bench,
    teaching: Teaching,
) -> tuple[float, int]:
    """Epochs until the asked titles' score stops rising; the tagger is left as it was at its best."""
    rng = np.random.default_rng(torch.initial_seed())
    shots = sum(len(t.fused_ND) for t in taught)
    steps, step = teaching.epochs * -(-shots // teaching.shots_per_step), 0
    best, best_epoch, kept = -1.0, 0, deepcopy(tagger.state_dict())
    for epoch in range(1, teaching.epochs + 1):
        tagger.train()
        for batch in _batches(taught, teaching.shots_per_step, rng):
            _step(tagger, optimizers, batch, teaching.rate * rate_factor(min(step, steps - 1), steps, ScheduleRecipe()))
            step += 1
        if (score := _score(tagger, asked, bench)) > best:
            best, best_epoch, kept = score, epoch, deepcopy(tagger.state_dict())
        elif epoch - best_epoch >= teaching.patience:
            break
    tagger.load_state_dict(kept)
    return best, best_epoch


def _step(tagger: _Tagger, optimizers: list[torch.optim.Optimizer], batch: list[_Title], factor: float) -> None:
    truth_NL = torch.cat([t.truth_NL for t in batch])
    loss_NL = nn.functional.binary_cross_entropy_with_logits(tagger(batch), truth_NL, reduction="none")
    loss_NL.mean(dim=0).sum().backward()
    nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        optimizer.step()
        optimizer.zero_grad()


def _batches(titles: list[_Title], shots: int, rng: np.random.Generator) -> Iterator[list[_Title]]:
    """All titles once, in random order, about so many shots at a time."""
    batch: list[_Title] = []
    for number in rng.permutation(len(titles)):
        batch.append(titles[number])
        if sum(len(t.fused_ND) for t in batch) >= shots:
            yield batch
            batch = []
    if batch:
        yield batch


@torch.inference_mode()
def _logits(tagger: _Tagger, titles: list[_Title]) -> Tensor:
    tagger.eval()
    return torch.cat([tagger([title]) for title in titles]).float().cpu()


def _score(tagger: _Tagger, titles: list[_Title], bench: Bench) -> float:
    """Mean over tasks of the mean average precision of their labels."""
    logits_NL = _logits(tagger, titles).numpy()
    truth_NL = torch.cat([t.truth_NL for t in titles]).cpu().numpy()
    score_L = np.array([average_precision(truth_NL[:, i], logits_NL[:, i]) for i in range(truth_NL.shape[1])])
    return float(np.mean([np.nanmean(score_L[bench.columns[task]]) for task in TASKS]))
