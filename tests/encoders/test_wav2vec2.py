"""The speech model against the model itself, and long sound in pieces."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Model

from mediafm.encoders.wav2vec2 import Wav2Vec2Encoder
from mediafm.encoders.weights import quiet
from mediafm.errors import EncoderError, UsageError
from mediafm.types import SAMPLE_RATE, FloatArray, ShotInput


def noise(n: int, seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).standard_normal(n) * 0.1 + 0.03).astype(np.float32)


def shot(samples: FloatArray) -> ShotInput:
    return ShotInput((), (), samples, "", len(samples) / SAMPLE_RATE)


def truth(folder: Path, samples: FloatArray, layer: int = -1) -> np.ndarray:
    """Zero mean, unit variance, the whole wave at once, mean over time, unit norm."""
    wave = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with quiet(), torch.inference_mode():
        model = Wav2Vec2Model.from_pretrained(folder).eval()
        hidden = model(torch.from_numpy(wave)[None], output_hidden_states=True).hidden_states[layer]
    return torch.nn.functional.normalize(hidden[0].mean(dim=0), dim=-1).numpy()


@pytest.mark.parametrize("kind", ["wav2vec2", "wav2vec2-layer"])
@pytest.mark.parametrize("n", [400, 401, 719, 720, 16_000, 100_003])
def test_equals_the_model_itself(kind: str, n: int, model_folders: Callable[[str], Path]) -> None:
    encoder = Wav2Vec2Encoder(str(model_folders(kind)), device="cpu")
    assert encoder.encode([shot(noise(n))]).vectors[0] == pytest.approx(truth(model_folders(kind), noise(n)), abs=1e-5)


def test_layers(model_folders: Callable[[str], Path]) -> None:
    folder = model_folders("wav2vec2")
    for layer in (0, 1, -2):
        vector = Wav2Vec2Encoder(str(folder), layer=layer, device="cpu").encode([shot(noise(9000))]).vectors[0]
        assert vector == pytest.approx(truth(folder, noise(9000), layer), abs=1e-5)
    prints = {Wav2Vec2Encoder(str(folder), layer=layer, device="cpu").fingerprint for layer in (0, 1, -1)}
    assert len(prints) == 3
    with pytest.raises(UsageError, match="no layer 3"):
        Wav2Vec2Encoder(str(folder), layer=3, device="cpu")


@pytest.mark.parametrize("seconds", [19.99, 20, 22.01, 41.3, 60])
def test_long_sound_in_pieces_equals_the_whole(seconds: float, model_folders: Callable[[str], Path]) -> None:
    """Layer 0 of a model that normalises moment by moment sees less than the margin, so pieces change nothing."""
    folder = model_folders("wav2vec2-layer")
    samples = noise(int(seconds * SAMPLE_RATE)) * np.linspace(0.1, 3, int(seconds * SAMPLE_RATE), dtype=np.float32)
    encoder = Wav2Vec2Encoder(str(folder), layer=0, device="cpu")
    assert encoder.encode([shot(samples)]).vectors[0] == pytest.approx(truth(folder, samples, 0), abs=1e-5)


@pytest.mark.parametrize("n", [400, 719, 720, 20 * SAMPLE_RATE + 79, 20 * SAMPLE_RATE + 81, 333_333, 1_920_000])
def test_every_frame_counts_once(n: int, model_folders: Callable[[str], Path]) -> None:
    encoder = Wav2Vec2Encoder(str(model_folders("wav2vec2")), device="cpu")
    counted = []
    for piece in encoder._pieces(0, n):
        assert 0 <= piece.start < piece.stop <= n and piece.stop - piece.start < 24 * SAMPLE_RATE + 720
        counted += [piece.start // 320 + frame for frame in range(piece.first, piece.last)]
    assert counted == list(range((n - 400) // 320 + 1))


@pytest.mark.parametrize("n", [1, 16, 399])
def test_shorter_than_one_frame_is_filled_up(n: int, model_folders: Callable[[str], Path]) -> None:
    encoder = Wav2Vec2Encoder(str(model_folders("wav2vec2")), device="cpu")
    encoded = encoder.encode([shot(noise(n)), shot(np.zeros(n, np.float32))])
    assert encoded.present.all() and np.linalg.norm(encoded.vectors, axis=1) == pytest.approx(1)


def test_normalises_only_if_the_model_was_trained_so(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    folder = shutil.copytree(model_folders("wav2vec2-layer"), tmp_path / "model")
    config = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(config | {"do_normalize": False}))
    raw = Wav2Vec2Encoder(str(folder), device="cpu")
    normal = Wav2Vec2Encoder(str(model_folders("wav2vec2-layer")), device="cpu")
    loud, soft = shot(noise(8000) * 5), shot(noise(8000) * np.float32(0.5))
    assert normal.encode([loud]).vectors == pytest.approx(normal.encode([soft]).vectors, abs=1e-4)
    assert np.abs(raw.encode([loud]).vectors - raw.encode([soft]).vectors).max() > 1e-3
    assert raw.fingerprint != normal.fingerprint


def test_other_sampling_rate_is_refused(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    folder = shutil.copytree(model_folders("wav2vec2"), tmp_path / "model")
    config = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(config | {"sampling_rate": 8000}))
    with pytest.raises(EncoderError, match="8000 Hz"):
        Wav2Vec2Encoder(str(folder), device="cpu")


def test_model_of_another_family_is_refused(model_folders: Callable[[str], Path]) -> None:
    with pytest.raises(EncoderError, match="not of the wav2vec"):
        Wav2Vec2Encoder(str(model_folders("bert")), device="cpu")
