"""Fixtures of the encoder tests."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoders.cases import CASES, OFFLINE
from hosted_server import SECRET
from mediafm.encoders import Encoder
from mediafm.encoders.hosted.text_cache import TextCache
from mediafm.encoders.hosted.texts import TextService
from mediafm.encoders.openai import OpenAIEncoder
from mediafm.types import SAMPLE_RATE, ShotInput
from openai_server import openai_server


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Kind -> its saved model, made once a session. Copy it before changing it."""
    root, made = tmp_path_factory.mktemp("models"), {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = CASES[kind].save(root / kind)
        return made[kind]

    return folder


@pytest.fixture(scope="session")
def make_openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Encoder]]:
    """Makes the encoder that asks a service, here one on this machine; each has a cache of its own."""
    with openai_server() as server:

        def make() -> Encoder:
            asked = TextService("text-embedding-3-large", 16, base_url=f"{server.url}/v1")
            cache = TextCache(asked.model, asked.dim, tmp_path_factory.mktemp("texts"))
            return OpenAIEncoder(asked, cache=cache, environment={"OPENAI_API_KEY": SECRET})

        yield make


@pytest.fixture(scope="session")
def make_encoder(model_folders: Callable[[str], Path], make_openai: Callable[[], Encoder]) -> Callable[[str], Encoder]:
    """Kind -> a freshly loaded encoder."""

    def make(kind: str) -> Encoder:
        if kind == "openai":
            return make_openai()
        return OFFLINE[kind]() if kind in OFFLINE else CASES[kind].make(str(model_folders(kind)), device="cpu")

    return make


@pytest.fixture(scope="session")
def shots() -> list[ShotInput]:
    """Very different shots, sound at 16 kHz."""
    return make_shots(SAMPLE_RATE)


@pytest.fixture(scope="session")
def shots_for() -> Callable[[Encoder], list[ShotInput]]:
    """Encoder -> the same shots, sound at the rate it wants."""
    made: dict[int, list[ShotInput]] = {}
    return lambda encoder: made.setdefault(encoder.sample_rate, make_shots(encoder.sample_rate))


def make_shots(rate: int) -> list[ShotInput]:
    """Very different shots: usual, long, short, without picture, black and silent, mute, of odd sizes, empty."""
    rng = np.random.default_rng(7)
    silence = np.zeros(3 * rate, np.float32)
    made = [
        _shot(rng, 6, 5.0, "The dog runs in the park.", rate),
        _shot(rng, 8, 50.0, "hello good bye " * 40, rate),
        _shot(rng, 1, 0.04, "a", rate),
        ShotInput((), (), _noise(rng, 3.0, rate), "The man says hello", 3.0),
        ShotInput((np.zeros((54, 96, 3), np.uint8),) * 3, (0.5, 1.5, 2.5), silence, " \n", 3.0),
        ShotInput(_frames(rng, 4, 160, 90), (0.1, 0.1, 0.1, 0.1), None, "water ... fire!", 0.2),
        ShotInput(_frames(rng, 2, 7, 300), (0.0, 9.0), np.zeros(0, np.float32), "", 18.0),
        ShotInput(_frames(rng, 1, 1, 1), (0.0,), np.full(1, 0.5, np.float32), "日本語", 0.001),
        ShotInput((), (), None, "", 1.0),
    ]
    return [replace(shot, sample_rate=rate) for shot in made]


def _shot(rng: np.random.Generator, n: int, seconds: float, text: str, rate: int) -> ShotInput:
    times = tuple((np.arange(n) + 0.5) * seconds / n)
    return ShotInput(_frames(rng, n, 96, 170), times, _noise(rng, seconds, rate), text, seconds)


def _frames(rng: np.random.Generator, n: int, height: int, width: int) -> tuple[np.ndarray, ...]:
    """Smooth random pictures that drift to the right."""
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    picture = np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width]
    return tuple(np.roll(picture, 3 * i, axis=1) for i in range(n))


def _noise(rng: np.random.Generator, seconds: float, rate: int) -> np.ndarray:
    """A tone of some pitch in noise that swells and fades."""
    time = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * rng.uniform(100, 4000) * time)
    envelope = 0.05 + 0.1 * np.abs(np.sin(time * 7))
    return ((rng.standard_normal(len(time)) + 3 * tone) * envelope).astype(np.float32)
