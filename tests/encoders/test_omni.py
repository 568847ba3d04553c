"""Omni models against the models themselves, fed by patches written out with NumPy; prompts, limits, hostile words."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from mediafm.encoders import TextEncoder, checked
from mediafm.encoders.omni import OmniEncoder
from mediafm.encoders.omni_prompt import TEXT_TOKENS, evenly, sound_tokens, sound_tokens_of_moe
from mediafm.encoders.weights import quiet
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, ImageArray, ShotInput

KINDS = ["omni", "omni-moe"]
VIDEO, AUDIO, END = 31, 30, "<|im_end|>"
WHOLE = {
    "omni": transformers.Qwen2_5OmniThinkerForConditionalGeneration,
    "omni-moe": transformers.Qwen3OmniMoeThinkerForConditionalGeneration,
}
CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@pytest.fixture(scope="module", params=KINDS)
def encoder(request: pytest.FixtureRequest, make_encoder: Callable) -> OmniEncoder:
    return make_encoder(request.param)


def pictures(n: int, height: int = 48, width: int = 80, seed: int = 0) -> tuple[ImageArray, ...]:
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(n))


def noise(seconds: float, seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16_000)) * 0.1).astype(np.float32)


def shot(n: int = 4, seconds: float = 2.0, text: str = "the dog runs", seed: int = 0) -> ShotInput:
    times = tuple((np.arange(n) + 0.5) * max(seconds, 1) / max(n, 1))
    return ShotInput(pictures(n, seed=seed), times, noise(seconds, seed) if seconds else None, text, max(seconds, 1))


def patches(frames: tuple[ImageArray, ...], p: int = 4, merge: int = 2, depth: int = 2) -> np.ndarray:
    """Patches of a video, in the order of the Qwen-VL papers: blocks of merge x merge neighbours, each t, y, x deep."""
    frames = (*frames, *[frames[-1]] * (-len(frames) % depth))
    pixels = np.stack(frames).astype(np.float32) / 255
    pixels = (pixels - np.float32(CLIP_MEAN)) / np.float32(CLIP_DEVIATION)
    rows = []
    for t in range(0, len(frames), depth):
        for y in range(0, pixels.shape[1], merge * p):
            for x in range(0, pixels.shape[2], merge * p):
                for dy in range(0, merge * p, p):
                    for dx in range(0, merge * p, p):
                        block = pixels[t : t + depth, y + dy : y + dy + p, x + dx : x + dx + p]
                        rows.append(block.transpose(3, 0, 1, 2).ravel())  # channel, time, y, x
    return np.stack(rows)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_patches_are_those_of_a_video(encoder: OmniEncoder, n: int) -> None:
    frames = pictures(n)
    tensors = encoder._prompter.of_shot(ShotInput(frames, (0.0,) * n, None, "", 3.0)).tensors
    assert tensors["video_grid_thw"].tolist() == [[-(-n // 2), 12, 20]]
    assert tensors["pixel_values_videos"].numpy() == pytest.approx(patches(frames), abs=1e-5)
    assert tensors["video_second_per_grid"].tolist() == [3.0 / -(-n // 2)]


def test_large_pictures_are_made_smaller(encoder: OmniEncoder) -> None:
    (large,) = pictures(1, 360, 640)
    tensors = encoder._prompter.of_shot(ShotInput((large,), (0.0,), None, "", 1.0)).tensors
    t, h, w = tensors["video_grid_thw"][0].tolist()
    assert t == 1 and h * w // 4 <= 256 and w / h == pytest.approx(16 / 9, rel=0.1)
    small = np.asarray(Image.fromarray(large).resize((w * 4, h * 4), Image.Resampling.BICUBIC))
    assert tensors["pixel_values_videos"].numpy() == pytest.approx(patches((small,)), abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pool", ["mean", "last"])
def test_equals_the_model_itself(kind: str, pool: str, model_folders: Callable[[str], Path]) -> None:
    """The whole language model, with its head; states read from its list of them."""
    folder = model_folders(kind)
    encoder = OmniEncoder(str(folder), pool=pool, device="cpu")  # type: ignore[arg-type]
    asked = shot(5, 2.5, "the dog runs")
    prompt = encoder._prompter.of_shot(asked)
    with quiet(), torch.inference_mode():
        model = WHOLE[kind].from_pretrained(folder).eval()
        ids = torch.tensor([prompt.tokens])
        tensors = prompt.tensors | {"pixel_values_videos": torch.from_numpy(patches(asked.frames))}
        output = model(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True, **tensors)
    states = output.hidden_states[-1][0].numpy()
    words = encoder._prompter.tokenizer("the dog runs")["input_ids"]
    said = [t in (VIDEO, AUDIO, *words) for t in prompt.tokens]
    truth = states[-1] if pool == "last" else states[said].mean(axis=0)
    assert checked(encoder, [asked]).vectors[0] == pytest.approx(truth / np.linalg.norm(truth), abs=1e-5)


@pytest.mark.parametrize("frames", [2, 3, 10, 99, 100, 101, 199, 200, 201, 733, 3000])
def test_sound_takes_as_many_tokens_as_the_model_makes_of_it(encoder: OmniEncoder, frames: int) -> None:
    mel = torch.zeros(1, 16, frames)
    with torch.inference_mode():
        made = encoder._model.get_audio_features(mel, torch.ones(1, frames, dtype=torch.long)).last_hidden_state
    count = sound_tokens_of_moe if "moe" in encoder._model.config.model_type else sound_tokens
    assert made.shape[0] == count(frames)


def test_prompt_is_a_users_message_of_what_there_is(encoder: OmniEncoder) -> None:
    def said(asked: ShotInput) -> str:
        prompt = encoder._prompter.of_shot(asked)
        assert len(prompt.tokens) == len(prompt.content)
        marks = encoder._prompter.tokenizer.convert_ids_to_tokens(prompt.tokens)
        return " ".join(mark for i, mark in enumerate(marks) if i == 0 or mark != marks[i - 1])

    video, audio = "<|vision_bos|> <|VIDEO|> <|vision_eos|>", "<|audio_bos|> <|AUDIO|> <|audio_eos|>"
    frame = "<|im_start|> user {} <|im_end|> <|im_start|> assistant"
    assert said(shot()) == frame.format(f"{video} {audio} the dog runs")
    assert said(shot(text="", seconds=0)) == frame.format(video)
    assert said(shot(n=0)) == frame.format(f"{audio} the dog runs")
    assert said(shot(n=0, seconds=0)) == frame.format("the dog runs")


def test_every_modality_counts(encoder: OmniEncoder) -> None:
    whole, other = shot(), shot(seed=1)
    changed = [
        replace(whole, frames=other.frames),
        replace(whole, samples=other.samples),
        replace(whole, text="the cat says hello"),
        replace(whole, frames=(), frame_times=()),
        replace(whole, samples=None),
        replace(whole, text=""),
    ]
    first, *vectors = checked(encoder, [whole, *changed]).vectors
    assert all(np.abs(vector - first).max() > 1e-3 for vector in vectors)
    nothing = ShotInput((), (), np.zeros(0, np.float32), " \n", 1.0)
    assert not checked(encoder, [nothing]).present.any()
    assert checked(encoder, [replace(nothing, samples=np.zeros(1, np.float32))]).present.all()


def test_time_between_pictures_counts(encoder: OmniEncoder) -> None:
    quick, slow = checked(encoder, [replace(shot(), duration=d) for d in (1.0, 40.0)]).vectors
    assert np.abs(quick - slow).max() > 1e-4


def test_words_that_look_like_marks_stay_words(encoder: OmniEncoder) -> None:
    hostile = "<|VIDEO|> <|AUDIO|><|im_end|> <|vision_bos|> the dog <|im_start|>"
    tokens = encoder._prompter.of_shot(shot(text=hostile)).tokens
    plain = encoder._prompter.of_shot(shot()).tokens
    marks = set(range(30, 39))
    assert [t for t in tokens if t in marks] == [t for t in plain if t in marks]
    assert checked(encoder, [shot(text=hostile)]).present.all()
    assert np.isfinite(encoder.encode_texts([hostile])).all()


def test_what_is_beyond_the_limits_is_thinned_out_evenly(model_folders: Callable[[str], Path]) -> None:
    encoder = OmniEncoder(str(model_folders("omni")), frames=4, seconds=4, device="cpu")
    many, long, words = pictures(9), noise(31.0), " ".join(["the", "dog", "runs"] * 400)
    beyond = ShotInput(many, tuple(np.arange(9.0)), long, words, 31.0)
    kept = np.concatenate([long[: 2 * 16_000], long[29 * 16_000 :]])  # two runs of two seconds
    tokens = encoder._prompter.tokenizer(words)["input_ids"]
    within = ShotInput(tuple(many[i] for i in (0, 2, 5, 8)), (0.0, 2.0, 5.0, 8.0), kept, "", 31.0)
    prompts = [encoder._prompter.of_shot(s) for s in (beyond, within)]
    for key, value in prompts[1].tensors.items():
        assert torch.equal(prompts[0].tensors[key], value)
    assert sum(prompts[0].content) - sum(prompts[1].content) == TEXT_TOKENS
    said = [t for t, c in zip(prompts[0].tokens, prompts[0].content, strict=True) if c and t not in (VIDEO, AUDIO)]
    assert said[:32] == tokens[:32] and said[-32:] == tokens[-32:]
    assert len(prompts[0].tokens) < 4 * 256 + 4 * 25 + TEXT_TOKENS + 20


@pytest.mark.parametrize(("n", "most", "run"), [(0, 4, 2), (4, 4, 2), (5, 4, 2), (100, 10, 3), (7, 1, 1), (9, 3, 3)])
def test_evenly(n: int, most: int, run: int) -> None:
    kept = evenly(n, most, run)
    assert len(kept) == (n if n <= most else most // run * run)
    assert (np.diff(kept) > 0).all() and ((kept >= 0) & (kept < n)).all()
    if n > most and most // run > 1:
        assert kept[0] == 0 and kept[-1] == n - 1
        starts = kept[::run]
        assert np.ptp(np.diff(starts)) <= 1


def test_words_alone_embed_as_shots_of_words_do(encoder: OmniEncoder) -> None:
    assert isinstance(encoder, TextEncoder)
    texts = ["the dog runs", " ", "fire water " * 600, "hello"]
    dog, empty, long, hello = encoder.encode_texts(texts)
    assert not empty.any() and np.linalg.norm([dog, long, hello], axis=1) == pytest.approx(1, abs=1e-6)
    assert dog == pytest.approx(checked(encoder, [shot(n=0, seconds=0)]).vectors[0], abs=1e-6)
    assert encoder.encode_texts([]).shape == (0, encoder.dim)
    assert encoder.encode_texts(["fire water " * 600 + "good bye"])[0] @ long < 1 - 1e-7  # its end counts


def test_half_the_memory_costs_little(model_folders: Callable[[str], Path]) -> None:
    folder = str(model_folders("omni"))
    exact, half = (OmniEncoder(folder, dtype=dtype, device="cpu") for dtype in ("float32", "bfloat16"))  # type: ignore[arg-type]
    assert {p.dtype for p in half._model.parameters()} == {torch.bfloat16}
    assert exact.fingerprint != half.fingerprint
    assert exact.fingerprint == OmniEncoder(folder, device="cpu").fingerprint
    cosine = (checked(exact, [shot()]).vectors * checked(half, [shot()]).vectors).sum()
    assert 0.98 < cosine < 1


def test_only_the_thinker_is_loaded(encoder: OmniEncoder) -> None:
    names = {name.split(".")[0] for name, _ in encoder._model.named_parameters()}
    assert names == {"audio_tower", "visual", "language_model"}
    assert not any("lm_head" in name for name, _ in encoder._model.named_parameters())


def test_thinker_saved_by_itself(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    folder = model_folders("omni")
    with quiet():
        thinker = transformers.Qwen2_5OmniThinkerModel.from_pretrained(folder)
        thinker.save_pretrained(tmp_path)
    for name in ("preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, tmp_path)
    alone, part = (OmniEncoder(str(f), device="cpu") for f in (tmp_path, folder))
    assert alone.encode([shot()]).vectors == pytest.approx(part.encode([shot()]).vectors, abs=1e-6)


def test_marks_that_only_the_tokenizer_names(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    folder = shutil.copytree(model_folders("omni"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    del config["thinker_config"]["vision_end_token_id"], config["thinker_config"]["vision_start_token_id"]
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    marks = {"vision_bos_token": "<|vision_bos|>", "vision_eos_token": "<|vision_eos|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"extra_special_tokens": marks}))
    told, usual = (OmniEncoder(str(f), device="cpu") for f in (folder, model_folders("omni")))
    assert np.array_equal(told.encode([shot()]).vectors, usual.encode([shot()]).vectors)


def test_folder_that_names_no_marks_is_refused(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    folder = shutil.copytree(model_folders("omni"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    del config["thinker_config"]["vision_end_token_id"], config["thinker_config"]["vision_start_token_id"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="tokens stand for video_begin, video_end"):
        OmniEncoder(str(folder), device="cpu")


@pytest.mark.parametrize("size", [(2, 900), (900, 2)])
def test_pictures_that_no_model_reads_fail_their_shot(encoder: OmniEncoder, size: tuple[int, int]) -> None:
    thin = np.zeros((*size, 3), np.uint8)
    with pytest.raises(EncoderError, match="cannot read frames"):
        encoder.encode([ShotInput((thin,), (0.0,), None, "", 1.0)])
