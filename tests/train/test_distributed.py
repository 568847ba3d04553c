from pathlib import Path
from typing import Any

import pytest
import torch

from mediafm.errors import UsageError
from mediafm.train import distributed
from mediafm.train.distributed import World
from ranks import run_ranks

CPU = torch.device("cpu")
TORCHRUN = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)


def two_of(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> None:
    for name, value in {**TORCHRUN, **changes}.items():
        if value is not None:
            monkeypatch.setenv(name, value)


def test_a_world_of_one_does_nothing() -> None:
    with World.from_environment(CPU) as world:
        assert world == World(0, 1, CPU)
        assert world.main
        assert world.share([1, 2, 3]) == [1, 2, 3]
        assert world.sum([1.5, 2]) == [1.5, 2]
        parameter = torch.nn.Parameter(torch.ones(2))
        world.sum_gradients([parameter])
        world.barrier()
        assert parameter.grad is None
        assert world.gather(torch.ones(2)).tolist() == [[1, 1]]


def test_one_process_of_torchrun_is_a_world_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    two_of(monkeypatch, WORLD_SIZE="1")
    assert World.from_environment(CPU) == World(0, 1, CPU)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MASTER_ADDR": None, "MASTER_PORT": None}, "lacks MASTER_ADDR, MASTER_PORT"),
        ({"WORLD_SIZE": None}, "lacks WORLD_SIZE"),
        ({"RANK": "first"}, "RANK = 'first' is not a number"),
        ({"RANK": "2"}, "RANK = 2 is not below WORLD_SIZE = 2"),
    ],
)
def test_an_environment_without_sense_is_refused(
    changes: dict[str, str | None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_of(monkeypatch, **changes)
    with pytest.raises(UsageError, match=words) as caught:
        World.from_environment(CPU)
    assert "torchrun" in caught.value.remedy


def test_more_processes_than_cuda_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    two_of(monkeypatch, RANK="1", LOCAL_RANK="1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="Process 1 of this machine has no CUDA device: there are 1"):
        World.from_environment(torch.device("cuda"))


def test_buckets_hold_every_parameter_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "BUCKET", 10)
    parameters = [torch.zeros(size) for size in (4, 4, 4, 30, 1)] + [torch.zeros(3, dtype=torch.float64)]
    buckets = list(distributed._buckets(parameters))
    assert [[p.numel() for p in bucket] for bucket in buckets] == [[4, 4], [4], [30], [1], [3]]
    assert list(distributed._buckets([])) == []


COLLECTIVES = """
from mediafm.train import distributed
distributed.BUCKET = 4  # several buckets
r = world.rank
both, one, none = (torch.nn.Parameter(torch.full((2, 2), float(r))) for _ in range(3))
both.grad = torch.full((2, 2), 1.0 + r)
held = both.grad
if r == 1:
    one.grad = torch.full((2, 2), 5.0)
world.sum_gradients([both, one, none])
world.barrier()
report(
    place=[world.rank, world.size, world.main],
    share=list(world.share(range(5))),
    sum=world.sum([1.0 + r, 0.1]),
    both=both.grad.tolist(),
    in_place=held is both.grad,
    one=one.grad.tolist(),
    none=none.grad is None,
    gathered=world.gather(torch.full((2, 1), r + 0.5, dtype=torch.bfloat16)).tolist(),
)
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_ranks(COLLECTIVES, tmp_path_factory.mktemp("ranks"))


def test_two_processes_know_their_place(reports: list[dict[str, Any]]) -> None:
    assert [r["place"] for r in reports] == [[0, 2, True], [1, 2, False]]
    assert [r["share"] for r in reports] == [[0, 2, 4], [1, 3]]


def test_two_processes_end_with_the_same_sums(reports: list[dict[str, Any]]) -> None:
    for report in reports:
        assert report["sum"] == [3.0, 0.2]
        assert report["both"] == [[3, 3], [3, 3]]
        assert report["in_place"]
        assert report["one"] == [[5, 5], [5, 5]]  # the other process had none
        assert report["none"]  # nobody had one
        assert report["gathered"] == [[[0.5], [0.5]], [[1.5], [1.5]]]


def test_a_lost_process_is_told(tmp_path: Path) -> None:
    lines = """
import os
from mediafm.errors import TrainingError
if world.rank == 1:
    report(gone=True)
    os._exit(0)
try:
    world.sum([1.0])
    world.barrier()
except TrainingError as error:
    report(words=str(error))
"""
    words = run_ranks(lines, tmp_path)[0]["words"]
    assert words.startswith("The processes of this run lost each other")
