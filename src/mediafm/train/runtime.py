"""Where a run computes, in which precision, and from which seeds."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mediafm.config import PlaceRecipe
from mediafm.errors import UsageError

AMPERE = (8, 0)  # the first compute capability with bfloat16 and flash attention


@dataclass(frozen=True, slots=True)
class Runtime:
    """device: CPU or CUDA. bf16: whether products run in bfloat16 autocast (CUDA only)."""

    device: torch.device
    bf16: bool

    def tensors(self, *arrays: NDArray[Any]) -> tuple[Tensor, ...]:
        """The arrays as tensors on the device."""
        return tuple(torch.from_numpy(array).to(self.device) for array in arrays)

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision of forward passes."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    @contextmanager
    def seeded(self, *seed: int) -> Iterator[None]:
        """Dropout within draws from this seed; the global generators are put back afterwards."""
        value = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        cuda = self.device.type == "cuda"
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if cuda else []):
            torch.default_generator.manual_seed(value)
            if cuda:
                torch.cuda.manual_seed(value)
            yield


def make_runtime(recipe: PlaceRecipe) -> Runtime:
    """Resolve `auto`; UsageError for CUDA where there is none, or bfloat16 where nothing multiplies it."""
    cuda = torch.cuda.is_available()
    if recipe.device == "cuda" and not cuda:
        raise UsageError("run.device = 'cuda', but there is no CUDA device.", "Set run.device=auto or cpu.")
    device = "cpu" if recipe.device == "cpu" or not cuda else "cuda"
    able = device == "cuda" and torch.cuda.get_device_capability() >= AMPERE
    if recipe.precision == "bfloat16" and not able:
        raise UsageError(
            "run.precision = 'bfloat16' needs a CUDA device of compute capability 8.0 or more.",
            "Set run.precision=auto or float32.",
        )
    return Runtime(torch.device(device), able and recipe.precision != "float32")
