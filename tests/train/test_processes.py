"""Whole runs in processes of their own: several that share one, and one that is killed again and again."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from fake_catalog import FakeCatalog
from mediafm.config import load_recipe
from mediafm.train import pretrain

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = [
    *("model.hidden=32", "model.layers=1", "model.heads=2", "data.shots_per_step=200", "data.micro_shots=60"),
    *("data.window=50", "schedule.epochs=4", "schedule.evaluate_every=2", "run.save_every=2", "run.device=cpu"),
]
PROGRAM = """
import sys
from pathlib import Path
from fake_catalog import FakeCatalog
from mediafm.config import load_recipe
from mediafm.train import pretrain

pretrain(FakeCatalog(), sys.argv[1], load_recipe("tiny", sys.argv[2:]), resume=True)
threads = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
assert not {name for name in threads if "gloo" in name}, threads  # left behind, they abort a process now and then
"""


def start(out: Path, settings: list[str], **environment: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(out), *settings],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment},
    )


OPTIONS = {
    "muon": ["run.precision=float32"],  # bfloat16 in Newton-Schulz would make rounding visible
    "adamw": ["optimizer.hidden=adamw"],
    "much": [
        *("objective.loss=infonce", "objective.targets=average", "objective.contrastive=0.3", "masking.modality=0.5"),
        *("fusion.centring=standard", "model.dropout=0.2", "run.precision=float32"),
    ],
}


@pytest.mark.parametrize("options", ["muon", "much", pytest.param("adamw", marks=pytest.mark.slow)])
def test_two_processes_learn_what_one_learns(tmp_path: Path, options: str) -> None:
    settings = [*SETTINGS, *OPTIONS[options]]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    shared = tmp_path / "two"
    processes = [start(shared, settings, RANK=str(r), LOCAL_RANK=str(r), **meeting) for r in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    alone = pretrain(FakeCatalog(), tmp_path / "one", load_recipe("tiny", settings))
    assert alone.finished
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, weight in one.items():
        np.testing.assert_allclose(two[name], weight, atol=1e-5, rtol=0, err_msg=name)


def grown(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size > size


@pytest.mark.parametrize("most", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path, most: int) -> None:
    whole, out = tmp_path / "a" / "run", tmp_path / "b" / "run"  # the name stands in the card
    assert start(whole, SETTINGS).wait(timeout=120) == 0
    rng = np.random.default_rng(0)
    kills = 0
    while kills < most:
        process = start(out, SETTINGS)
        metrics = out / "metrics.jsonl"
        before = metrics.stat().st_size if metrics.is_file() else 0
        patience = time.monotonic() + 60
        while process.poll() is None and not grown(metrics, before) and time.monotonic() < patience:
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0, 0.05)))  # it writes: a step takes some hundredths of a second
        process.send_signal(signal.SIGKILL)
        if process.wait(timeout=60) == 0:
            break  # it was quicker than the kill
        kills += 1
    assert kills >= 1
    assert start(out, SETTINGS).wait(timeout=120) == 0
    for name in ("model.safetensors", "origin.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
