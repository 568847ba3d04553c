"""Read shots in, rows and features and keyframes out: every encoder of the preset over one batch of shots."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice

import cv2
import numpy as np

from mediafm.catalog import EncoderSpec, ShotRecord
from mediafm.encoders import Encoder, Preset, TextEncoder, checked
from mediafm.reading import ReadShot
from mediafm.types import MODALITIES, Features, FloatArray, Metadata, Modality

BATCH = 16  # shots an encoder sees at once; bounds memory together with the sampled frames a shot
KEYFRAME_SIDE = 180  # pixels of the shorter side, unless an encoder asks for more
KEYFRAME_QUALITY = 85  # JPEG quality, 0-100


def encoder_specs(preset: Preset) -> dict[Modality, EncoderSpec]:
    """What a catalog says of the preset's encoders."""
    return {m: EncoderSpec(e.name, e.dim, e.fingerprint, e.licence) for m, e in preset.encoders.items()}


def frames_wanted(preset: Preset) -> tuple[int, int]:
    """(sampled frames a shot, pixels of their shorter side) that the preset's encoders and the keyframe ask for."""
    return frames_of(preset.encoders.values())


def frames_of(encoders: Collection[Encoder]) -> tuple[int, int]:
    """As `frames_wanted`, of some encoders."""
    return max([1, *(e.frames for e in encoders)]), max([KEYFRAME_SIDE, *(e.frame_side for e in encoders)])


def batches(shots: Iterable[ReadShot]) -> Iterator[list[ReadShot]]:
    """The shots, some at a time."""
    iterator = iter(shots)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def shot_records(batch: Sequence[ReadShot], time_base: Fraction) -> list[ShotRecord]:
    """The shots' rows in the catalog."""
    return [
        ShotRecord.from_shot(r.shot, time_base, text=r.input.text, cues=r.cues, lost_frames=r.lost_frames)
        for r in batch
    ]


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


def global_vector(preset: Preset, metadata: Metadata) -> FloatArray | None:
    """The encoded metadata; None where nothing is known or the preset has no encoder for words."""
    encoder = preset.encoders.get("text")
    text = metadata.as_text()
    return encoder.encode_texts([text])[0] if text and isinstance(encoder, TextEncoder) else None


def _jpeg(image: np.ndarray) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, KEYFRAME_QUALITY])
    return data.tobytes()
