"""The temporal part against the mean of frames, the sense of time, and checkpoints that are not what they should be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from encoders.tiny_models import save_clip, save_seqclip
from mediafm.encoders import TextEncoder, load_preset
from mediafm.encoders.clip import ClipEncoder
from mediafm.encoders.seqclip import SeqClipEncoder
from mediafm.encoders.temporal import TemporalAggregator, TemporalConfig, fill_up
from mediafm.errors import EncoderError
from mediafm.types import ShotInput

DIM = 24


def aggregator(positions: str = "sinusoidal", layers: int = 2, moved: bool = False) -> TemporalAggregator:
    config = TemporalConfig(hidden_size=16, num_hidden_layers=layers, num_attention_heads=2, positions=positions)
    generator = torch.Generator().manual_seed(0)
    made = TemporalAggregator(DIM, config, generator).eval()
    if moved:
        with torch.no_grad():
            made.out.weight.normal_(std=0.3, generator=generator)
            for block in made.blocks:
                block.merge.bias.normal_(generator=generator)
    return made


def some_frames(*counts: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.functional.normalize(torch.randn(n, DIM, generator=generator), dim=-1) for n in counts]


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_before_training_a_shot_is_the_unit_mean_of_its_frames(positions: str, layers: int) -> None:
    frames = some_frames(1, 5, 9)
    times = [np.sort(np.random.default_rng(n).uniform(0, 7, len(part))).tolist() for n, part in enumerate(frames)]
    rows = aggregator(positions, layers)(*fill_up(frames, times, [7.0, 7.0, 7.0]))
    mean = torch.stack([torch.nn.functional.normalize(part.mean(dim=0), dim=-1) for part in frames])
    assert rows.detach().numpy() == pytest.approx(mean.numpy(), abs=1e-6)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_only_times_say_in_which_order_frames_were(positions: str) -> None:
    part, times = some_frames(6)[0], [0.5, 1.0, 2.5, 4.0, 4.5, 5.5]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    made = aggregator(positions, moved=True)

    def row(frames: torch.Tensor, when: list[float], seconds: float = 6.0) -> torch.Tensor:
        return made(*fill_up([frames], [when], [seconds]))[0].detach()

    first = row(part, times)
    assert torch.allclose(row(part[order], [times[i] for i in order]), first, atol=1e-6)  # handed over in any order
    for other in (row(part.flip(0), times), row(part, [t / 2 for t in times]), row(part, times, 12.0)):
        assert (other - first).abs().max() > 1e-3


def test_times_outside_the_shot_and_shots_without_length_do_no_harm() -> None:
    made = aggregator(moved=True)
    rows = made(*fill_up(some_frames(3, 3), [[-1.0, 0.5, 99.0], [0.0, 0.0, 0.0]], [2.0, 0.0]))
    assert rows.isfinite().all() and rows.norm(dim=-1).detach().numpy() == pytest.approx(1, abs=1e-6)


def shot(seed: int, n: int, seconds: float = 4.0) -> ShotInput:
    frames = tuple(np.random.default_rng(seed).integers(0, 256, (n, 40, 60, 3), dtype=np.uint8))
    return ShotInput(frames, tuple((np.arange(n) + 0.5) * seconds / n), None, "", seconds)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_seqclip(tmp_path_factory.mktemp("seqclip") / "run")


def test_backwards_is_another_shot(folder: Path) -> None:
    encoder, forwards = SeqClipEncoder(str(folder), device="cpu"), shot(0, 6)
    backwards = ShotInput(forwards.frames[::-1], forwards.frame_times, None, "", 4.0)
    there, back = encoder.encode([forwards, backwards]).vectors
    assert np.abs(there - back).max() > 1e-3
    plain = ClipEncoder(str(folder.parent / "run-base"), device="cpu")
    assert np.allclose(*plain.encode([forwards, backwards]).vectors, atol=1e-6)  # which the mean cannot tell


def test_texts_stand_in_the_towers_space(folder: Path) -> None:
    encoder, plain = (
        SeqClipEncoder(str(folder), device="cpu"),
        ClipEncoder(str(folder.parent / "run-base"), device="cpu"),
    )
    assert isinstance(encoder, TextEncoder)
    texts = ["the dog runs", "", "fire water " * 40]
    assert np.array_equal(encoder.encode_texts(texts), plain.encode_texts(texts))


def test_says_what_the_checkpoint_says(folder: Path) -> None:
    encoder = SeqClipEncoder(str(folder), device="cpu")
    assert (encoder.frames, encoder.licence, encoder.dim, encoder.frame_side) == (8, "MIT", DIM, 32)
    other = SeqClipEncoder(str(folder), frames=3, licence="Apache-2.0", device="cpu")
    assert (other.frames, other.licence) == (3, "Apache-2.0") and other.fingerprint != encoder.fingerprint


def test_preset_names_it(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'name="m"\ndetector={{name="fixed"}}\n[encoders.video]\nkind="seqclip"\nmodel="{folder}"\n')
    encoder = load_preset(file, device="cpu").encoder("video")
    assert isinstance(encoder, SeqClipEncoder) and encoder.frames == 8


def test_leans_on_its_base_where_the_towers_did_not_learn(tmp_path: Path) -> None:
    base = save_clip(tmp_path / "here" / "base")
    leaning = save_seqclip(tmp_path / "here" / "run", own_towers=False, base=base)
    assert not (leaning / "tower").exists()
    whole = save_seqclip(tmp_path / "here" / "whole", base=base)
    vectors = [SeqClipEncoder(str(f), device="cpu").encode([shot(0, 4)]).vectors for f in (leaning, whole)]
    assert np.array_equal(*vectors)
    moved = (tmp_path / "here").rename(tmp_path / "there")  # together
    assert np.array_equal(SeqClipEncoder(str(moved / "run"), device="cpu").encode([shot(0, 4)]).vectors, vectors[0])
    shutil.rmtree(moved / "base")
    with pytest.raises(EncoderError, match="base"):
        SeqClipEncoder(str(moved / "run"), device="cpu")
    save_clip(moved / "base", seed=5)
    with pytest.raises(EncoderError, match="another"):
        SeqClipEncoder(str(moved / "run"), device="cpu")


def no_tower(folder: Path) -> None:
    shutil.rmtree(folder / "tower")


def half_a_tower(folder: Path) -> None:
    weights = load_file(folder / "tower" / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "layers.1" not in k}, folder / "tower" / "model.safetensors")


def more_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "more": torch.zeros(1)}, folder / "model.safetensors")


def set_config(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_tower, "tower"),
        (half_a_tower, "do not fit"),
        (more_weights, "more"),
        (set_config(dim=25), "do not fit"),
        (set_config(num_attention_heads=3), "not a multiple"),
        (set_config(positions="none"), "positions"),
        (set_config(module="os"), "module"),
        (set_config(model_type="clip"), "model_type"),
        (set_config(base={"model": "base"}), "sha256"),
    ],
)
def test_wrong_checkpoint_is_refused_with_the_reason(
    damage: Callable[[Path], None], words: str, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy)
    with pytest.raises(EncoderError, match=words) as caught:
        SeqClipEncoder(str(copy), device="cpu")
    assert "copy" in caught.value.message and caught.value.remedy


def test_plain_clip_is_no_seqclip_and_the_other_way_round(folder: Path) -> None:
    with pytest.raises(EncoderError, match="no seqclip config"):
        SeqClipEncoder(str(folder.parent / "run-base"), device="cpu")
    with pytest.raises(EncoderError):
        ClipEncoder(str(folder), device="cpu")
