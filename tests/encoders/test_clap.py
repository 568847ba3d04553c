"""CLAP against the model itself fed by a spectrogram written out with numpy; long sound in pieces; words for sound."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ClapFeatureExtractor, ClapModel

from mediafm.encoders import TextEncoder, checked
from mediafm.encoders.clap import ClapEncoder
from mediafm.encoders.weights import quiet
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, ShotInput

RATE, WINDOW = 48_000, 96_000  # of the tiny models
KINDS = ["clap", "clap-fused"]


def noise(n: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * rng.uniform(200, 5000) * np.arange(n) / RATE)
    return (rng.standard_normal(n) * 0.02 + 0.2 * tone).astype(np.float32)


def shot(samples: FloatArray) -> ShotInput:
    return ShotInput((), (), samples, "", len(samples) / RATE, RATE)


def log_mel(wave: FloatArray, filters: np.ndarray) -> np.ndarray:
    """[frames, mels] in dB: Hann windows of 1024 every 480, reflected at the ends, power, filters, 10 log10."""
    padded = np.pad(wave.astype(np.float64), 512, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::480] * window
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return 10 * np.log10(np.maximum(power @ filters, 1e-10))


def filled(wave: FloatArray) -> FloatArray:
    """Said over and over as often as it fits whole, then silence, to one window."""
    said = np.tile(wave, WINDOW // len(wave))
    return np.pad(said, (0, WINDOW - len(said)))


def truth(folder: Path, wave: FloatArray) -> np.ndarray:
    """The unit vector of sound no longer than a window."""
    with quiet(), torch.inference_mode():
        extractor = ClapFeatureExtractor.from_pretrained(folder)
        model = ClapModel.from_pretrained(folder).eval()
        fused = model.config.audio_config.enable_fusion
        mel = log_mel(filled(wave), extractor.mel_filters if fused else extractor.mel_filters_slaney)
        features = torch.from_numpy(np.stack([mel] * (4 if fused else 1))[None]).float()
        vector = model.get_audio_features(features, is_longer=torch.zeros(1, 1, dtype=torch.bool)).pooler_output
    return torch.nn.functional.normalize(vector[0], dim=-1).numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 900, 40_000, WINDOW])
def test_equals_the_model_itself(kind: str, n: int, model_folders: Callable[[str], Path]) -> None:
    encoder = ClapEncoder(str(model_folders(kind)), device="cpu")
    assert encoder.sample_rate == RATE
    assert checked(encoder, [shot(noise(n))]).vectors[0] == pytest.approx(
        truth(model_folders(kind), noise(n)), abs=1e-4
    )


@pytest.mark.parametrize("kind", KINDS)
def test_long_sound_is_the_mean_of_its_windows_by_their_lengths(
    kind: str, model_folders: Callable[[str], Path]
) -> None:
    encoder = ClapEncoder(str(model_folders(kind)), device="cpu")
    wave = np.concatenate([noise(WINDOW, 1), noise(WINDOW, 2), noise(30_000, 3)])
    pieces = [wave[a:b] for a, b in ((0, WINDOW), (WINDOW, 2 * WINDOW), (2 * WINDOW, len(wave)))]
    alone = np.stack([encoder.encode([shot(piece)]).vectors[0] for piece in pieces])
    mean = np.average(alone, axis=0, weights=[len(piece) for piece in pieces])
    vector = encoder.encode([shot(wave)]).vectors[0]
    assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    assert np.abs(vector - alone[0]).max() > 1e-3


def test_nothing_is_left_to_chance(model_folders: Callable[[str], Path]) -> None:
    """The model's own preprocessing draws from NumPy's global generator; the encoder neither uses nor moves it."""
    encoder = ClapEncoder(str(model_folders("clap-fused")), device="cpu")
    wave, vectors = noise(5 * WINDOW // 2), []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        vectors.append(encoder.encode([shot(wave), shot(wave[:500])]).vectors)
        assert np.random.randint(1 << 30) == np.random.RandomState(seed).randint(1 << 30)  # noqa: NPY002
    assert np.array_equal(vectors[0], vectors[1])


def test_silence_has_a_vector_and_no_sound_has_none(model_folders: Callable[[str], Path]) -> None:
    encoder = ClapEncoder(str(model_folders("clap")), device="cpu")
    nothing = ShotInput((), (), None, "", 1.0, RATE)
    encoded = checked(encoder, [shot(np.zeros(RATE, np.float32)), nothing, shot(np.zeros(0, np.float32))])
    assert encoded.present.tolist() == [True, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_words_meet_sound_in_one_space(kind: str, model_folders: Callable[[str], Path]) -> None:
    encoder = ClapEncoder(str(model_folders(kind)), device="cpu")
    assert isinstance(encoder, TextEncoder)
    dog, empty, long, again = encoder.encode_texts(["the dog runs", " ", "fire water " * 40, "the dog runs"])
    assert dog.shape == (encoder.dim,) and not empty.any()
    assert np.linalg.norm([dog, long], axis=1) == pytest.approx(1, abs=1e-6)
    assert dog == pytest.approx(again, abs=1e-6)
    assert dog == pytest.approx(encoder.encode_texts(["the dog runs"])[0], abs=1e-5)
    assert dog @ long < 0.999
    with quiet(), torch.inference_mode():
        model = ClapModel.from_pretrained(model_folders(kind)).eval()
        ids = encoder._tokenizer("the dog runs", return_tensors="pt")["input_ids"]
        truth = torch.nn.functional.normalize(model.get_text_features(input_ids=ids).pooler_output[0], dim=-1)
    assert dog == pytest.approx(truth.numpy(), abs=1e-5)


def test_audio_tower_alone_has_no_words(model_folders: Callable[[str], Path]) -> None:
    encoder = ClapEncoder(str(model_folders("clap-audio")), device="cpu")
    assert encoder.dim == 24
    with pytest.raises(EncoderError, match="no text tower"):
        encoder.encode_texts(["dog"])


def test_towers_alone_and_together_agree(model_folders: Callable[[str], Path], tmp_path: Path) -> None:
    from transformers import ClapAudioModelWithProjection

    from mediafm.encoders.weights import load_strictly

    folder = model_folders("clap")
    with quiet():
        load_strictly(ClapAudioModelWithProjection, folder).save_pretrained(tmp_path / "audio")
    shutil.copy(folder / "preprocessor_config.json", tmp_path / "audio")
    alone, both = (ClapEncoder(str(f), device="cpu") for f in (tmp_path / "audio", folder))
    assert alone.encode([shot(noise(9000))]).vectors == pytest.approx(
        both.encode([shot(noise(9000))]).vectors, abs=1e-6
    )


def test_window_and_rate_are_the_models_own(model_folders: Callable[[str], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(model_folders("clap"), tmp_path / "model")
    config = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(config | {"max_length_s": 1, "sampling_rate": 32_000}))
    other, usual = (ClapEncoder(str(f), device="cpu") for f in (folder, model_folders("clap")))
    assert (other.sample_rate, other._window) == (32_000, 32_000) and other.fingerprint != usual.fingerprint
    with pytest.raises(EncoderError, match="wants 32000 Hz"):
        checked(other, [shot(noise(100))])
