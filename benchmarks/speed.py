"""Shots a second of whole training steps: mediafm with AdamW and with Muon against BertModel with AdamW, in one run.

python benchmarks/speed.py [--titles DATA/titles.parquet] [--shots 16384] [--steps 3] [--hidden 512] [--layers 8]

A step of ours is `Trainer.take_step`: batches are gathered, fused, masked, and learned from (cosine distance at 20 % of
the shots), gradients clipped, weights updated. The reference is `transformers.BertModel` of the same width, depth and
heads, fed `inputs_embeds` of padded batches between the same linear maps, with the same loss, clipping and
`torch.optim.AdamW`; its batches are prepared outside the measured time. `whole`: it takes a step's titles as one padded
batch; `drawn`: it pads the same random micro-batches as ours; `sorted`: titles of a step are first sorted by length, so
that it pads little. Dropout is alike on both sides. All take turns, step by step, after one step each to warm up, and a
ratio is the median over turns.

`arithmetic_share`: operations of the matrix products a step needs, forward and backward, over the time outside the
optimisers, over the rate of the largest matrix product measured in the same run. Prints JSON.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from steps import (
    DIMS,
    OptimizerWatch,
    RandomTitles,
    flop_a_shot,
    machine,
    make_trainer,
    matrix_rate,
    now,
    threads,
    timed_step,
)
from torch import Tensor, nn

from mediafm.config import Recipe
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.model import cosine_distance
from mediafm.sequences import Batch, FeatureCache, Masking, ShotMasker, Span, collate, plan_steps
from mediafm.train.trainer import Trainer

FRONT = 2
# Every ninth of the Friends catalogue's 341 titles, sorted by number of shots.
FRIENDS = (109, 125, 131, 134, 138, 143, 146, 149, 151, 154, 156, 157, 159, 162, 163, 164, 165, 166, 168, 170)
FRIENDS += (172, 173, 173, 175, 176, 178, 180, 182, 185, 187, 188, 190, 193, 195, 197, 198, 200, 203, 210, 240)


class Reference(nn.Module):
    """BertModel between two linear maps."""

    def __init__(self, recipe: Recipe, fused: int) -> None:
        from transformers import BertConfig, BertModel

        super().__init__()
        shape = recipe.model
        config = BertConfig(
            vocab_size=1, hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
            intermediate_size=round(shape.hidden * shape.mlp_ratio), max_position_embeddings=FRONT + shape.max_shots,
            hidden_dropout_prob=shape.dropout, attention_probs_dropout_prob=shape.attention_dropout, pad_token_id=0,
        )  # fmt: skip
        self.bert = BertModel(config, add_pooling_layer=False)
        self.shot_in, self.head = nn.Linear(fused, shape.hidden), nn.Linear(shape.hidden, fused)
        self.front, self.mask = nn.Parameter(torch.zeros(FRONT, shape.hidden)), nn.Parameter(torch.zeros(shape.hidden))

    def forward(self, fused_BSD: Tensor, masked_BS: Tensor, scored_BS: Tensor, real_BT: Tensor) -> Tensor:
        """Predictions at scored shots."""
        shots_BSH = self.shot_in(fused_BSD)
        shots_BSH = torch.where(masked_BS[..., None], self.mask.to(shots_BSH.dtype), shots_BSH)
        front_BFH = self.front.to(shots_BSH.dtype).expand(len(shots_BSH), -1, -1)
        states = self.bert(inputs_embeds=torch.cat([front_BFH, shots_BSH], dim=1), attention_mask=real_BT)
        return self.head(states.last_hidden_state[:, FRONT:][scored_BS])


class ReferenceTrainer:
    """Steps of the reference over the same titles."""

    def __init__(self, trainer: Trainer, cache: FeatureCache, stats: FusionStats, kind: str) -> None:
        self.recipe, self.runtime, self.kind = trainer.recipe, trainer.runtime, kind
        self.cache, self.stats = cache, stats
        self.model = Reference(self.recipe, sum(cache.dims.values())).to(self.runtime.device).train()
        on_cuda = self.runtime.device.type == "cuda"
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, fused=on_cuda)
        data, rng = self.recipe.data, np.random.default_rng(0)
        wholes = cache.wholes(cache.title_ids)
        self.plan = iter(plan_steps(wholes, data.shots_per_step, data.micro_shots, rng))

    def timed_step(self) -> dict[str, float]:
        micros = [self._prepare(spans) for spans in self._next()]
        shots, places = (sum(m[i].sum().item() for m in micros) for i in (4, 5))
        count = sum(len(m[-1]) for m in micros)
        began = now(self.runtime.device)
        for fused, masked, scored, real, *_, target in micros:
            with self.runtime.autocast():
                predicted = self.model(fused, masked, scored, real)
            (cosine_distance(predicted, target).sum() / count).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optimizer.clip).item()
        middle = now(self.runtime.device)
        self.optimizer.step()
        self.optimizer.zero_grad()
        ended = now(self.runtime.device)
        return {"seconds": ended - began, "shots": shots, "adamw": ended - middle, "padding": 1 - shots / places}

    def _next(self) -> list[tuple[Span, ...]]:
        step = next(self.plan)
        if self.kind == "drawn":
            return step
        if self.kind == "whole":
            return [tuple(span for micro in step for span in micro)]
        spans = sorted((span for micro in step for span in micro), key=len)
        micros: list[list[Span]] = [[]]
        for span in spans:
            if len(span) * (len(micros[-1]) + 1) > self.recipe.data.micro_shots:
                micros.append([])
            micros[-1].append(span)
        return [tuple(micro) for micro in micros]

    def _prepare(self, spans: Sequence[Span]) -> tuple[Tensor, ...]:
        batch = collate(self.cache, self.stats, spans)
        masking = ShotMasker(self.recipe.masking).apply(batch, 0.0, [0])
        return self.runtime.tensors(*padded(batch, masking))


def padded(batch: Batch, masking: Masking) -> tuple[np.ndarray, ...]:
    """fused [B, S, D], masked and scored [B, S], real places [B, T], shots, places, targets at scored shots."""
    B, S = len(batch.spans), int(batch.lengths_B.max())
    real_BS = np.arange(S) < batch.lengths_B[:, None]
    fused_BSD = np.zeros((B, S, batch.fused_ND.shape[1]), np.float32)
    masked_BS, scored_BS = np.zeros((2, B, S), np.bool_)
    fused_BSD[real_BS], masked_BS[real_BS], scored_BS[real_BS] = masking.fused_ND, masking.masked_N, masking.scored_N
    real_BT = np.pad(real_BS, ((0, 0), (FRONT, 0)), constant_values=True)
    counts = np.array([batch.shots]), np.array([B * S])
    return fused_BSD, masked_BS, scored_BS, real_BT.astype(np.int64), *counts, batch.fused_ND[masking.scored_N]


def title_lengths(path: Path | None, shots: int) -> list[int]:
    """Numbers of shots drawn from Friends, a few more than asked for together."""
    if path is None:
        known = np.array(FRIENDS)
    else:
        import pyarrow.parquet as pq

        known = pq.read_table(path, columns=["n_shots"])["n_shots"].to_numpy()
    drawn = np.random.default_rng(0).choice(known, 2 * shots // int(known.mean()))
    return drawn[: int(np.searchsorted(drawn.cumsum(), shots)) + 1].tolist()


def settings(options: argparse.Namespace, optimizer: str) -> dict[str, Any]:
    shape = {"hidden": options.hidden, "layers": options.layers, "heads": options.heads, "dropout": options.dropout}
    shape |= {"attention_dropout": options.attention_dropout}
    return {
        **{f"model.{key}": value for key, value in shape.items()},
        "objective.surround": 0,  # the published objective on both sides
        "optimizer.hidden": optimizer,
        "optimizer.rate": 1e-4,
        "optimizer.adamw_rate": 1e-4,
        "data.shots_per_step": options.shots,
        "data.micro_shots": options.micro_shots,
        "schedule.epochs": 1,
        "run.device": options.device,
        **dict(text.split("=", 1) for text in options.set),
    }


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    turns = options.steps + 1
    lengths = title_lengths(options.titles, (turns + 2) * options.shots)
    ours = {name: make_trainer(lengths, folder, settings(options, name)) for name in ("adamw", "muon")}
    some = ours["adamw"]
    cache = FeatureCache.open(RandomTitles(lengths, DIMS), folder)
    wholes = cache.wholes(cache.title_ids)
    stats = FusionStats.fit(cache.iter_features(wholes[:2000]), FusionSpec(cache.dims, some.recipe.fusion.centring))
    references = {kind: ReferenceTrainer(some, cache, stats, kind) for kind in options.references}
    watches = {name: OptimizerWatch(trainer) for name, trainer in ours.items()}
    precision = torch.bfloat16 if some.runtime.bf16 else torch.float32
    rows: list[dict[str, Any]] = []
    for _ in range(turns):
        row: dict[str, Any] = {f"bert {kind}": reference.timed_step() for kind, reference in references.items()}
        row |= {f"ours {name}": timed_step(trainer, watches[name]) for name, trainer in ours.items()}
        row["matrix"] = matrix_rate(options.micro_shots, some.recipe, some.runtime.device, precision)
        rows.append(row)
    flop = flop_a_shot(some.recipe.model, sum(DIMS.values()), lengths, some.recipe.masking.share)
    return {**machine(some.runtime.device), "mean_length": round(statistics.mean(lengths), 1), **report(rows[1:], flop)}


def report(rows: list[dict[str, Any]], flop: float) -> dict[str, Any]:
    """Medians over turns."""
    names = [name for name in rows[0] if name != "matrix"]
    rates = {name: [row[name]["shots"] / row[name]["seconds"] for row in rows] for name in names}
    own = [name for name in names if name.startswith("ours")]
    middle = statistics.median
    return {
        "shots_per_s": {name: round(middle(values), 1) for name, values in rates.items()},
        "ratio": {
            f"{ours} / {other}": round(middle(a / b for a, b in zip(rates[ours], rates[other], strict=True)), 3)
            for ours in own
            for other in names
            if other.startswith("bert")
        },
        "matrix_gflop_per_s": round(middle(row["matrix"] for row in rows) / 1e9, 1),
        "gflop_a_shot": round(flop / 1e9, 4),
        "arithmetic_share": {name: round(middle(_share(row, name, flop) for row in rows), 3) for name in names},
        "muon_share_of_step": round(middle(row["ours muon"]["muon"] / row["ours muon"]["seconds"] for row in rows), 4),
        "padding": {name: round(middle(row[name]["padding"] for row in rows), 3) for name in names if "bert" in name},
        "turns": rows,
    }


def _share(row: dict[str, Any], name: str, flop: float) -> float:
    step = row[name]
    learning = step["seconds"] - step["adamw"] - step.get("muon", 0.0)
    return flop * step["shots"] / learning / row["matrix"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--titles", type=Path, help="titles.parquet of the Friends tables, for n_shots; else 40 of them"
    )
    parser.add_argument("--shots", type=int, default=16_384, help="a step")
    parser.add_argument("--micro-shots", type=int, default=2048, help="a micro-batch")
    parser.add_argument("--steps", type=int, default=3, help="measured turns, after one to warm up")
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--dropout", type=float, default=0.0, help="of both sides")
    parser.add_argument("--attention-dropout", type=float, default=0.0, help="of both sides")
    parser.add_argument("--references", nargs="+", choices=["whole", "drawn", "sorted"], default=["whole", "drawn"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], help="section.key=value of our recipe")
    options = parser.parse_args()
    with threads(options.threads), tempfile.TemporaryDirectory(prefix="speed-") as folder:
        figures = measure(options, Path(folder))
    shown = {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()}
    print(json.dumps({"options": shown, **figures}, indent=1))


if __name__ == "__main__":
    main()
