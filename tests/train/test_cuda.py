"""On a GPU every objective and kind of position costs what it costs on the CPU in float32, and so do gradients."""

from pathlib import Path

import pytest
import torch

from fake_catalog import FakeCatalog
from mediafm.config import load_recipe
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.sequences import FeatureCache, ShotMasker, collate
from mediafm.train import pretrain
from mediafm.train.distributed import World
from mediafm.train.runtime import make_runtime
from mediafm.train.trainer import Trainer, make_micro

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")

SHAPE = [
    *("model.hidden=64", "model.layers=2", "model.heads=4", "model.dropout=0", "data.window=40", "schedule.epochs=2"),
    *("data.shots_per_step=160", "data.micro_shots=80", "masking.modality=0.3"),
]
OPTIONS = [
    *([f"objective.loss={loss}"] for loss in ("cosine", "l2", "smooth_l1", "infonce")),
    *([f"model.positions={positions}"] for positions in ("learned", "rotary", "time")),
    ["objective.targets=average"],
    ["objective.visible=0.5", "model.head=mlp", "model.mlp=swiglu", "model.norm_kind=rms"],
    ["model.projection=late", "model.duration_input=true"],
    ["model.norm=post", "model.attention_dropout=0.1"],
    ["model.hidden=60", "model.heads=5"],  # heads of 12 numbers, which flash attention does not take
]


def cost_and_gradients(device: str, precision: str, options: list[str]) -> tuple[float, dict[str, torch.Tensor]]:
    recipe = load_recipe("tiny", [*SHAPE, *options, f"run.device={device}", f"run.precision={precision}"])
    cache = FeatureCache.open(FakeCatalog(titles=4, shots=40))
    spans = cache.wholes(cache.title_ids)
    stats = FusionStats.fit(cache.iter_features(spans), FusionSpec(cache.dims, "standard"))
    runtime = make_runtime(recipe.run)
    trainer = Trainer(cache, stats, spans, recipe, runtime, World(0, 1, runtime.device))
    trainer.learner.eval()
    batch = collate(cache, stats, spans)
    micro = make_micro(batch, ShotMasker(recipe.masking).apply(batch, 0.0, [1])).to(runtime.device)
    with runtime.autocast():
        cost = trainer.learner.masked(micro)
    cost.objective.backward()
    found = {name: p.grad.float().cpu() for name, p in trainer.learner.named_parameters() if p.grad is not None}
    return float(cost.objective) / cost.count, found


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-3), ("bfloat16", 0.05)])
def test_costs_and_gradients_are_those_of_the_cpu(options: list[str], precision: str, near: float) -> None:
    expected, gradients = cost_and_gradients("cpu", "float32", options)
    found, ours = cost_and_gradients("cuda", precision, options)
    assert found == pytest.approx(expected, rel=near)
    assert ours.keys() == gradients.keys()
    whole = torch.cat([g.flatten() for g in gradients.values()])
    difference = torch.cat([(ours[name] - g).flatten() for name, g in gradients.items()])
    assert difference.norm() < near * whole.norm()


@pytest.mark.parametrize("compiled", ["false", "true"])
def test_a_whole_run(tmp_path, compiled: str) -> None:
    recipe = load_recipe("tiny", [*SHAPE, "run.device=cuda", f"run.compile={compiled}"])
    assert pretrain(FakeCatalog(), tmp_path / "run", recipe).finished


def test_seqclip_learns_on_the_gpu(tmp_path: Path) -> None:
    """In bfloat16, with both towers, in parts: the same checkpoint form, and a loss that falls."""
    from encoders.tiny_models import save_clip
    from mediafm.train.metrics import read_metrics
    from mediafm.train.seqclip import finetune, load_seqclip_recipe
    from seqclip_films import CAPTIONS, write_clip, write_pairs

    films = [write_clip(tmp_path / f"{i}.mp4", i, seconds=0.5).name for i in range(6)]
    pairs = write_pairs(
        tmp_path / "pairs.jsonl", [{"video": f, "caption": c} for f, c in zip(films, CAPTIONS, strict=True)]
    )
    settings = ["run.device=cuda", "train.tower=all", "train.text=all", "data.batch=6", "data.micro=4"]
    rates = ["schedule.epochs=30", "optimizer.rate=0.003", "optimizer.tower_rate=0.003", "data.frames=2"]
    model = save_clip(tmp_path / "clip")
    finetune(pairs, str(model), tmp_path / "run", load_seqclip_recipe("", [*settings, *rates]), validation=pairs)
    losses = [row["loss"] for row in read_metrics(tmp_path / "run") if "loss" in row]
    assert losses[-1] < losses[0] / 2
