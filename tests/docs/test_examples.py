"""The notebooks in examples/ run from top to bottom, each in a fresh folder and Python, and are stored clean."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs_pages import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
# Cells of one notebook share their names; a cell's last expression is worked out too. Figures go nowhere.
DRIVER = """
import json, sys
import matplotlib
matplotlib.use("Agg")
names = {"__name__": "__main__"}
for number, code in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))):
    exec(compile(code, f"cell {number}", "exec"), names)
"""


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    document = json.loads(notebook.read_text(encoding="utf-8"))
    assert document["nbformat"] == 4
    return [cell for cell in document["cells"] if cell["cell_type"] == kind]


def test_there_are_notebooks() -> None:
    assert {n.stem for n in NOTEBOOKS} >= {"one_film", "own_features", "own_labels", "search_and_uses"}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_a_notebook_is_stored_without_outputs_and_says_what_it_is(notebook: Path) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(notebook, "code"))
    assert "".join(cells(notebook, "markdown")[0]["source"]).startswith("# ")
    for cell in cells(notebook, "code"):
        compile("".join(cell["source"]), notebook.name, "exec")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    code = tmp_path / "cells.json"
    code.write_text(json.dumps(["".join(cell["source"]) for cell in cells(notebook, "code")]), encoding="utf-8")
    folder = tmp_path / "here"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(code)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "MEDIAFM_CACHE": str(tmp_path / "cache"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
