"""Tiny random models of the real architectures, saved as real checkpoints are: folders for tests to load."""

import json
from pathlib import Path
from typing import Any

import torch

from mediafm.encoders.weights import quiet

WORDS = [
    "a",
    "the",
    "dog",
    "cat",
    "runs",
    "in",
    "house",
    "park",
    "fire",
    "water",
    "man",
    "says",
    "hello",
    "good",
    "bye",
]


def save_clip(folder: Path, seed: int = 0, image_side: int = 32) -> Path:
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {"vocab_size": 64, "max_position_embeddings": 16, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    config = CLIPConfig(
        text_config=tower | text,
        vision_config=tower | {"image_size": image_side, "patch_size": 8, "projection_dim": 24},
        projection_dim=24,
    )
    crop = {"height": image_side, "width": image_side}
    processor = CLIPImageProcessorPil(size={"shortest_edge": image_side}, crop_size=crop)
    return _save(folder, seed, lambda: CLIPModel(config), processor, _tokenizer(16))


def save_clip_vision(folder: Path, seed: int = 0) -> Path:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    config = CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8,
        projection_dim=24,
    )  # fmt: skip
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return _save(folder, seed, lambda: CLIPVisionModelWithProjection(config), processor)


def save_siglip(folder: Path, seed: int = 0) -> Path:
    from transformers import SiglipConfig, SiglipModel
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {"vocab_size": 64, "max_position_embeddings": 16, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    config = SiglipConfig(
        text_config=tower | text | {"projection_size": 32}, vision_config=tower | {"image_size": 32, "patch_size": 8}
    )
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    return _save(folder, seed, lambda: SiglipModel(config), processor, _tokenizer(16))


def save_siglip2(folder: Path, seed: int = 0) -> Path:
    from transformers import Siglip2Config, Siglip2Model
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {"vocab_size": 64, "max_position_embeddings": 16, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    config = Siglip2Config(
        text_config=tower | text | {"projection_size": 32}, vision_config=tower | {"patch_size": 8, "num_patches": 16}
    )
    processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    return _save(folder, seed, lambda: Siglip2Model(config), processor, _tokenizer(16))


def save_seqclip(folder: Path, seed: int = 0, own_towers: bool = True, base: Path | None = None) -> Path:
    """A temporal part that was not trained, but moved off zero, on a tiny CLIP beside the folder."""
    from mediafm.encoders.towers import Towers
    from mediafm.train.seqclip.checkpoint import find_base, write_checkpoint
    from mediafm.train.seqclip.network import SeqClip
    from mediafm.train.seqclip.recipe import load_seqclip_recipe

    clip = find_base(str(base or save_clip(folder.parent / f"{folder.name}-base", seed)), "MIT")
    settings = ["temporal.hidden=16", "temporal.heads=2", f"run.seed={seed}", f"train.keep_tower={own_towers}"]
    net = SeqClip(Towers(clip.weights, "cpu", clip.settings), load_seqclip_recipe("", settings))
    with torch.no_grad():
        net.temporal.out.weight.normal_(std=0.2, generator=torch.Generator().manual_seed(seed))
    nothing = dict.fromkeys(("r1", "r5", "r10", "median_rank"), 0.0) | {"queries": 0, "items": 0}
    measures = {"text_to_video": nothing, "video_to_text": nothing}
    pairs = {"training": 0, "validation": 0, "films": 0, "left_out": 0, "fingerprint": ""}
    write_checkpoint(folder, net, clip, 8, own_towers, {"base": measures, "best": measures, "steps": 0, "pairs": pairs})
    return folder


def save_wav2vec2(folder: Path, seed: int = 0, norm: str = "group") -> Path:
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    config = Wav2Vec2Config(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, conv_dim=(8,) * 7,
        feat_extract_norm=norm, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
        do_stable_layer_norm=norm == "layer",
    )  # fmt: skip
    return _save(folder, seed, lambda: Wav2Vec2Model(config), Wav2Vec2FeatureExtractor())


def save_clap(folder: Path, seed: int = 0, fused: bool = False) -> Path:
    """Windows of 2 s in place of 10."""
    from transformers import ClapConfig, ClapModel

    text = {
        "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 32, "pad_token_id": 0,
    }  # fmt: skip
    config = ClapConfig(text_config=text, audio_config=_clap_audio(fused), projection_dim=24)
    return _save(folder, seed, lambda: _used_to_sound(ClapModel(config)), _clap_extractor(fused), _tokenizer(31))


def save_clap_audio(folder: Path, seed: int = 0) -> Path:
    from transformers import ClapAudioConfig, ClapAudioModelWithProjection

    config = ClapAudioConfig(**_clap_audio(fused=False), projection_dim=24)
    return _save(
        folder, seed, lambda: _used_to_sound(ClapAudioModelWithProjection(config)), _clap_extractor(fused=False)
    )


def _clap_audio(fused: bool) -> dict[str, Any]:
    fusion = {"enable_fusion": True, "fusion_type": "aff_2d"} if fused else {}
    return {
        "num_mel_bins": 16, "spec_size": 64, "window_size": 4, "patch_embeds_hidden_size": 16, "hidden_size": 32,
        "depths": [1, 1], "num_attention_heads": [2, 4], **fusion,
    }  # fmt: skip


def _clap_extractor(fused: bool) -> Any:
    from transformers import ClapFeatureExtractor

    return ClapFeatureExtractor(feature_size=16, max_length_s=2, truncation="fusion" if fused else "rand_trunc")


def _used_to_sound(model: Any) -> Any:
    """With the level and spread that a trained model expects of its spectrograms, in dB."""
    norm = model.audio_model.audio_encoder.batch_norm
    norm.running_mean.fill_(-40.0)
    norm.running_var.fill_(400.0)
    return model


def save_omni(folder: Path, seed: int = 0) -> Path:
    """Qwen2.5-Omni as the hub has it: the thinker's weights among those of the talker."""
    from transformers import Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerForConditionalGeneration

    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
    vision = {"patch_size": 4, "window_size": 32, "fullatt_block_indexes": [1]}
    config = Qwen2_5OmniThinkerConfig(
        text_config=_OMNI_TEXT | {"rope_parameters": rope}, vision_config=_OMNI_VISION | vision,
        audio_config=_OMNI_AUDIO, audio_token_index=30, video_token_index=31, image_token_index=32, **_OMNI_MARKS,
    )  # fmt: skip
    _save(folder, seed, lambda: Qwen2_5OmniThinkerForConditionalGeneration(config), _omni_tokenizer())
    return _part_of_the_whole(folder, "qwen2_5_omni", patch=4)


def save_omni_moe(folder: Path, seed: int = 0) -> Path:
    """Qwen3-Omni, likewise."""
    from transformers import Qwen3OmniMoeThinkerConfig, Qwen3OmniMoeThinkerForConditionalGeneration

    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1], "mrope_interleaved": True}
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 8}
    vision = {"patch_size": 4, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    config = Qwen3OmniMoeThinkerConfig(
        text_config=_OMNI_TEXT | experts | {"rope_parameters": rope}, vision_config=_OMNI_VISION | vision,
        audio_config=_OMNI_AUDIO | {"downsample_hidden_size": 8}, audio_token_id=30, video_token_id=31,
        image_token_id=32, **_OMNI_MARKS,
    )  # fmt: skip
    _save(folder, seed, lambda: Qwen3OmniMoeThinkerForConditionalGeneration(config), _omni_tokenizer())
    return _part_of_the_whole(folder, "qwen3_omni_moe", patch=4)


_OMNI_TEXT = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 32_768,
}  # fmt: skip
_OMNI_VISION = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "out_hidden_size": 32}
_OMNI_AUDIO = {
    "num_mel_bins": 16, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 48, "d_model": 32,
    "output_dim": 32,
}  # fmt: skip
_OMNI_MARKS = {
    "vision_start_token_id": 33, "vision_end_token_id": 34, "audio_start_token_id": 35, "audio_end_token_id": 36,
}  # fmt: skip
_OMNI_SPECIAL = {
    "<|AUDIO|>": 30, "<|VIDEO|>": 31, "<|IMAGE|>": 32, "<|vision_bos|>": 33, "<|vision_eos|>": 34,
    "<|audio_bos|>": 35, "<|audio_eos|>": 36, "<|im_start|>": 37, "<|im_end|>": 38,
}  # fmt: skip


def _omni_tokenizer() -> Any:
    """Words, and the marks of the family at the numbers above."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", *WORDS, "user", "assistant", "<", ">", "|", "VIDEO"]
    numbers = {word: i for i, word in enumerate(words)} | _OMNI_SPECIAL
    core = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.add_special_tokens([AddedToken(mark, special=True) for mark in _OMNI_SPECIAL])
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]")


def _part_of_the_whole(folder: Path, kind: str, patch: int) -> Path:
    """Turn a saved thinker into what a whole model's folder looks like, with its preprocessing."""
    from safetensors.torch import load_file, save_file
    from transformers import WhisperFeatureExtractor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    weights = {f"thinker.{key}": value for key, value in load_file(folder / "model.safetensors").items()}
    weights["talker.model.norm.weight"] = torch.ones(3)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    whole = {"model_type": kind, "architectures": ["OmniModel"], "thinker_config": config, "enable_audio_output": True}
    (folder / "config.json").write_text(json.dumps(whole))
    parts = (WhisperFeatureExtractor(feature_size=16), Qwen2VLImageProcessorPil(patch_size=patch))
    settings: dict[str, Any] = {}
    for part in parts:
        settings |= json.loads(part.to_json_string())
    settings |= {"min_pixels": 3136, "max_pixels": 12_845_056}
    del settings["size"]
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def save_sentence(folder: Path, seed: int = 0, max_tokens: int = 12) -> Path:
    """A BERT with mean pooling and normalisation, in the layout of sentence-transformers."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    plain = save_bert(folder.parent / f"{folder.name}-bert", seed)
    with quiet():
        inner = Transformer(str(plain), max_seq_length=max_tokens)
        SentenceTransformer(modules=[inner, Pooling(32), Normalize()], device="cpu").save(str(folder))
    return folder


def save_bert(folder: Path, seed: int = 0) -> Path:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=64,
    )  # fmt: skip
    return _save(folder, seed, lambda: BertModel(config), _tokenizer(64))


def _tokenizer(longest: int) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=longest,
    )  # fmt: skip


def _save(folder: Path, seed: int, make: Any, *parts: Any) -> Path:
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make()
        for parameter in model.parameters():  # two layers start out so flat that all inputs look alike
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.5)
        model.save_pretrained(folder)
        for part in parts:
            part.save_pretrained(folder)
    return folder
