"""Unit vectors, and the guard that holds every encoder to its contract."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, ShotInput

UNIT_TOLERANCE = 1e-4  # how far a present row's norm may be from 1


def unit_rows(vectors: NDArray[Any]) -> FloatArray:
    """Rows scaled to unit norm, worked out in float64; zero rows stay zero."""
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    return (wide / np.where(norms > 0, norms, 1.0)).astype(np.float32)


def scatter(rows: Sequence[NDArray[Any] | None], dim: int) -> Encoded:
    """Put one unit vector or None (absent) a shot into an `Encoded`."""
    vectors = np.zeros((len(rows), dim), dtype=np.float32)
    present = np.array([row is not None for row in rows], dtype=np.bool_)
    for index, row in enumerate(rows):
        if row is not None:
            vectors[index] = unit_rows(row)
    return Encoded(vectors, present)


def checked(encoder: Encoder, batch: Sequence[ShotInput]) -> Encoded:
    """`encoder.encode(batch)`, with the contract verified: the only way ingest calls an encoder.

    Raises EncoderError, naming the encoder and the first bad row, when shape or type are wrong, a number is not
    finite, a present row is not unit-norm or an absent row is not zero; and when the sound handed in is not finite or
    of another rate than the encoder's.
    """
    if "audio" in encoder.inputs:
        for index, shot in enumerate(batch):
            _check_sound(encoder, shot, index)
    encoded = encoder.encode(batch)
    vectors, present = encoded.vectors, encoded.present
    if vectors.shape != (len(batch), encoder.dim) or vectors.dtype != np.float32:
        wanted = f"float32 {(len(batch), encoder.dim)}"
        raise _broken(encoder, f"returned {vectors.dtype} {vectors.shape} where {wanted} was due")
    if present.shape != (len(batch),) or present.dtype != np.bool_:
        raise _broken(encoder, f"returned {present.dtype} {present.shape} flags where bool {(len(batch),)} was due")
    _raise_on(encoder, np.asarray(~np.isfinite(vectors).all(axis=1)), "is not finite")
    norms = np.linalg.norm(vectors, axis=1)
    _raise_on(encoder, present & (np.abs(norms - 1.0) > UNIT_TOLERANCE), "is present but not unit-norm")
    _raise_on(encoder, ~present & (norms != 0.0), "is absent but not zero")
    return encoded


def _check_sound(encoder: Encoder, shot: ShotInput, index: int) -> None:
    if shot.samples is None:
        return
    if not np.isfinite(shot.samples).all():
        raise EncoderError(
            f"Encoder {encoder.name!r} ({encoder.modality}) was handed sound that is not finite (shot {index} of its"
            " batch).",
            "The file's sound is damaged: convert it to a whole one, or leave the sound out.",
        )
    if shot.sample_rate != encoder.sample_rate:
        raise EncoderError(
            f"Encoder {encoder.name!r} ({encoder.modality}) was handed sound at {shot.sample_rate} Hz and wants"
            f" {encoder.sample_rate} Hz (shot {index} of its batch).",
            "Read the film at the encoder's rate: open_title(path, sample_rate=encoder.sample_rate).",
        )


def _raise_on(encoder: Encoder, bad: NDArray[Any], what: str) -> None:
    if bad.any():
        raise _broken(encoder, f"gave a vector that {what} (shot {int(np.argmax(bad))} of its batch)")


def _broken(encoder: Encoder, what: str) -> EncoderError:
    return EncoderError(
        f"Encoder {encoder.name!r} ({encoder.modality}) {what}.",
        "Its weights may be damaged: fetch them again, or choose another encoder for this modality.",
    )
