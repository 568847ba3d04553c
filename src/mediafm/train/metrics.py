"""A run's figures as JSON lines and for TensorBoard."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from mediafm.model.folder import replace_file

METRICS, TENSORBOARD = "metrics.jsonl", "tensorboard"


def read_metrics(folder: Path, last_step: int | None = None) -> list[dict[str, Any]]:
    """The lines of a run's `metrics.jsonl`, up to `last_step`. A last line cut short by a kill is left out."""
    path = folder / METRICS
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            rows.append(json.loads(line))
    return [row for row in rows if last_step is None or row["step"] <= last_step]


class MetricsLog:
    """Appends to `metrics.jsonl` and `tensorboard/` from `step` on; what a killed run wrote beyond it goes."""

    def __init__(self, folder: Path, step: int) -> None:
        # Imported here: it brings tensorboard along, which nothing but a run needs.
        from torch.utils.tensorboard import SummaryWriter

        kept = read_metrics(folder, step)
        replace_file(folder / METRICS, "".join(json.dumps(row) + "\n" for row in kept).encode())
        self._lines = (folder / METRICS).open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / TENSORBOARD), purge_step=step + 1 if step else None)

    def write(self, step: int, **figures: float) -> None:
        """One line of figures that hold after `step` steps."""
        self._lines.write(json.dumps({"step": step, **figures}) + "\n")
        for name, value in figures.items():
            self._board.add_scalar(name, value, step)

    def flush(self) -> None:
        """Hand everything to the file system."""
        self._lines.flush()
        self._board.flush()

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._board.close()
