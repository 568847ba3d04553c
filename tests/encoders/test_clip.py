"""The image tower against the model itself, fed by preprocessing written out with Pillow."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, SiglipModel

from mediafm.encoders import TextEncoder
from mediafm.encoders.clip import ClipEncoder
from mediafm.encoders.weights import quiet
from mediafm.errors import EncoderError, UsageError
from mediafm.types import ImageArray, ShotInput

CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def picture(seed: int, height: int, width: int) -> ImageArray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def clip_pixels(image: ImageArray, side: int = 32) -> torch.Tensor:
    """Shorter side to `side`, bicubic; centre crop; normalise (Radford et al. 2021, reference code's `transform`)."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (int(width * scale), int(height * scale))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC), np.float32) / 255
    top, left = (small.shape[0] - side) // 2, (small.shape[1] - side) // 2
    cropped = small[top : top + side, left : left + side]
    return torch.from_numpy((cropped - np.float32(CLIP_MEAN)) / np.float32(CLIP_DEVIATION)).permute(2, 0, 1)


def siglip_pixels(image: ImageArray, side: int = 32) -> torch.Tensor:
    small = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
    return torch.from_numpy((small - np.float32(0.5)) / np.float32(0.5)).permute(2, 0, 1)


@pytest.mark.parametrize(("kind", "loader", "pixels"), [
    ("clip", CLIPModel, clip_pixels), ("siglip", SiglipModel, siglip_pixels),
])  # fmt: skip
@pytest.mark.parametrize("size", [(32, 32), (64, 96), (180, 120), (33, 70)])
def test_equals_the_model_itself(
    kind: str, loader: type, pixels: Callable, size: tuple[int, int], model_folders: Callable[[str], Path]
) -> None:
    frames = tuple(picture(seed, *size) for seed in range(3))
    encoder = ClipEncoder(str(model_folders(kind)), device="cpu")
    encoded = encoder.encode([ShotInput(frames, (0.0, 1.0, 2.0), None, "", 3.0)])
    with quiet(), torch.inference_mode():
        model = loader.from_pretrained(model_folders(kind)).eval()
        output = model.get_image_features(pixel_values=torch.stack([pixels(frame) for frame in frames]))
    rows = torch.nn.functional.normalize(output.pooler_output, dim=-1)
    truth = torch.nn.functional.normalize(rows.mean(dim=0), dim=-1).numpy()
    assert encoded.vectors[0] == pytest.approx(truth, abs=1e-5)


def test_towers_alone_and_together_agree(model_folders: Callable[[str], Path], tmp_path: Path) -> None:
    """The vision-only class of the same weights gives the same vectors."""
    from transformers import CLIPVisionModelWithProjection

    from mediafm.encoders.weights import load_strictly

    folder = model_folders("clip")
    with quiet():
        load_strictly(CLIPVisionModelWithProjection, folder).save_pretrained(tmp_path / "vision")
    (tmp_path / "vision" / "preprocessor_config.json").write_text((folder / "preprocessor_config.json").read_text())
    shot = ShotInput((picture(1, 50, 80),), (0.0,), None, "", 1.0)
    alone, both = (ClipEncoder(str(f), device="cpu") for f in (tmp_path / "vision", folder))
    assert alone.encode([shot]).vectors == pytest.approx(both.encode([shot]).vectors, abs=1e-6)
    with pytest.raises(EncoderError, match="no text tower"):
        alone.encode_texts(["dog"])


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_texts_meet_pictures_in_one_space(kind: str, model_folders: Callable[[str], Path]) -> None:
    encoder = ClipEncoder(str(model_folders(kind)), device="cpu")
    assert isinstance(encoder, TextEncoder)
    dog, empty, long, again = encoder.encode_texts(["the dog runs", " ", "fire water " * 40, "the dog runs"])
    assert dog.shape == (encoder.dim,) and not empty.any()
    assert np.linalg.norm([dog, long], axis=1) == pytest.approx(1, abs=1e-6)
    assert dog == pytest.approx(again, abs=1e-6)
    assert dog == pytest.approx(encoder.encode_texts(["the dog runs"])[0], abs=1e-5)
    assert dog @ long < 0.999


def test_text_equals_the_model_itself(model_folders: Callable[[str], Path]) -> None:
    encoder = ClipEncoder(str(model_folders("clip")), device="cpu")
    with quiet(), torch.inference_mode():
        model = CLIPModel.from_pretrained(model_folders("clip")).eval()
        ids = torch.tensor([[2, *encoder_words(encoder, "the dog runs"), 3]])
        truth = torch.nn.functional.normalize(model.get_text_features(input_ids=ids).pooler_output, dim=-1)
    assert encoder.encode_texts(["the dog runs"])[0] == pytest.approx(truth[0].numpy(), abs=1e-5)


def encoder_words(encoder: ClipEncoder, text: str) -> list[int]:
    encoder.encode_texts([text])  # loads the tokenizer
    return list(encoder._towers._tokenizer(text, add_special_tokens=False)["input_ids"])


def test_frames_wanted_fit_the_model(model_folders: Callable[[str], Path]) -> None:
    assert ClipEncoder(str(model_folders("clip")), frames=3, device="cpu").frames == 3
    assert {k: ClipEncoder(str(model_folders(k)), device="cpu").frame_side for k in ("clip", "siglip", "siglip2")} == {
        "clip": 32, "siglip": 32, "siglip2": 32,
    }  # fmt: skip


def test_number_of_frames_is_part_of_the_fingerprint(model_folders: Callable[[str], Path]) -> None:
    few, many = (ClipEncoder(str(model_folders("clip")), frames=n, device="cpu").fingerprint for n in (4, 8))
    assert few != many


def test_model_without_pictures_is_refused(model_folders: Callable[[str], Path]) -> None:
    with pytest.raises(EncoderError, match="no image tower"):
        ClipEncoder(str(model_folders("bert")), device="cpu")


def test_unknown_device(model_folders: Callable[[str], Path]) -> None:
    with pytest.raises(UsageError, match="abacus"):
        ClipEncoder(str(model_folders("clip")), device="abacus")


def test_preprocessing_as_old_checkpoints_tell_it(model_folders: Callable[[str], Path], tmp_path: Path) -> None:
    """OpenAI's own CLIP checkpoints name a feature extractor and give sizes as plain numbers."""
    folder = shutil.copytree(model_folders("clip"), tmp_path / "old")
    config = json.loads((folder / "preprocessor_config.json").read_text())
    del config["image_processor_type"]
    config |= {"feature_extractor_type": "CLIPFeatureExtractor", "size": 32, "crop_size": 32}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    shot = ShotInput((picture(1, 50, 80),), (0.0,), None, "", 1.0)
    old, new = (ClipEncoder(str(f), device="cpu").encode([shot]).vectors for f in (folder, model_folders("clip")))
    assert np.array_equal(old, new)
