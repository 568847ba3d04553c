"""Read shots in, features and keyframes out: every encoder of the preset over one batch of shots."""

from collections.abc import Sequence

import cv2
import numpy as np

from mediafm.encoders import Preset, checked
from mediafm.ingest.title_pass import ReadShot
from mediafm.types import MODALITIES, Features

KEYFRAME_QUALITY = 85  # JPEG quality, 0-100


def encode_shots(preset: Preset, shots: Sequence[ReadShot]) -> Features:
    """Features of the shots by the preset's encoders; a shot without a modality gets a flagged zero row."""
    inputs = [shot.input for shot in shots]
    encoded = {m: checked(preset.encoders[m], inputs) for m in MODALITIES if m in preset.encoders}
    return Features(
        vectors={m: e.vectors for m, e in encoded.items()},
        present={m: e.present for m, e in encoded.items()},
    )


def keyframes(shots: Sequence[ReadShot]) -> dict[int, bytes]:
    """Shot number -> JPEG of its middle sampled picture; shots without picture are left out."""
    return {s.shot.index: _jpeg(s.keyframe) for s in shots if s.keyframe is not None}


def _jpeg(image: np.ndarray) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, KEYFRAME_QUALITY])
    return data.tobytes()
