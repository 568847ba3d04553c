"""Tiny random models of the real architectures, saved as real checkpoints are: folders for tests to load."""

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
