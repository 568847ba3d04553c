"""Run a page as its reader would: in a folder, its blocks one after the other, exactly as they stand there.

Shell blocks go to bash, Python blocks to one Python that lives as long as the page, files are written. Nothing here
imports mediafm, so what runs is the command that readers type. What serves goes on beside the blocks that follow.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs_pages import ROOT, Block, blocks, command_lines, words_of

LIMIT_S = 900
START_S = 120
_PYTHON = """
import json, sys
names = {"__name__": "__main__"}
for line in sys.stdin:
    told = json.loads(line)
    exec(compile(told["code"], told["where"], "exec"), names)
    print("\\n--done--", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """A block, and what it printed (both streams)."""

    block: Block
    status: int
    output: str


class FailedError(AssertionError):
    """A block ended otherwise than its page says."""


def run_page(page: Path, folder: Path, cache: Path) -> list[Ran]:
    """Run every block that is not marked; FailedError at the first that ends otherwise than it should."""
    environment = _environment(folder, cache)
    ran = []
    with closing(_Python(folder, environment)) as python, closing(_Service(folder, environment)) as service:
        for block in blocks(page):
            if not block.is_run:
                continue
            if block.mark == "serves":
                ran.append(service.begin(block))
            elif block.file:
                (folder / block.file).write_text(block.text, encoding="utf-8")
            elif block.is_commands:
                ran.append(_shell(block, folder, environment))
            elif block.language == "python":
                ran.append(python.run(block))
    return ran


def _environment(folder: Path, cache: Path) -> dict[str, str]:
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    command = programs / "mediafm"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mediafm "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(folder)]),
        "MEDIAFM_CACHE": str(cache),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "96",
    }


def _shell(block: Block, folder: Path, environment: dict[str, str]) -> Ran:
    script = "set -e\n" + "\n".join(line.removeprefix("$ ") for line in block.text.splitlines())
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return _judged(Ran(block, done.returncode, done.stdout))


def _judged(ran: Ran) -> Ran:
    if ran.status != ran.block.status:
        ended = f"{ran.block.where} ended with {ran.status}, not {ran.block.status}"
        raise FailedError(f"{ended}:\n{ran.block.text}\n{ran.output[-4000:]}")
    return ran


class _Python:
    """One Python for all blocks of a page, started by the first."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._process: subprocess.Popen[str] | None = None

    def run(self, block: Block) -> Ran:
        process = self._process = self._process or self._start()
        stdin, stdout = _streams(process)
        stdin.write(json.dumps({"code": block.text, "where": block.where}) + "\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line == "--done--\n":
                return _judged(Ran(block, 0, "".join(lines)))
            lines.append(line)
        return _judged(Ran(block, process.wait(LIMIT_S), "".join(lines)))

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", _PYTHON],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


class _Service:
    """What a page has served, one at a time: it begins with the block, and ends with the page or the next."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, block: Block) -> Ran:
        """Start the block's first command, and wait until it says where it serves."""
        self.close()
        command = words_of(command_lines(block.text)[0])
        with (self._folder / "service.log").open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + START_S
        while "serving" not in (said := (self._folder / "service.log").read_text(encoding="utf-8")):
            if self._process.poll() is not None or time.monotonic() > until:
                raise FailedError(f"{block.where} does not serve:\n{block.text}\n{said[-4000:]}")
            time.sleep(0.1)
        return Ran(block, 0, said)

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(LIMIT_S)


def _streams(process: "subprocess.Popen[str]") -> tuple[Any, Any]:
    return process.stdin, process.stdout
