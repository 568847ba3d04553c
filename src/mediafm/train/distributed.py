"""The processes of one run under `torchrun`: who they are, and the few sums and copies that pass between them.

Every process holds the whole model and its optimisers' states. The micro-batches of a step are dealt out, gradients are
sums over all processes, and after each step all processes hold the same weights.
"""

import importlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from mediafm.errors import TrainingError, UsageError

Item = TypeVar("Item")
BUCKET = 2**25  # numbers to a collective: 128 MiB of float32, so that the copy of the gradients stays small
_RENDEZVOUS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, slots=True)
class World:
    """This process (`rank`) among `size` of them, and where it computes.

    Collectives must be called by all processes in the same order. With one process they do nothing. They raise
    TrainingError when another process is gone. As a context manager a world leaves its process group at the end.
    """

    rank: int
    size: int
    device: torch.device

    @classmethod
    def from_environment(cls, device: torch.device) -> Self:
        """The world that `torchrun`'s variables describe: gloo on the CPU, nccl on CUDA, one CUDA device a process.

        Without such variables a world of one. Blocks until all processes are there. Makes this process's CUDA device
        the current one. UsageError for variables that are incomplete or make no sense, or too few CUDA devices;
        TrainingError if the others cannot be reached.
        """
        place = _read(os.environ)
        if place is None or place["WORLD_SIZE"] == 1:
            return cls(0, 1, device)
        if device.type == "cuda":
            device = _own_device(place["LOCAL_RANK"])
            torch.cuda.set_device(device)
        # Its functions take the group there is when they are defined as their default. Imported later (by optimisers,
        # through dynamo) they would hold the group to the end of the interpreter, where its threads abort the process.
        importlib.import_module("torch.distributed.nn.functional")
        with _answering("start"):
            dist.init_process_group(
                "nccl" if device.type == "cuda" else "gloo", device_id=device if device.type == "cuda" else None
            )
        return cls(place["RANK"], place["WORLD_SIZE"], device)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the process group."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    @property
    def main(self) -> bool:
        """Whether this is the process that writes files and talks to the user."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of the items: every `size`-th."""
        return items[self.rank :: self.size]

    def sum(self, values: Sequence[float]) -> list[float]:
        """Each value summed over all processes, in float64."""
        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        with _answering("sum"):
            dist.all_reduce(total)
        return [float(value) for value in total.tolist()]

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Sum the gradients over all processes, in place and in few collectives.

        A parameter without gradient counts as zeros where another process has one; where none has, it stays without.
        """
        if self.size > 1:
            for bucket in _buckets(parameters):
                self._sum_bucket(bucket)

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, of one shape and dtype, stacked by rank: [size, ...]."""
        if self.size == 1:
            return tensor[None]
        everyone = tensor.new_empty(self.size, *tensor.shape)
        with _answering("gather"):
            # As one row of bytes: gloo does not know every dtype, nor outputs of another rank than the input's.
            dist.all_gather_into_tensor(_bytes(everyone), _bytes(tensor.contiguous()))
        return everyone

    def barrier(self) -> None:
        """Wait until all processes are here."""
        self.sum([0.0])

    def _sum_bucket(self, bucket: list[Tensor]) -> None:
        present = bucket[0].new_tensor([p.grad is not None for p in bucket])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
        flat = torch.cat([present, *(g.flatten() for g in gradients)])
        with _answering("sum_gradients"):
            dist.all_reduce(flat)
        anywhere, *sums = flat.split([len(bucket), *(p.numel() for p in bucket)])
        torch._foreach_copy_(gradients, [s.view_as(g) for s, g in zip(sums, gradients, strict=True)])
        for parameter, gradient, known in zip(bucket, gradients, anywhere.tolist(), strict=True):
            if known:
                parameter.grad = gradient


def _buckets(parameters: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Parameters of one dtype together, each bucket at most BUCKET numbers unless one parameter alone is more."""
    kinds: dict[torch.dtype, list[Tensor]] = defaultdict(list)
    for parameter in parameters:
        kinds[parameter.dtype].append(parameter)
    for kind in kinds.values():
        bucket, size = list[Tensor](), 0
        for parameter in kind:
            if bucket and size + parameter.numel() > BUCKET:
                yield bucket
                bucket, size = [], 0
            bucket.append(parameter)
            size += parameter.numel()
        yield bucket


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.flatten().view(torch.uint8)


def _read(environment: Mapping[str, str]) -> dict[str, int] | None:
    """The numbers among torchrun's variables; None if this process was not started as one of several."""
    if "RANK" not in environment and "WORLD_SIZE" not in environment:
        return None
    remedy = "Start with `torchrun --nproc-per-node N -m mediafm pretrain ...`, or unset RANK and WORLD_SIZE."
    if missing := [name for name in _RENDEZVOUS if not environment.get(name)]:
        raise UsageError(
            f"The environment describes a run of several processes, but lacks {', '.join(missing)}.", remedy
        )
    numbers = {}
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT"):
        if not environment[name].isdecimal():
            raise UsageError(f"The environment's {name} = {environment[name]!r} is not a number.", remedy)
        numbers[name] = int(environment[name])
    if numbers["RANK"] >= numbers["WORLD_SIZE"]:
        raise UsageError(f"RANK = {numbers['RANK']} is not below WORLD_SIZE = {numbers['WORLD_SIZE']}.", remedy)
    return numbers


def _own_device(local_rank: int) -> torch.device:
    devices = torch.cuda.device_count()
    if local_rank >= devices:
        raise UsageError(
            f"Process {local_rank} of this machine has no CUDA device: there are {devices}.",
            f"Start at most {devices} processes a machine (--nproc-per-node), or set run.device=cpu.",
        )
    return torch.device("cuda", local_rank)


@contextmanager
def _answering(what: str) -> Iterator[None]:
    """What gloo and nccl raise when a process is gone, in words."""
    try:
        yield
    except RuntimeError as error:
        raise TrainingError(
            f"The processes of this run lost each other ({what}): {str(error).splitlines()[0]}.",
            "Read what the others printed first; all must run, and reach MASTER_ADDR and MASTER_PORT. Then --resume.",
        ) from error
