"""The cheap stage of `auto`: a small network over `change_features` that has learned to say what TransNetV2 would say.

It was distilled from TransNetV2's own output (benchmarks/train_auto.py), sees 62 frames around each, and costs a
thousandth of it.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import relu

from mediafm.shots.change import FEATURES, HEIGHT, HISTORY, WIDTH, change_features
from mediafm.shots.trained import CHUNK, DILATIONS, KERNEL, REACH, glance_weights
from mediafm.types import FloatArray, ImageArray

CHANNELS = 32


class GlanceNetwork(nn.Module):
    """Convolutions over time. [batch, FEATURES, REACH + n + REACH] to logits [batch, n]."""

    def __init__(self) -> None:
        super().__init__()
        widths = (FEATURES, *[CHANNELS] * len(DILATIONS))
        self.layers = nn.ModuleList(
            nn.Conv1d(wide, CHANNELS, KERNEL, dilation=d) for wide, d in zip(widths, DILATIONS, strict=False)
        )
        self.out = nn.Conv1d(CHANNELS, 1, 1)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """Logit that TransNetV2 calls a frame the last before a cut."""
        for number, (layer, dilation) in enumerate(zip(self.layers, DILATIONS, strict=True)):
            cut = dilation * (KERNEL // 2)
            new = relu(layer(x_BCT))
            x_BCT = new + x_BCT[..., cut:-cut] if number else new
        logits: Tensor = self.out(x_BCT)[:, 0]
        return logits


@cache
def load_glance() -> GlanceNetwork:
    """The trained network, on the CPU. EncoderError if its weights are not there."""
    with torch.device("meta"):
        network = GlanceNetwork()
    network.load_state_dict(load(glance_weights()[0]), strict=True, assign=True)
    network.requires_grad_(False).eval()
    return network


class GlanceStream:
    """Frames in, probabilities out, in order; the same whatever the machine, since frames go by CHUNK."""

    def __init__(self, network: GlanceNetwork) -> None:
        self._network = network
        self._frames: NDArray[np.uint8] = np.empty((HISTORY + CHUNK, HEIGHT, WIDTH, 3), np.uint8)
        self._filled = 0  # frames in the buffer, the HISTORY before the first chunk included
        self._rows: FloatArray = np.empty((0, FEATURES), np.float32)  # from REACH before the next frame owed

    def push(self, image: ImageArray) -> FloatArray:
        """Take the next frame, uint8 [27, 48, 3]; probabilities of the next frames in order, mostly none."""
        if self._filled == 0:
            self._frames[:HISTORY] = image
            self._filled = HISTORY
        self._frames[self._filled] = image
        self._filled += 1
        return self._look() if self._filled == HISTORY + CHUNK else np.empty(0, np.float32)

    def finish(self) -> FloatArray:
        """Probabilities of all frames still owed."""
        early = self._look() if self._filled > HISTORY else np.empty(0, np.float32)
        if not len(self._rows):
            return early
        self._rows = np.concatenate([self._rows, np.repeat(self._rows[-1:], REACH, axis=0)])
        return np.concatenate([early, self._judge()])

    def _look(self) -> FloatArray:
        rows = change_features(self._frames[: self._filled])
        if not len(self._rows):
            self._rows = np.repeat(rows[:1], REACH, axis=0)
        self._rows = np.concatenate([self._rows, rows])
        self._frames[:HISTORY] = self._frames[self._filled - HISTORY : self._filled].copy()
        self._filled = HISTORY
        return self._judge()

    def _judge(self) -> FloatArray:
        """Probabilities of the frames with REACH rows on either side."""
        ready = len(self._rows) - 2 * REACH
        if ready <= 0:
            return np.empty(0, np.float32)
        with torch.inference_mode():
            logits = self._network(torch.from_numpy(self._rows.T.copy())[None])
        self._rows = self._rows[ready:]
        return torch.sigmoid(logits[0]).numpy()
