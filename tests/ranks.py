"""Runs a few lines of Python as several processes of one run, as `torchrun` starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_SOURCES = Path(__file__).parents[1] / "src"
_PROLOGUE = """
import json, sys
import torch
from mediafm.train.distributed import World

def report(**values):
    with open(f"{sys.argv[1]}/{world.rank}.json", "w") as file:
        json.dump(values, file)

with World.from_environment(torch.device("cpu")) as world:
"""


def run_ranks(lines: str, folder: Path, size: int = 2) -> list[dict[str, Any]]:
    """What each process handed to `report(...)`, by rank. The lines know `torch`, `world` and `report`."""
    script = folder / "ranks.py"
    script.write_text(_PROLOGUE + "".join(f"    {line}\n" for line in lines.strip().splitlines()))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
    environment = {**os.environ, "PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(script), str(folder)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(size)]
