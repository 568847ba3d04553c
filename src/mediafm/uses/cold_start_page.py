"""The result of `cold-start` as files: result.json for programs, result.md for people."""

from pathlib import Path

from mediafm.model.folder import replace_file, to_json
from mediafm.uses.cold_start import ColdRow, ColdStart, Figure, Gain

HEADS = ["", "nDCG", "95 %", "recall", "95 %", "audience", "95 %", "nDCG minus metadata", "minus its content"]


def write_cold_start(result: ColdStart, folder: str | Path) -> Path:
    """Write `result.json` and `result.md`; MediafmError where the folder cannot be written."""
    target = Path(folder)
    replace_file(target / "result.json", to_json(result.as_json()))
    replace_file(target / "result.md", cold_start_markdown(result).encode())
    return target / "result.md"


def cold_start_markdown(result: ColdStart) -> str:
    """The result as a page."""
    lines = [
        "# Cold start",
        "",
        f"{result.titles} titles in {result.folds} folds: each was new once, and all likes of it hidden. "
        f"{result.users} users' lists of some {result.new_titles:.0f} new titles, {result.likes} likes."
        + ("" if result.min_rating is None else f" Ratings from {result.min_rating:g} on are likes."),
        "",
        f"nDCG and recall at {result.k} of each user's list; *audience*: nDCG at {result.k} of each new title's list "
        "of users. `mixed:` is content and likes together.",
        "",
        "| " + " | ".join(HEADS) + " |",
        "|" + "---|" * len(HEADS),
        *("| " + " | ".join(cells(row)) + " |" for row in result.rows),
        "",
        *(f"- {note}" for note in result.notes),
    ]
    return "\n".join(lines) + "\n"


def cells(row: ColdRow) -> list[str]:
    """One row as text."""
    figures = [part for figure in (row.ndcg, row.recall, row.audience) for part in _figure(figure)]
    own = row.name.removeprefix("mixed:")
    gains = {gain.over: _gain(gain) for gain in row.gains}
    return [row.name, *figures, gains.get("metadata", ""), gains.get(own, "") if own != row.name else ""]


def _figure(figure: Figure) -> tuple[str, str]:
    return f"{figure.score:.3f}", "" if figure.low is None else f"{figure.low:.3f} - {figure.high:.3f}"


def _gain(gain: Gain) -> str:
    around = "" if gain.low is None else f" ({gain.low:+.3f} to {gain.high:+.3f})"
    return f"{gain.difference:+.3f}{around}"
