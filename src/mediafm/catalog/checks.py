"""What a writer insists on before anything is stored."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from mediafm.catalog.records import CatalogSpec, ShotRecord, TitleRecord
from mediafm.catalog.tables import metadata_to_json
from mediafm.errors import CatalogError, EncoderError, UsageError
from mediafm.types import Features, FloatArray

_ENCODER_REMEDY = "The encoder broke its contract; what was stored of this title before stands."
_TILE_REMEDY = "Shots must run 0, 1, 2 ..., each beginning where the last ended."


def to_half(features: Features) -> Features:
    """The same features as float16; what is too large becomes infinite, for `check_features` to find."""
    with np.errstate(over="ignore"):
        halves = {m: np.asarray(v).astype(np.float16, copy=False) for m, v in features.vectors.items()}
    return Features(halves, {m: np.asarray(p, bool) for m, p in features.present.items()})


def check_shots(
    title_id: str, before: Sequence[ShotRecord], shots: Sequence[ShotRecord], keyframes: Mapping[int, bytes]
) -> None:
    """Shots continue those before; pictures belong to shots of this append."""
    index, end = (before[-1].index + 1, before[-1].end_pts) if before else (0, 0)
    for shot in shots:
        if shot.index != index or shot.start_pts != end or shot.end_pts <= shot.start_pts:
            raise CatalogError(
                f"Title {title_id}: shot {shot.index} [{shot.start_pts}, {shot.end_pts}) came where shot {index} "
                f"starting at {end} was due.",
                _TILE_REMEDY,
            )
        index, end = index + 1, shot.end_pts
    strangers = set(keyframes) - {s.index for s in shots}
    if strangers:
        raise CatalogError(
            f"Title {title_id}: a keyframe came for shot {min(strangers)}, which is not among the shots appended.",
            "Append a shot's keyframe together with the shot.",
        )


def check_features(title_id: str, spec: CatalogSpec, features: Features, first_shot: int, n: int) -> None:
    """Float16 features of n shots: the catalog's modalities and sizes, finite, zero exactly where not present."""
    if set(features.vectors) != set(spec.encoders) or set(features.present) != set(spec.encoders):
        raise CatalogError(
            f"Title {title_id}: features hold {', '.join(features.vectors)}, the catalog {', '.join(spec.encoders)}.",
            "Give a vector and a presence flag for every modality of the catalog; zeros and False where it is missing.",
        )
    for modality, encoder in spec.encoders.items():
        vectors, present = features.vectors[modality], features.present[modality]
        what = f"Title {title_id}: {modality} features of {encoder.name}"
        if vectors.shape != (n, encoder.dim) or present.shape != (n,):
            raise EncoderError(
                f"{what} have shape {vectors.shape} and flags {present.shape}, not ({n}, {encoder.dim}) and ({n},).",
                _ENCODER_REMEDY,
            )
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise EncoderError(
                f"{what} are not finite in half precision at shot {first_shot + bad[0]}.", _ENCODER_REMEDY
            )
        wrong = np.flatnonzero(vectors.any(axis=1) != present)
        if len(wrong):
            state = "present but zero" if present[wrong[0]] else "not present but not zero"
            raise EncoderError(f"{what} are {state} at shot {first_shot + wrong[0]}.", _ENCODER_REMEDY)


def check_record(title_id: str, record: TitleRecord, last: Sequence[ShotRecord]) -> None:
    """The title's row fits its shots and can be stored."""
    if record.title_id != title_id:
        raise UsageError(f"The writer of title {title_id} was given the record of {record.title_id}.", "Pass its own.")
    if not last:
        raise CatalogError(f"Title {title_id} has no shots.", "Record a failure for it instead.")
    if last[-1].end_pts != record.end_pts:
        raise CatalogError(
            f"Title {title_id}: its last shot ends at {last[-1].end_pts}, the title at {record.end_pts}.", _TILE_REMEDY
        )
    try:
        metadata_to_json(record.metadata)
        json.dumps(dict(record.extra))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"Title {title_id}: its metadata cannot be written as JSON: {error}.", "Use text and numbers."
        ) from error


def check_global_vector(title_id: str, spec: CatalogSpec, vector: FloatArray | None) -> None:
    """The [GLOBAL] vector comes from the catalog's text encoder."""
    if vector is None:
        return
    dim = spec.dims.get("text")
    if dim is None:
        raise CatalogError(
            f"Title {title_id} has a global vector, but the catalog has no text encoder.", "Pass None for it."
        )
    if np.shape(vector) != (dim,) or not np.isfinite(vector).all():
        raise EncoderError(
            f"Title {title_id}: its global vector must be {dim} finite numbers, not of shape {np.shape(vector)}.",
            _ENCODER_REMEDY,
        )
