"""Encoders that others wrote: an installed package's, or a class that a user names in a preset file of his own.

Whatever they are made of, they come out as an `Encoder` that is held to the contract: what they say of themselves is
checked when they are loaded, what they return on every call, and an exception of theirs becomes an EncoderError that
names them. docs/encoders.md shows one.
"""

import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.protocols import TextEncoder
from mediafm.encoders.vectors import unit_rows
from mediafm.errors import EncoderError, MediafmError, UsageError
from mediafm.types import MODALITIES, FloatArray, Modality, ShotInput

GROUP = "mediafm.encoders"  # of entry points
_LARGEST = 65_536  # values a vector
_RATES = range(1_000, 1_000_001)  # hertz of sound
_REMEDY = (
    "It is not one of mediafm's own: check its options, mend it (docs/encoders.md says what an encoder must be), "
    "or ask its author."
)


def installed() -> dict[str, EntryPoint]:
    """Name -> encoder of some installed package; nothing is imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def load_installed(name: str, modality: Modality, options: Mapping[str, Any], device: str | None) -> Encoder:
    """An installed package's encoder by its name; UsageError where there is none, EncoderError where it is none."""
    found = installed()
    if name not in found:
        there = ", ".join(sorted(found)) or "none"
        raise UsageError(
            f"No installed package brings an encoder {name!r}.", f"Install the one that does. There are: {there}."
        )
    with _blaming(name):
        kind = found[name].load()
    return _bring(kind, found[name].value, modality, options, device)


def load_named(
    target: str, folder: Path, modality: Modality, options: Mapping[str, Any], device: str | None
) -> Encoder:
    """The class `module:Class`; the module is a file in `folder`, or anything that Python can import.

    This runs the module. Raises UsageError where it is not to be found, EncoderError where it holds no good encoder.
    """
    module_name, _, class_name = target.partition(":")
    try:
        with _blaming(target):
            module = _module(module_name, folder)
    except EncoderError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{module_name}.".startswith(f"{cause.name}."):
            raise UsageError(
                f"{target!r} cannot be imported ({cause}).",
                f"Put {module_name}.py beside the preset file, install its package, or set PYTHONPATH.",
            ) from error
        raise
    kind = getattr(module, class_name, None)
    if kind is None:
        raise UsageError(f"Module {module_name} has no {class_name}.", f"Name one of its classes: {module.__file__}.")
    return _bring(kind, target, modality, options, device)


def _module(name: str, folder: Path) -> Any:
    """The file `name`.py of the folder, under a name of its own so that it stands in nobody's way; else an import."""
    file = folder / f"{name}.py"
    if not file.is_file():
        return importlib.import_module(name)
    unique = f"mediafm_brought_{abs(hash(str(file.resolve()))):x}_{name}"
    if unique in sys.modules:
        return sys.modules[unique]
    spec = importlib.util.spec_from_file_location(unique, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[unique] = importlib.util.module_from_spec(spec)
    sys.path.append(str(folder))  # for what it imports from beside itself
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    finally:
        sys.path.remove(str(folder))
    return module


def _bring(kind: Any, target: str, modality: Modality, options: Mapping[str, Any], device: str | None) -> Encoder:
    if not (isinstance(kind, type) and issubclass(kind, Encoder)):
        raise EncoderError(f"{target!r} is no subclass of mediafm.encoders.Encoder.", _REMEDY)
    with _blaming(target):
        takes_device = "device" in inspect.signature(kind).parameters and "device" not in options
        inner = kind(**options, **({"device": device} if takes_device else {}))
    if wrong := _complaint(inner, modality):
        raise EncoderError(f"Encoder {target!r} {wrong}.", _REMEDY)
    return (BroughtTextEncoder if isinstance(inner, TextEncoder) else BroughtEncoder)(inner, options)


def _complaint(encoder: Encoder, modality: Modality) -> str:
    """What is wrong with what an encoder says of itself; empty: nothing."""
    for key in ("name", "fingerprint", "licence"):
        value = getattr(encoder, key, None)
        if not isinstance(value, str) or not value.strip():
            return f"must say its {key}: some text, not {value!r}"
    if getattr(encoder, "modality", None) != modality:
        return f"is for {getattr(encoder, 'modality', None)!r} and cannot fill the slot {modality!r}"
    inputs = encoder.inputs
    if not isinstance(inputs, tuple) or not inputs or not set(inputs) <= set(MODALITIES):
        return f"must look at some of {', '.join(MODALITIES)} (inputs), not {inputs!r}"
    least_frames = 1 if "video" in inputs else 0
    for key, least, most in (("dim", 1, _LARGEST), ("frames", least_frames, 1024), ("batch", 1, 1 << 20),
                             ("frame_side", 0, 4096), ("sample_rate", _RATES.start, _RATES.stop - 1)):  # fmt: skip
        value = getattr(encoder, key, None)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            return f"must say its {key}: a whole number from {least} to {most}, not {value!r}"
    return ""


class BroughtEncoder(Encoder):
    """Somebody's encoder, held to the contract. Its fingerprint also covers the options it was made with."""

    def __init__(self, inner: Encoder, options: Mapping[str, Any]) -> None:
        self._inner = inner
        self.name, self.modality, self.dim, self.licence = inner.name, inner.modality, inner.dim, inner.licence
        self.frames, self.frame_side = inner.frames, inner.frame_side
        self.batch, self.sample_rate = inner.batch, inner.sample_rate
        plain = json.loads(json.dumps(dict(options), default=str))
        self.fingerprint = fingerprint(inner.name, own=inner.fingerprint, options=plain)

    @property
    def inputs(self) -> tuple[Modality, ...]:
        """What it looks at."""
        return self._inner.inputs

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """As the encoder does; EncoderError where it fails or returns something else than `Encoded` arrays."""
        with _blaming(self.name):
            encoded = self._inner.encode(batch)
        arrays = (getattr(encoded, "vectors", None), getattr(encoded, "present", None))
        if not all(isinstance(array, np.ndarray) for array in arrays):
            raise EncoderError(f"Encoder {self.name!r} must return Encoded(vectors, present) of NumPy arrays.", _REMEDY)
        return encoded


class BroughtTextEncoder(BroughtEncoder):
    """One that embeds words as well."""

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """As the encoder does, unit rows and zero rows; EncoderError where it fails or gives anything else."""
        with _blaming(self.name):
            vectors = np.asarray(self._inner.encode_texts(texts))  # type: ignore[attr-defined]
        if vectors.shape != (len(texts), self.dim) or not np.isfinite(vectors).all():
            wanted = f"finite {(len(texts), self.dim)}"
            raise EncoderError(
                f"Encoder {self.name!r} gave {vectors.shape} for texts where {wanted} were due.", _REMEDY
            )
        return unit_rows(vectors)


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """Whatever goes wrong in others' code becomes an EncoderError that says whose."""
    try:
        yield
    except MediafmError:
        raise
    except (Exception, SystemExit) as error:
        raise EncoderError(f"Encoder {name!r} failed ({type(error).__name__}: {error}).", _REMEDY) from error
