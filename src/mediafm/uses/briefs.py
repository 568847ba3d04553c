"""How well shots fit a brief in words: by timed text, and by picture and sound where towers share a space."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import MismatchError, UsageError
from mediafm.types import MODALITIES, Modality

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.encoders import TextEncoder

Values = NDArray[np.float64]


def brief_cosines(catalog: "Catalog", title: str, brief: str, preset: str = "") -> dict[Modality, Values]:
    """Modality -> cosine [n] of each shot with the brief, NaN where the shot lacks it.

    Only encoders that put words into the very space of the catalog's vectors are asked: the text encoder, and CLIP- and
    CLAP-like ones. preset: default is the one that made the catalog, `offline` for imported features. Raises UsageError
    for an empty brief and where no encoder takes words, MismatchError for one that is not the catalog's.
    """
    if not brief.strip():
        raise UsageError("There are no words in the brief.", "Give at least one, or leave it out.")
    encoders = _encoders(catalog, preset)
    if not encoders:
        raise UsageError(
            "A brief needs an encoder of words, and none made this catalog's vectors.",
            "Leave --brief out, or make a catalog with a text encoder (`mediafm import --text-from`).",
        )
    features = catalog.features(title)
    found = {}
    for modality, encoder in encoders.items():
        wanted = np.asarray(encoder.encode_texts([brief]), dtype=np.float64)[0]
        rows = features.vectors[modality].astype(np.float64)
        norms = np.linalg.norm(rows, axis=1) * max(float(np.linalg.norm(wanted)), 1e-12)
        there = features.present[modality] & (norms > 0)
        found[modality] = np.where(there, rows @ wanted / np.where(there, norms, 1.0), np.nan)
    return found


def _encoders(catalog: "Catalog", preset: str) -> "dict[Modality, TextEncoder]":
    from mediafm.encoders import TextEncoder, load_preset, name_of_preset

    spec = catalog.spec
    own = {m: e for m, e in spec.encoders.items() if not e.fingerprint.startswith("import:")}
    if not own:
        return {}
    loaded = load_preset(name_of_preset(spec.preset, preset))
    found: dict[Modality, TextEncoder] = {}
    for modality in MODALITIES:
        if modality not in own or modality not in loaded.licences:
            continue
        encoder = loaded.encoder(modality)
        if not isinstance(encoder, TextEncoder):
            continue
        if encoder.fingerprint == own[modality].fingerprint:
            found[modality] = encoder
        elif modality == "text":
            raise MismatchError(
                f"The catalog's text was encoded by {own[modality].name} ({own[modality].fingerprint}), the brief "
                f"would be by another encoder ({encoder.fingerprint}).",
                "Name the preset that the catalog was made with.",
            )
    return found
