"""Arrays in files, mapped into memory instead of read."""

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Pages of a mapped file count as the process's own memory for as long as it has looked at them. After this many bytes
# they are given back; the system still holds them, so looking again is cheap.
_GIVE_BACK = 128 << 20


class MappedArrays:
    """Read-only arrays over the files of a folder. Resident memory stays bounded however much is walked over."""

    def __init__(
        self, folder: Path, dtypes: Mapping[str, np.dtype[Any]], shapes: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._maps: list[mmap.mmap] = []
        self._arrays = {name: self._map(folder / name, dtypes[name], shape) for name, shape in shapes.items()}
        self._touched = 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def touch(self, size: int) -> None:
        """Say that `size` bytes are about to be looked at."""
        self._touched += size
        if self._touched > _GIVE_BACK:
            self._touched = size
            for mapped in self._maps:
                mapped.madvise(mmap.MADV_DONTNEED)

    def _map(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        if 0 in shape:
            return np.zeros(shape, dtype)  # nothing cannot be mapped
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._maps.append(mapped)
        return np.frombuffer(mapped, dtype).reshape(shape)
