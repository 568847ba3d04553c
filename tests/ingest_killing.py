"""Running `mediafm ingest` as users do, and killing it; comparing what two catalogs hold."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from mediafm.catalog import Catalog


def start_ingest(films: Path | str, catalog: Path | str, *options: str) -> subprocess.Popen[str]:
    """The command, running."""
    command = [sys.executable, "-m", "mediafm", "ingest", str(films), "--catalog", str(catalog), "--json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children(pid: int) -> list[int]:
    """Processes started by a process (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def kill_some(run: subprocess.Popen[str], rng: random.Random, seconds: float, most: int) -> Counter[str]:
    """Until the command has ended, after random times, kill it or, as often, one of its readers; `most` kills at most.

    Returns how many of each were killed.
    """
    killed: Counter[str] = Counter()
    while killed.total() < most:
        try:
            run.wait(rng.uniform(0, seconds))
            break
        except subprocess.TimeoutExpired:
            readers = children(run.pid)
            what = "reader" if readers and rng.random() < 0.5 else "command"
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(readers) if what == "reader" else run.pid, signal.SIGKILL)
                killed[what] += 1
    run.communicate(timeout=600)
    return killed


def differences(catalog: Path | str, reference: Path | str) -> list[str]:
    """What two catalogs do not have in common: titles, shots, vectors to the last bit, keyframes."""
    mine, theirs = Catalog.open(catalog), Catalog.open(reference)
    found = [] if mine.title_ids() == theirs.title_ids() else [f"titles: {mine.title_ids()}, not {theirs.title_ids()}"]
    for title in set(mine.title_ids()) & set(theirs.title_ids()):
        if mine.shots(title) != theirs.shots(title):
            found.append(f"{title}: shots")
        ours, others = mine.features(title), theirs.features(title)
        for modality in others.vectors:
            if not np.array_equal(ours.vectors[modality], others.vectors[modality]):
                found.append(f"{title}: {modality}")
        n = theirs.title_record(title).n_shots
        if any(mine.keyframe(title, shot) != theirs.keyframe(title, shot) for shot in range(n)):
            found.append(f"{title}: keyframes")
    return found + mine.verify()


def leftovers(pid: int, seconds: float = 10.0) -> list[int]:
    """Reading processes whose parent `pid` has ended and that are still there after some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        alive = [p for p in children(1) if _is_reader(p)] + children(pid)
        if not alive:
            return []
        time.sleep(0.1)
    return alive


def _is_reader(pid: int) -> bool:
    try:
        return b"mediafm.reading.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
