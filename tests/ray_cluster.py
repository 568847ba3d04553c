"""A Ray cluster of several nodes on this machine, each a set of processes of its own, that can be killed one by one.

It runs in a process of its own, as clusters do: pytest's would carry threads that do not survive Ray's forks.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
_CODE = """
import sys
from ray.cluster_utils import Cluster
cpus, = map(int, sys.argv[1:])
share = {"object_store_memory": 80_000_000}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **share})
nodes = [cluster.add_node(num_cpus=cpus, **share) for _ in range(2)]
cluster.wait_for_nodes()
print(cluster.address, flush=True)
for line in sys.stdin:
    verb, *which = line.split()
    if verb == "kill":
        cluster.remove_node(nodes[int(*which)], allow_graceful=False)
    else:
        nodes.append(cluster.add_node(num_cpus=cpus, **share))
    print("done", flush=True)
cluster.shutdown()
"""


@dataclass
class RayCluster:
    """Where it is, and the process that holds it."""

    address: str
    process: subprocess.Popen[str]

    def kill(self, node: int) -> None:
        """End all processes of a node at once."""
        self._tell(f"kill {node}")

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"


def environment() -> dict[str, str]:
    """What processes are started with: they must find this checkout."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_health_check_period_ms": "500", "RAY_health_check_timeout_ms": "2000"}
    return {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{Path(__file__).parent}", **quiet}


@contextlib.contextmanager
def ray_cluster(cpus: int = 1) -> Iterator[RayCluster]:
    """A head without processors and two nodes with `cpus` each."""
    pytest.importorskip("ray", reason="needs the extra `ray`")
    with subprocess.Popen(
        [sys.executable, "-c", _CODE, str(cpus)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "the cluster did not start"
        try:
            yield RayCluster(address, process)
        finally:
            process.stdin.close()
            process.wait(60)


def start_on_ray(
    films: Path | str, catalog: Path | str, address: str, *options: str, detector: str = "content"
) -> subprocess.Popen[str]:
    """`mediafm ingest --engine ray`, running."""
    command = [sys.executable, "-m", "mediafm", "ingest", str(films), "-c", str(catalog), "--json", "--engine", "ray"]
    command += ["--address", address, "--detector", detector, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
