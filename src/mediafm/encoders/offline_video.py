"""`offline` video encoder: a classical descriptor of a shot's sampled frames that needs no learned weights.

Colour in CIE Lab, edge orientation, texture, spatial layout, tone, motion between samples and variability across
them; docs/encoders.md says what each of its numbers is.
"""

from collections.abc import Sequence

import numpy as np

from mediafm.encoders.blocks import Array, Block, describe
from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.motion_stats import CHANGE_BLOCKS, motion_values, variability_values
from mediafm.encoders.picture_stats import PICTURE_BLOCKS, SIDE, picture_values, prepare
from mediafm.encoders.vectors import scatter
from mediafm.errors import EncoderError
from mediafm.types import Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes
VIDEO_BLOCKS: tuple[Block, ...] = PICTURE_BLOCKS + CHANGE_BLOCKS


class OfflineVideoEncoder(Encoder):
    """Classical picture descriptor. A shot without frames is absent."""

    name = "offline-video"
    modality: Modality = "video"
    dim = sum(block.dim for block in VIDEO_BLOCKS)
    licence = "Apache-2.0"
    frames = 6
    batch = 4
    frame_side = SIDE

    def __init__(self) -> None:
        self.fingerprint = fingerprint(self.name, code=_CODE_VERSION, frames=self.frames, side=self.frame_side)

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Describe each shot; [len(batch), dim]."""
        return scatter([_describe(shot) if shot.frames else None for shot in batch], self.dim)


def _describe(shot: ShotInput) -> Array:
    _check(shot)
    pictures = [prepare(frame) for frame in shot.frames]
    by_frame = [picture_values(picture) for picture in pictures]
    values = {block.name: np.mean([v[block.name] for v in by_frame], axis=0) for block in PICTURE_BLOCKS}
    values |= motion_values(pictures, shot.frame_times) | variability_values(by_frame)
    return describe(VIDEO_BLOCKS, values)


def _check(shot: ShotInput) -> None:
    shapes = {frame.shape for frame in shot.frames}
    first = shot.frames[0]
    if len(shapes) > 1 or first.ndim != 3 or first.shape[2] != 3 or first.size == 0 or first.dtype != np.uint8:
        raise EncoderError(
            f"Encoder 'offline-video' takes uint8 [h, w, 3] frames of one size, not {sorted(map(str, shapes))}.",
            "Hand it RGB pictures as mediafm.media samples them.",
        )
    if len(shot.frame_times) != len(shot.frames):
        raise EncoderError(
            f"A shot has {len(shot.frames)} frames but {len(shot.frame_times)} frame times.",
            "Give each frame its time.",
        )
