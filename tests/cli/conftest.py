"""The command line as a function, and a small catalogue to call it on."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mediafm.cli import main
from mediafm.synthetic import SyntheticFeatures


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["mediafm", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(status, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic feature catalogue as the parquet tables that `import` takes, and labels for one task."""
    folder = tmp_path_factory.mktemp("tables")
    rows: dict[str, list[Any]] = {k: [] for k in ("title_id", "shot", "start_s", "end_s", "gaze", "rhythm", "starts")}
    words = []
    for title in SyntheticFeatures(seed=1, titles=8, shots=(24, 24), dims={"video": 12, "audio": 8, "text": 6}):
        n = len(title.features)
        rows["title_id"] += [title.title_id] * n
        rows["shot"] += list(range(n))
        rows["start_s"] += title.start_s.tolist()
        rows["end_s"] += title.end_s.tolist()
        rows["gaze"] += title.features.vectors["video"].astype(np.float32).tolist()
        rows["rhythm"] += title.features.vectors["audio"].astype(np.float32).tolist()
        rows["starts"] += title.scene_start.astype(int).tolist()
        words += [f"line {i} of {title.title_id}" if i % 3 else "" for i in range(n)]
    starts = rows.pop("starts")
    pq.write_table(pa.table({**rows, "text": words}), folder / "shots.parquet")
    pq.write_table(
        pa.table({"title_id": rows["title_id"], "start": rows["start_s"], "end": rows["end_s"], "begins": starts}),
        folder / "labels.parquet",
    )
    (folder / "task.toml").write_text(
        'name = "begins"\nkind = "binary"\nunit = "shot"\nlabels = "labels.parquet"\n'
        "penalties = [0.1, 1.0]\n[split]\nfolds = 2\n"
    )
    return folder
