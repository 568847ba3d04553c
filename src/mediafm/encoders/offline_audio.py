"""`offline` audio encoder: a classical descriptor of a shot's sound that needs no learned weights.

Log-mel statistics, MFCC, spectral contrast and shape, loudness, onset strength and tempo; docs/encoders.md says what
each of its numbers is.
"""

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np

from mediafm.encoders.blocks import describe
from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.sound_stats import SOUND_BLOCKS, SOUND_DIM, sound_values
from mediafm.encoders.vectors import scatter
from mediafm.types import SAMPLE_RATE, FloatArray, Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes


class OfflineAudioEncoder(Encoder):
    """Classical sound descriptor. Silence has a vector; a shot whose samples are None or empty is absent."""

    name = "offline-audio"
    modality: Modality = "audio"
    dim = SOUND_DIM
    licence = "Apache-2.0"
    batch = 4

    def __init__(self) -> None:
        self.fingerprint = fingerprint(self.name, code=_CODE_VERSION, sample_rate=SAMPLE_RATE)

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Describe each shot; [len(batch), dim]."""
        rows = [describe(SOUND_BLOCKS, sound_values(s)) if has_sound(s) else None for s in (b.samples for b in batch)]
        return scatter(rows, self.dim)


def has_sound(samples: FloatArray | None) -> TypeGuard[FloatArray]:
    """Whether there is any sample at all; zeros are sound (silence), nothing is not."""
    return samples is not None and np.size(samples) > 0
