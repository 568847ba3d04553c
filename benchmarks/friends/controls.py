"""The probe's own report on Friends: every baseline and control, and the curve over context radius, for three tasks.

    python benchmarks/friends/controls.py DATA OUT [--model RUN] [--tasks place onset kinds]

What `mediafm probe --model RUN` does on a catalog, on the series as the benchmark holds it: seasons 1-4 teach, season 5
judges. Without --model, `small` is pretrained on the other seasons first. OUT/TASK/result.html shows it all; a
Markdown table of all three is printed and kept in OUT.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from rows import Row, recipe_of
from runs import Runs
from series import FINAL, TASKS, Friends

from mediafm.config import load_recipe
from mediafm.model import Checkpoint
from mediafm.probes import ProbeResult, load_task, run_probe
from mediafm.progress import SILENT

HERE = Path(__file__).parent


class _Lines:
    """Progress as lines on standard error."""

    start, note = SILENT.start, SILENT.note

    def advance(self, amount: int = 1, parts: float = 0, **facts: object) -> None:
        print(facts, file=sys.stderr, flush=True)

    def end(self, **facts: object) -> None:
        print(facts, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, help="a run that has not seen season 5")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    options = parser.parse_args()
    friends = Friends(options.data, options.out / "text.npy")
    run = options.model
    if run is None:
        recipe = recipe_of(Row("default", "default", "pretrained"), FINAL.settings, seed=0)
        run = Runs(options.out / "runs", friends).train(recipe).folder
    checkpoint = Checkpoint.load(run, name="small")
    # The benchmark's runs are kept without a read-out of their own.
    shape = replace(checkpoint.config, readout=load_recipe("small").model.readout)
    checkpoint.model.config = shape
    results = []
    for name in options.tasks:
        task = load_task(HERE / f"{name}.toml", labels=options.data / "segments.parquet")
        results.append(run_probe(friends, task, out=options.out / name, progress=_Lines(), models=[checkpoint]))
    text = table(results)
    (options.out / "controls.md").write_text(text, encoding="utf-8")
    print(text)


def table(results: list[ProbeResult]) -> str:
    """Every feature set of all tasks, then the curves and what each result says."""
    lines = ["| features | numbers | " + " | ".join(r.task for r in results) + " |"]
    lines.append("|---|--:|" + "--:|" * len(results))
    for row in results[0].rows:
        cells = [_cell(r, row.features) for r in results]
        lines.append(f"| {row.features} | {row.dim or ''} | {' | '.join(cells)} |")
    lines += ["", "| shots on either side | " + " | ".join(r.task for r in results) + " |"]
    lines.append("|---|" + "--:|" * len(results))
    for number, point in enumerate(results[0].curve):
        scores = " | ".join(_short(r.curve[number].score) for r in results)
        lines.append(f"| {'whole title' if point.radius is None else point.radius} | {scores} |")
    for result in results:
        lines += ["", f"{result.task}: {' '.join(result.verdict)} ({result.seconds:.0f} s)"]
    return "\n".join(lines) + "\n"


def _cell(result: ProbeResult, features: str) -> str:
    row = result.row(features)
    assert row is not None
    around = "" if row.low is None else f" ({_short(row.low)}-{_short(row.high or 0)})"
    said = _short(row.score) + around
    return f"**{said}**" if result.leaders == [features] else said


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


if __name__ == "__main__":
    main()
