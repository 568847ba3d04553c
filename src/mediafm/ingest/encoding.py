"""Read shots in, rows and features and keyframes out: every encoder of the preset over one batch of shots."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice

import cv2
import numpy as np

from mediafm.catalog import EncoderSpec, ShotRecord, TitleRecord
from mediafm.encoders import Encoder, Preset, TextEncoder, checked
from mediafm.errors import UsageError
from mediafm.ingest.jobs import TitleJob
from mediafm.reading import Closed, ReadShot
from mediafm.types import MODALITIES, SAMPLE_RATE, Features, FloatArray, Metadata, Modality

BATCH = 16  # shots an encoder sees at once; bounds memory together with the sampled frames a shot
KEYFRAME_SIDE = 180  # pixels of the shorter side, unless an encoder asks for more
KEYFRAME_QUALITY = 85  # JPEG quality, 0-100


def encoder_specs(preset: Preset) -> dict[Modality, EncoderSpec]:
    """What a catalog says of the preset's encoders; UsageError where they cannot share one reading of a film."""
    frames_wanted(preset), sample_rate_wanted(preset)  # asked here, so that no catalog is made for them
    return {m: EncoderSpec(e.name, e.dim, e.fingerprint, e.licence) for m, e in preset.encoders.items()}


def frames_wanted(preset: Preset) -> tuple[int, int]:
    """(sampled frames a shot, pixels of their shorter side) that the preset's encoders and the keyframe ask for."""
    return frames_of(preset.encoders)


def frames_of(encoders: Mapping[Modality, Encoder]) -> tuple[int, int]:
    """As `frames_wanted`, of some encoders.

    Raises UsageError where two encoders want different ones: a vector would depend on the encoder beside it.
    """
    wanted = {m: (e.frames, max(KEYFRAME_SIDE, e.frame_side)) for m, e in encoders.items() if e.frames}
    _require_one({m: f"{n} pictures a shot of {side} pixels" for m, (n, side) in wanted.items()}, encoders)
    return next(iter(wanted.values()), (1, KEYFRAME_SIDE))


def sample_rate_wanted(preset: Preset) -> int:
    """Hertz of the sound that the preset's encoders ask for; UsageError where two want different rates."""
    return sample_rate_of(preset.encoders)


def sample_rate_of(encoders: Mapping[Modality, Encoder]) -> int:
    """As `sample_rate_wanted`, of some encoders."""
    wanted = {m: e.sample_rate for m, e in encoders.items() if "audio" in e.inputs}
    _require_one({m: f"sound at {rate} Hz" for m, rate in wanted.items()}, encoders)
    return next(iter(wanted.values()), SAMPLE_RATE)


def _require_one(said: Mapping[Modality, str], encoders: Mapping[Modality, Encoder]) -> None:
    if len(set(said.values())) > 1:
        wishes = ", ".join(f"{encoders[m].name} ({m}) wants {wish}" for m, wish in said.items())
        raise UsageError(
            f"The encoders cannot share one reading of a film: {wishes}.",
            "Choose encoders that want the same, or make a preset and a catalog for each.",
        )


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


def title_record(job: TitleJob, closed: Closed, time_base: Fraction, n_shots: int) -> TitleRecord:
    """The title's row in the catalog."""
    return TitleRecord(
        title_id=job.title_id,
        time_base=time_base,
        end_pts=closed.end_pts,
        frames=closed.frames,
        width=closed.width,
        height=closed.height,
        fps=closed.fps,
        has_video=closed.has_video,
        has_audio=closed.has_audio,
        has_text=closed.has_text,
        metadata=job.metadata,
        decode_failures=closed.decode_failures,
        warning=closed.warning,
        extra={**closed.extra, **({"language": job.language} if job.language else {})},
        n_shots=n_shots,
    )
