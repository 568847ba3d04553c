"""What learns, by how much, and that cached gradients are the whole batch's."""

from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.tiny_models import save_siglip, save_siglip2
from mediafm.encoders.clip import ClipEncoder
from mediafm.encoders.towers import Towers
from mediafm.errors import TrainingError, UsageError
from mediafm.progress import SILENT
from mediafm.train.muon import Muon
from mediafm.train.runtime import make_runtime
from mediafm.train.seqclip.clips import ClipStore
from mediafm.train.seqclip.contrast import same_pairs
from mediafm.train.seqclip.data import examples_of
from mediafm.train.seqclip.finetune import _prepare
from mediafm.train.seqclip.network import SeqClip, make_optimizers
from mediafm.train.seqclip.pairs import read_pairs
from mediafm.train.seqclip.recipe import load_seqclip_recipe
from mediafm.train.seqclip.stores import ArrayStore
from mediafm.train.seqclip.trainer import Embedder, Trainer
from mediafm.types import ShotInput

TINY = ["temporal.hidden=16", "temporal.heads=2", "temporal.layers=1", "data.frames=3", "run.device=cpu"]


def make_trainer(films: Path, model: Path, *settings: str, dropout: float = 0.0) -> Trainer:
    recipe = load_seqclip_recipe("", [*TINY, f"temporal.dropout={dropout}", *settings])
    net = SeqClip(Towers(model, "cpu"), recipe)
    with torch.no_grad():  # off zero, where gradients beneath it begin to flow
        net.temporal.out.weight.normal_(std=0.2, generator=torch.Generator().manual_seed(0))
    clips, runtime = ClipStore(3, net.towers.frame_side), make_runtime(recipe.run)
    pairs = read_pairs(films / "pairs.jsonl")
    examples = examples_of(pairs, clips.find([p.span for p in pairs], SILENT))
    embedder = Embedder(net, clips, ArrayStore("clip-vectors"), str(model), runtime)
    _prepare(embedder, examples, SILENT, lambda: False)
    return Trainer(embedder, examples, recipe)


def moved(trainer: Trainer, steps: int = 2) -> set[str]:
    before = {name: p.detach().clone() for name, p in trainer.net.named_parameters()}
    for _ in range(steps):
        trainer.take_step()
    return {name for name, p in trainer.net.named_parameters() if not torch.equal(p, before[name])}


_LAST_IMAGE = ("vision_model.encoder.layers.1.", "vision_model.post_layernorm.", "visual_projection.")
_LAST_TEXT = ("text_model.encoder.layers.1.", "text_model.final_layer_norm.", "text_projection.")
_IMAGE, _TEXT = ("vision_model.", "visual_projection."), ("text_model.", "text_projection.")


@pytest.mark.parametrize(
    ("settings", "learns"),
    [
        ([], ()),
        (["train.tower=1"], _LAST_IMAGE),
        (["train.tower=all"], _IMAGE),
        (["train.text=1"], _LAST_TEXT),
        (["train.tower=all", "train.text=all"], (*_IMAGE, *_TEXT)),
    ],
)
def test_gradients_reach_what_should_learn_and_nothing_else(
    films: Path, clip_model: Path, settings: list[str], learns: tuple[str, ...]
) -> None:
    trainer = make_trainer(films, clip_model, *settings)

    # A shift of all keys cancels in the softmax: their bias has no gradient but rounding.
    def counts(name: str) -> bool:
        return not name.endswith("k_proj.bias")

    due = {name for name, _ in trainer.net.named_parameters() if name.startswith(("temporal.", "log_scale"))}
    prefixes = tuple(f"model.{part}" for part in learns)
    due |= {name for name, _ in trainer.net.named_parameters() if name.startswith(prefixes)}
    assert set(trainer.net.learning()) == due
    assert {n for n in moved(trainer) if counts(n)} == {n for n in due if counts(n)}


@pytest.mark.parametrize("save", [save_siglip, save_siglip2])
def test_siglip_learns_too(save, films: Path, tmp_path: Path) -> None:
    trainer = make_trainer(films, save(tmp_path / "model"), "train.tower=1", "train.text=1")
    assert "model.vision_model.head.probe" in moved(trainer) and "model.logit_bias" not in trainer.net.learning()
    assert not any(".layers.0." in name or ".embeddings." in name for name in trainer.net.learning())


@pytest.mark.parametrize("settings", [[], ["train.tower=1"], ["train.tower=all", "train.text=all"]])
def test_cached_gradients_are_the_whole_batchs(films: Path, clip_model: Path, settings: list[str]) -> None:
    gradients = []
    for micro in (12, 5):
        trainer = make_trainer(films, clip_model, *settings, "data.batch=12", f"data.micro={micro}")
        trainer.net.train()
        parts = [trainer._prepare((0, n)) for n in range(trainer._parts())]
        examples = trainer._batch(0)
        trainer._learn(parts, same_pairs([e.clip for e in examples], [e.caption for e in examples]))
        gradients.append({name: p.grad for name, p in trainer.net.learning().items()})
    for name, whole in gradients[0].items():
        assert gradients[1][name].numpy() == pytest.approx(whole.numpy(), abs=1e-5, rel=1e-3), name


def test_both_passes_draw_the_same_dropout(films: Path, clip_model: Path) -> None:
    trainer = make_trainer(films, clip_model, dropout=0.5)
    trainer.net.train()
    part = trainer._prepare((0, 0))
    first, again, other = (trainer._embed(number, part)[0].detach() for number in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_vectors_of_frozen_towers_are_those_of_the_encoder(films: Path, clip_model: Path) -> None:
    trainer = make_trainer(films, clip_model, "data.frames=3")
    torch.nn.init.zeros_(trainer.net.temporal.out.weight)
    trainer.net.eval()
    examples = trainer._batch(0)
    rows, captions = (v.detach().numpy() for v in trainer.embedder.embed(trainer.embedder.prepare(examples)))
    encoder = ClipEncoder(str(clip_model), device="cpu")
    clips = [trainer.embedder.clips.get(e.clip) for e in examples]
    shots = [ShotInput(tuple(c.frames), c.times, None, "", c.seconds) for c in clips]
    assert rows == pytest.approx(encoder.encode(shots).vectors, abs=1e-6)
    assert captions == pytest.approx(encoder.encode_texts([e.caption for e in examples]), abs=1e-6)


def test_long_captions_are_read_whole(clip_model: Path) -> None:
    towers = Towers(clip_model, "cpu")
    net = SeqClip(towers, load_seqclip_recipe("", [*TINY, "train.text=all"])).eval()
    texts = ["the dog runs", "fire water " * 30]
    found = net.texts(net.prepare_texts(texts)).detach().numpy()
    assert found == pytest.approx(towers.embed_texts(texts), abs=1e-5)


def test_every_parameter_has_one_optimiser_and_its_own_rate(clip_model: Path) -> None:
    settings = [*TINY, "train.tower=1", "optimizer.hidden=muon", "optimizer.rate=0.1", "optimizer.tower_rate=0.01"]
    recipe = load_seqclip_recipe("", settings)
    net = SeqClip(Towers(clip_model, "cpu"), recipe)
    made = make_optimizers(net, recipe.optimizer, None)
    held = [(p, group["lr"], o) for o in made.values() for group in o.param_groups for p in group["params"]]
    assert sorted(id(p) for p, _, _ in held) == sorted(id(p) for p in net.learning().values())
    names = {id(p): name for name, p in net.learning().items()}
    for parameter, rate, optimizer in held:
        name = names[id(parameter)]
        assert rate == (0.01 if name.startswith("model.") else 0.1)
        in_blocks = parameter.ndim == 2 and (".layers." in name or ".blocks." in name)
        assert isinstance(optimizer, Muon) == in_blocks, name


def test_what_cannot_be_trained_is_refused(films: Path, clip_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train\.tower = 3, but the tower has 2 blocks"):
        make_trainer(films, clip_model, "train.tower=3")
    with pytest.raises(UsageError, match="nothing would learn"):
        load_seqclip_recipe("", ["temporal.layers=0"])
    trainer = make_trainer(films, clip_model)
    trainer.net.temporal.out.bias.data.fill_(float("nan"))
    before = {name: p.detach().clone() for name, p in trainer.net.temporal.named_parameters()}
    with pytest.raises(TrainingError, match="loss is nan"):
        trainer.take_step()
    assert all(torch.equal(p, before[n]) for n, p in trainer.net.temporal.named_parameters() if n != "out.bias")


def test_an_epoch_shows_every_pair_once(films: Path, clip_model: Path) -> None:
    trainer = make_trainer(films, clip_model, "data.batch=4")
    assert trainer.steps_an_epoch == 3
    shown = [e for step in range(3) for e in trainer._batch(step)]
    assert sorted(map(str, shown)) == sorted(map(str, trainer._examples))
    assert shown != [e for step in range(3, 6) for e in trainer._batch(step)]
    assert np.array_equal(trainer._batch(4), trainer._batch(4))
