"""Queries from outside the catalog as vectors of its own encoders: words, pictures, sounds.

Every encoder used here must be the very one that made the catalog's vectors (its fingerprint); another is a
MismatchError that names both.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.search.external import FileReader
from mediafm.types import FloatArray, Modality, ShotInput

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.encoders import Encoder, Preset

TextEncoder = Callable[[list[str]], FloatArray]  # n queries -> float32 [n, dim]
_THINGS: dict[Modality, str] = {"video": "picture", "audio": "sound", "text": "text"}


class QueryEncoders:
    """The encoders of a catalog, each loaded when first needed and then kept; many threads may use them, in turn.

    preset: whose encoders read the queries; default is the one that made the catalog (`offline` for the text of
    imported features).
    files: what reads pictures and sounds.
    """

    def __init__(self, catalog: "Catalog", preset: str = "", files: FileReader | None = None) -> None:
        self._catalog, self._named, self._files = catalog, preset, files or FileReader()
        self._preset: Preset | None = None
        self._lock = threading.RLock()  # a model is loaded once and serves one query at a time; files are read outside

    def words(self, text: str) -> FloatArray | None:
        """By the catalog's text encoder, unit [D]; None where the catalog has none or text vectors were imported."""
        if self._is_imported("text"):
            return None
        from mediafm.encoders import TextEncoder as Encodes

        with self._lock:
            if "text" not in self._load_preset().choices:
                return None
            encoder = self._encoder("text")
            return _unit(encoder.encode_texts([text])[0]) if isinstance(encoder, Encodes) else None

    def words_as(self, modality: Modality, text: str) -> FloatArray | None:
        """In the space of pictures or sounds, unit [D]; None where that encoder shares none with words."""
        if self._is_imported(modality):
            return None
        from mediafm.encoders import TextEncoder as Encodes

        with self._lock:
            if not self._load_preset().may_read_words(modality):
                return None
            encoder = self._encoder(modality)
            if not isinstance(encoder, Encodes) or not getattr(encoder, "reads_words", True):
                return None
            return _unit(encoder.encode_texts([text])[0])

    def picture(self, path: str | Path) -> FloatArray:
        """Of a picture file, as a shot that shows nothing else, [D]."""
        encoder = self._encoder_for("video", "image")
        still = self._files.picture(Path(path), encoder.frame_side)
        return self._vector(encoder, [ShotInput((still,), (0.0,), None, "", 1.0)], path)

    def sound(self, path: str | Path) -> FloatArray:
        """Of a sound file, the mean over its parts by length, [D]. UsageError where there is no sound in it."""
        encoder = self._encoder_for("audio", "sound")
        return self._vector(encoder, self._files.sound(Path(path), encoder.sample_rate), path)

    def _vector(self, encoder: "Encoder", shots: list[ShotInput], path: str | Path) -> FloatArray:
        from mediafm.encoders import checked

        if missing := [m for m in encoder.inputs if not any(shot.has(m) for shot in shots)]:
            names = " and ".join(_THINGS[m] for m in missing)
            raise UsageError(
                f"Encoder {encoder.name!r} wants {names}, which {path} does not give it.",
                "Search by an example in the catalog: --like.",
            )
        with self._lock:
            encoded = checked(encoder, shots)
        if not encoded.present.any():
            raise UsageError(f"Encoder {encoder.name!r} finds nothing in {path}.", "Choose another file.")
        length = np.array([shot.duration for shot in shots])
        mean: FloatArray = ((encoded.vectors * length[:, None]).sum(axis=0) / length.sum()).astype(np.float32)
        return mean

    def _encoder_for(self, modality: Modality, query: str) -> "Encoder":
        """Of a modality that a file is to be compared in; a reason where that cannot be."""
        if modality not in self._catalog.spec.encoders:
            raise CatalogError(
                f"The catalog holds no {_THINGS[modality]} vectors to compare with the {query}.",
                "Search by words, or by an example: --like.",
            )
        if self._is_imported(modality):
            name = self._catalog.spec.encoders[modality].name
            raise UsageError(
                f"The catalog's {_THINGS[modality]} vectors ({name}) were imported: nothing here can make such a "
                f"vector of the {query}.",
                "Search by an example in the catalog: --like.",
            )
        return self._encoder(modality)

    def _is_imported(self, modality: Modality) -> bool:
        stored = self._catalog.spec.encoders.get(modality)
        return stored is None or stored.fingerprint.startswith("import:")

    def _load_preset(self) -> "Preset":
        from mediafm.encoders import load_preset, name_of_preset

        if self._preset is None:
            self._preset = load_preset(name_of_preset(self._catalog.spec.preset, self._named))
        return self._preset

    def _encoder(self, modality: Modality) -> "Encoder":
        with self._lock:
            encoder = self._load_preset().encoder(modality)
            check_same(self._catalog, modality, encoder.fingerprint)
            return encoder


class GivenText(QueryEncoders):
    """Words by a function at hand, its fingerprint checked; nothing else is loaded. None: words as words alone."""

    def __init__(self, catalog: "Catalog", encode: TextEncoder | None, fingerprint: str | None) -> None:
        super().__init__(catalog)
        self._encode, self._fingerprint = encode, fingerprint

    def words(self, text: str) -> FloatArray | None:
        """By that function."""
        if self._encode is None:
            return None
        if "text" not in self._catalog.spec.encoders:
            raise CatalogError(
                "The catalog holds no text vectors.", "Search it without a text encoder, by words alone."
            )
        check_same(self._catalog, "text", self._fingerprint)
        return _unit(np.asarray(self._encode([text]), dtype=np.float32)[0])

    def words_as(self, modality: Modality, text: str) -> FloatArray | None:
        """Nothing."""
        return None


def check_same(catalog: "Catalog", modality: Modality, fingerprint: str | None) -> None:
    """MismatchError unless the catalog's vectors of a modality are of the encoder with that fingerprint."""
    stored = catalog.spec.encoders[modality]
    if fingerprint != stored.fingerprint:
        raise MismatchError(
            f"The catalog's {_THINGS[modality]} was encoded by {stored.name} ({stored.fingerprint}), the query would "
            f"be by another encoder ({fingerprint or 'of no known fingerprint'}).",
            "Search with the preset that the catalog was made with.",
        )


def _unit(vector: FloatArray) -> FloatArray:
    vector = np.asarray(vector, dtype=np.float32)
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
