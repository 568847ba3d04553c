"""Whether reading processes can be confined on this system: tried out in a process of its own, not looked up."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mediafm.reading import sandbox


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a confined process could not do any more. trouble: why it could not be found out, or ""."""

    network_closed: bool = False
    files_closed: bool = False
    trouble: str = ""


def try_confinement(timeout_s: float = 20.0) -> Confinement:
    """Have a process confine itself as a reading process does, then try to open a socket and to write a file."""
    with tempfile.TemporaryDirectory(prefix="mediafm-") as folder:
        command = [sys.executable, "-P", "-m", __name__, str(Path(folder) / "written")]
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=True)
            found = json.loads(done.stdout)
            return Confinement(bool(found["network_closed"]), bool(found["files_closed"]))
        except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
            return Confinement(trouble=f"a confined process could not be tried out ({type(error).__name__})")


def _main() -> None:
    claimed_open = sandbox.forbid_network_and_writing()
    found = {
        "network_closed": "network" not in claimed_open and not _can(_open_socket),
        "files_closed": "files" not in claimed_open and not _can(_write_file),
    }
    os.write(1, json.dumps(found).encode())


def _can(act: object) -> bool:
    try:
        act()  # type: ignore[operator]
    except OSError:
        return False
    return True


def _open_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def _write_file() -> None:
    Path(sys.argv[1]).write_bytes(b"written")


if __name__ == "__main__":
    _main()
