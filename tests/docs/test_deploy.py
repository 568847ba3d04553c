"""The files that docs/deploy.md gives out: systemd takes the unit, the proxy's limits are the service's own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from docs_commands import complaint
from docs_pages import DOCS, blocks
from mediafm.serve import ServeOptions

FILES = {block.file: block.text for block in blocks(DOCS / "deploy.md") if block.file}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "mediafm"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / "mediafm.service"
    unit.write_text(FILES["mediafm.service"].replace("/srv/mediafm/venv/bin/mediafm", str(program)), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "mediafm.service" not in done.stderr, done.stderr


def test_commands_inside_unit_and_container_are_ones_that_there_are() -> None:
    started = FILES["mediafm.service"].split("ExecStart=")[1].splitlines()[0].split()
    assert complaint(["mediafm", *started[1:]]) == ""
    listed = FILES["Dockerfile"].split("CMD [")[1].split("]")[0]
    assert complaint(["mediafm", *(word.strip().strip('"') for word in listed.split(","))]) == ""


def test_the_proxy_lets_through_what_the_service_takes() -> None:
    assert ServeOptions().max_body_bytes == 8 << 20 and "client_max_body_size 8m;" in FILES["mediafm.conf"]
    assert f"127.0.0.1:{ServeOptions().port}" in FILES["mediafm.conf"]
    opened, closed = (FILES["mediafm.conf"].count(c) for c in "{}")
    assert opened == closed == 2
