"""The cluster: joining it, its machines, and starting actors on them."""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from typing import Any

from mediafm.errors import UsageError

LOCAL = "local"
_ANSWER_S = 10.0
_STATION_THREADS = 256  # titles that one station may have in hand


@dataclass(frozen=True, slots=True)
class Machine:
    """A node of the cluster that is alive."""

    node_id: str
    address: str
    processors: float
    gpus: float


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """The ray module, connected: to the cluster at `address` ("auto": the one this machine belongs to; `ray://host:port`;
    `host:port`), or to one of this machine alone ("local", which ends with the block). UsageError where that fails.
    """
    ray = _ray()
    mine = not ray.is_initialized()
    if mine:
        try:
            _knock(address)
            ray.init(
                address=address,
                include_dashboard=False if address == LOCAL else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                namespace="mediafm",
            )
        except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
            raise UsageError(
                f"No Ray cluster answers at {address!r}: {str(error).splitlines()[0][:200]}",
                "Start one with `ray start --head`, name its address, or use --address local.",
            ) from error
    with redirect_stdout(sys.stderr) if mine else nullcontext():  # its warnings are no result of ours
        try:
            yield ray
        finally:
            if mine:
                ray.shutdown()


def machines(ray: Any) -> list[Machine]:
    """All nodes that are alive and have processors to give."""
    found = []
    for node in ray.nodes():
        has = node["Resources"]
        if node["Alive"] and has.get("CPU", 0) >= 1:
            found.append(Machine(node["NodeID"], node["NodeManagerAddress"], has["CPU"], has.get("GPU", 0.0)))
    return sorted(found, key=lambda machine: machine.node_id)


def is_alive(ray: Any, node_id: str) -> bool:
    """Whether the node still belongs to the cluster."""
    return any(node["NodeID"] == node_id and node["Alive"] for node in ray.nodes())


def start_on(ray: Any, kind: type, machine: Machine, processors: int, *arguments: Any) -> Any:
    """An actor on just that machine; it does not come back by itself."""
    placed = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(machine.node_id, soft=False)
    actor = ray.remote(kind).options(
        num_cpus=processors, max_restarts=0, max_concurrency=_STATION_THREADS, scheduling_strategy=placed
    )
    return actor.remote(*arguments)


def start_hosts(ray: Any, kind: type, count: int, gpus: float, *arguments: Any) -> list[Any]:
    """Actors wherever there is room, each with a share of a GPU (0: a processor); they come back when they die."""
    share = {"num_gpus": gpus, "num_cpus": 0} if gpus else {"num_cpus": 1}
    actor = ray.remote(kind).options(**share, max_restarts=5, max_task_retries=2)
    return [actor.remote(*arguments) for _ in range(count)]


def _knock(address: str) -> None:
    """OSError at once where nobody listens: Ray itself would try for minutes, and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()


def _ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; it warns otherwise
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")  # else warnings come late, and on standard output
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise UsageError("--engine ray needs Ray, which is not installed.", "pip install 'mediafm[ray]'") from error
    return ray
