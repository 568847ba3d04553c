"""A map from one embedding set's vectors to another's: what it is, how it is kept, and what it may be used for.

On disk it is a folder: `map.safetensors` with the numbers and `map.json` with the fingerprints of both sets, how the
map was made and what it keeps. Nothing in it is executed.
"""

# ruff: noqa: N815 (fields carry their shapes)

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mediafm.errors import MediafmError, MismatchError
from mediafm.fusion import unit_rows
from mediafm.model.folder import replace_file, to_json
from mediafm.types import FloatArray
from mediafm.uses.linear_maps import LinearMap

WEIGHTS, FACTS = "map.safetensors", "map.json"
_LINEAR = ("mean_old", "weight", "mean_new")
_BEND = ("bend_in", "bend_bias", "bend_out")


@dataclass(frozen=True, slots=True)
class Bend:
    """What a small network adds to a linear map: tanh(x into_DH + bias_H) out_HE."""

    into_DH: FloatArray
    bias_H: FloatArray
    out_HE: FloatArray

    def __call__(self, rows_nD: FloatArray) -> FloatArray:
        """[n, E]."""
        return np.asarray(np.tanh(rows_nD @ self.into_DH + self.bias_H) @ self.out_HE, dtype=np.float32)


@dataclass(frozen=True)
class VectorMap:
    """Takes vectors of the space `old` into the space `new`; both are what made the vectors (see `uses.naming`).

    facts: what was measured of it, JSON-able.
    """

    old: str
    new: str
    linear: LinearMap
    bend: Bend | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The family it is of: one of `linear_maps.FAMILIES`, or "network"."""
        return self.linear.family if self.bend is None else "network"

    @property
    def dims(self) -> tuple[int, int]:
        """Sizes of vectors before and after."""
        before, after = self.linear.weight_DE.shape
        return before, after

    @property
    def fingerprint(self) -> str:
        """A hash of its numbers and of both spaces."""
        digest = hashlib.sha256(f"{self.old}\n{self.new}\n".encode())
        for name, array in sorted(self._arrays().items()):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:32]

    def __call__(self, rows_nD: NDArray[Any]) -> FloatArray:
        """Unit rows [n, D] of the old space as unit rows [n, E] of the new; a row of zeros stays one.

        MismatchError for vectors of another size.
        """
        rows = np.asarray(rows_nD, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dims[0]:
            raise MismatchError(
                f"The map takes vectors of {self.dims[0]} numbers, these have shape {rows.shape}.",
                "Give it vectors of the set that it was learned from.",
            )
        rows = unit_rows(rows)
        mapped = self.linear(rows)
        if self.bend is not None:
            mapped = mapped + self.bend(rows)
        there = np.abs(rows).max(axis=1, initial=0) > 0
        return np.asarray(unit_rows(mapped) * there[:, None], dtype=np.float32)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the map as a folder; an older map there is replaced."""
        target = Path(folder)
        arrays = {name: np.ascontiguousarray(array) for name, array in self._arrays().items()}
        replace_file(target / WEIGHTS, save(arrays))
        facts = {
            "old": self.old, "new": self.new, "kind": self.kind, "family": self.linear.family,
            "setting": self.linear.setting, "fingerprint": self.fingerprint, "dims": list(self.dims), **self.facts,
        }  # fmt: skip
        replace_file(target / FACTS, to_json(facts))
        return target

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> "VectorMap":
        """What `save` wrote; MediafmError where it is not there or not whole."""
        source = Path(folder)
        try:
            facts = json.loads((source / FACTS).read_text(encoding="utf-8"))
            arrays = load_file(source / WEIGHTS)
            linear = LinearMap(facts["family"], facts["setting"], *(arrays[name] for name in _LINEAR))
            bend = Bend(*(arrays[name] for name in _BEND)) if _BEND[0] in arrays else None
            made = cls(facts["old"], facts["new"], linear, bend, facts)
            whole = made.fingerprint == facts["fingerprint"]
        except FileNotFoundError as error:
            raise MediafmError(
                f"There is no map at {source}: {Path(error.filename or source).name} is missing.",
                "Make one with `mediafm migrate OLD NEW --catalog C --out MAP`.",
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise MediafmError(f"The map at {source} cannot be read: {error}.", "Make it again.") from None
        if not whole:
            raise MediafmError(f"The numbers of the map at {source} are not those that were saved.", "Make it again.")
        return made

    def _arrays(self) -> dict[str, FloatArray]:
        linear, bend = self.linear, self.bend
        held = dict(zip(_LINEAR, (linear.mean_old_D, linear.weight_DE, linear.mean_new_E), strict=True))
        if bend is not None:
            held |= dict(zip(_BEND, (bend.into_DH, bend.bias_H, bend.out_HE), strict=True))
        return held
