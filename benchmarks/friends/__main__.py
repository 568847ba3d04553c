"""Quality on a real series: pretrain on Friends and probe what embeddings know, beside trivial contexts.

    python benchmarks/friends DATA OUT                       the table: probes learn on seasons 1-4, season 5 judges
    python benchmarks/friends DATA OUT --develop             the same for choosing: seasons 1-3, season 4 judges
    python benchmarks/friends DATA OUT --grid 'share_*' ...  what options of a recipe move, judged by season 4

The judging season is seen by no training, no choice of weights and no choice of penalties; with --develop and --grid
season 5 is not looked at either. Everything that was done is kept in OUT and not done again (delete OUT where code has
changed). One JSON document is printed, the table goes to stderr; both are kept in OUT.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench import Judged
from rows import BASELINE, DEFAULT, ROWS, Row, grid_rows, select_rows
from series import DEVELOP, FINAL
from session import Session
from tables import Measured, best, score, table, versus

from mediafm.errors import MediafmError, TrainingError
from mediafm.model.folder import replace_file, to_json

Found = dict[str, dict[int, Judged]]  # row -> seed -> result


def main() -> None:
    options = _options()
    split = FINAL if options.grid is None and not options.develop else DEVELOP
    session = Session(options.data, options.out, split, options.settings, options.only)
    if options.grid is None:
        rows = select_rows(options.rows, ROWS)
    else:
        rows = grid_rows(options.grid_file, options.grid, options.readouts)
    found, failed = _measure(session, rows, options.seeds)
    document: dict[str, Any] = {
        "split": split.name,
        "test_titles": int(session.bench.held_out.rows.title.max()) + 1,
        "failed": failed,
    }
    document |= _table(session, rows, found) if options.grid is None else _grid(session, rows, found)
    document["seconds"] = {part: round(value, 1) for part, value in session.seconds.items()}
    against = document.pop("against")
    name = f"{'table' if options.grid is None else 'grid'}-{split.name}"
    text = table(document["rows"], against) if document["rows"] else "Nothing is measured yet.\n"
    replace_file(options.out / f"{name}.json", to_json(document))
    replace_file(options.out / f"{name}.md", text.encode())
    print(text, file=sys.stderr)
    print(json.dumps(document, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/friends", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with the parquet files of the Friends study")
    parser.add_argument("out", type=Path, help="folder for runs, probes and tables")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe")
    parser.add_argument(
        "--rows", nargs="+", default=[], metavar="ROW", help="names or patterns; trivial ones always stand"
    )
    parser.add_argument("--grid", nargs="*", metavar="OPTION", help="options of the grid file, all without a name")
    parser.add_argument("--grid-file", type=Path, default=Path(__file__).parent / "grid.toml")
    parser.add_argument("--readouts", nargs="+", default=[], metavar="PARTS",
                        help="of the grid, written shot+last (default: what the recipe says)")  # fmt: skip
    parser.add_argument("--develop", action="store_true", help="season 4 judges instead of season 5")
    parser.add_argument("--only", choices=("all", "train", "probe", "report"), default="all")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="SECTION.KEY=VALUE",
                        help="a setting of all recipes")  # fmt: skip
    return parser.parse_args()


def _measure(session: Session, rows: Sequence[Row], seeds: int) -> tuple[Found, dict[str, str]]:
    """Seed by seed, so that a table of one seed stands early. A run that diverges is told, and the rest goes on."""
    found: Found = {}
    failed: dict[str, str] = {}
    for seed in range(seeds):
        for row in rows:
            if row.name in failed or (seed and row.source in ("chance", "trivial")):
                continue
            try:
                judged = session.measure(row, seed)
            except TrainingError as error:
                failed[row.name] = str(error)
                session.say(f"{row.name}, seed {seed}: {error}")
                continue
            if judged is not None:
                found.setdefault(row.name, {})[seed] = judged
    return found, failed


def _table(session: Session, rows: Sequence[Row], found: Found) -> dict[str, Any]:
    columns, measured = session.bench.columns, _measured(found)
    contexts = {r.name: measured[r.name] for r in rows if r.source == "trivial" and r.name in measured}
    baseline = contexts.pop(BASELINE, None)
    leading = best(contexts, columns) if contexts else {}
    lines = []
    for row in rows:
        if row.name not in measured:
            continue
        line = _line(session, row, found[row.name], measured[row.name])
        if baseline is not None and row.name != BASELINE:
            line["versus_concat"] = versus(measured[row.name], baseline, columns)
        if leading and row.source not in ("chance", "trivial"):
            line["versus_trivial"] = {}
            for task, name in leading.items():
                line["versus_trivial"] |= versus(measured[row.name], measured[name], {task: columns[task]})
        lines.append(line)
    against = [("versus_concat", "minus concat"), ("versus_trivial", "minus best trivial context")]
    return {"best_trivial_context": leading, "rows": lines, "against": against}


def _grid(session: Session, rows: Sequence[Row], found: Found) -> dict[str, Any]:
    measured = _measured(found)
    lines = []
    for row in rows:
        if row.name not in measured:
            continue
        line = _line(session, row, found[row.name], measured[row.name])
        option, at, readout = row.name.partition("@")
        default = found.get(DEFAULT + at + readout, {})
        shared = sorted(default.keys() & found[row.name].keys())
        if option != DEFAULT and shared:
            ours, theirs = (_stack([held[seed] for seed in shared]) for held in (found[row.name], default))
            line["versus_default"] = versus(ours, theirs, session.bench.columns)
        lines.append(line)
    return {"rows": lines, "against": [("versus_default", "minus default")]}


def _line(session: Session, row: Row, seeds: dict[int, Judged], measured: Measured) -> dict[str, Any]:
    """What stands of a row beside its differences."""
    columns, names = session.bench.columns, session.bench.examples.names
    judged = list(seeds.values())
    labels = dict(zip(names, measured.score_KL.mean(axis=0).tolist(), strict=True))
    line = {"name": row.name, "words": row.words, "dim": judged[0].dim, "seeds": sorted(seeds)}
    line |= {"scores": score(measured, columns), "labels": labels, "facts": [j.facts for j in judged]}
    if runs := [run for seed in seeds if (run := session.run_of(row, seed))]:
        line["runs"] = [{**run.result, "run": run.folder.name} for run in runs]
    return line


def _measured(found: Found) -> dict[str, Measured]:
    return {name: _stack(list(seeds.values())) for name, seeds in found.items()}


def _stack(judged: Sequence[Judged]) -> Measured:
    return Measured(np.stack([j.score_L for j in judged]), np.stack([j.drawn_BL for j in judged]))


if __name__ == "__main__":
    try:
        main()
    except MediafmError as error:
        raise SystemExit(f"{error}") from None
