"""The result as Markdown: the table, what it says, and tables of labels and of the curve."""

from collections.abc import Sequence

from mediafm.probes.report.groups import Known, cast_of
from mediafm.probes.report.numbers import between, decimal, p_text, signed, true_minus
from mediafm.probes.report.tables import is_partial, sign_of
from mediafm.probes.result import ProbeResult, ProbeRow
from mediafm.probes.verdict import describe, leading


def probe_table_markdown(result: ProbeResult) -> str:
    """The result as a Markdown page: heading, what was measured, table, verdict, notes, labels, curve."""
    parts = [f"# {plain(result.task)}", plain(describe(result)), _main_table(result)]
    parts.append("\n".join(f"- {plain(said)}" for said in sentences(result)))
    if result.notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {plain(note)}" for note in result.notes))
    parts += [part for part in (_label_table(result), _curve_table(result)) if part]
    return "\n\n".join(parts) + "\n"


def sentences(result: ProbeResult) -> list[str]:
    """What the table says: who leads, before all."""
    return [true_minus(said) for said in result.verdict or [leading(result)]]


def plain(text: str) -> str:
    """Text that Markdown takes as it stands: nothing in it makes a cell, a tag, a link or an emphasis."""
    for sign in "\\`*[]<>|":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _main_table(result: ProbeResult) -> str:
    partial = any(is_partial(row, result) for row in result.rows)
    heads = ["features", "score", "95 %", "minus concat", "95 %", "p of the table", "", "dim"]
    heads += ["examples"] if partial else []
    rows = []
    for row in result.rows:
        rows.append(_main_row(row, result) + ([f"{row.examples:,}"] if partial else []))
    table = _table(heads, rows, left=(0, 2, 4, 6))
    if all(row.linear for row in result.rows):
        return table
    return table + "\n\n† not a linear probe"


def _main_row(row: ProbeRow, result: ProbeResult) -> list[str]:
    name = plain(row.features)
    name = f"**{name}**" if result.leaders == [row.features] else name
    difference = row.versus_concat
    cells = [name + ("" if row.linear else " †"), decimal(row.score), between(row.low, row.high)]
    if difference is None:
        cells += [""] * 4
    else:
        sign = sign_of(difference) if difference.p is not None else None
        cells += [
            signed(difference.difference), between(difference.low, difference.high, signs=True),
            p_text(difference.p_table), f"{sign.mark} {sign.word}" if sign else "",
        ]  # fmt: skip
    return [*cells, f"{row.dim:,}" if row.dim else ""]


def _label_table(result: ProbeResult) -> str:
    cast = cast_of(result, Known())
    row = cast.focus
    if len(row.labels) < 2:
        return ""
    beside = cast.concat.labels if cast.concat and cast.concat != row else {}
    rows = []
    for name, label in row.labels.items():
        versus, other = label.versus_concat, beside.get(name)
        rows.append([
            plain(name), f"{label.positives:,}", decimal(label.chance), decimal(other.score) if other else "",
            decimal(label.score), signed(versus.difference) if versus else "",
            between(versus.low, versus.high, signs=True) if versus else "",
        ])  # fmt: skip
    heads = ["label", "positives", "chance", "concat", plain(row.features), "minus concat", "95 %"]
    return "## Labels\n\n" + _table(heads, rows, left=(0, 6))


def _curve_table(result: ProbeResult) -> str:
    if not result.curve:
        return ""
    rows = [
        [
            plain(point.model), "whole title" if point.radius is None else str(point.radius), decimal(point.score),
            between(point.low, point.high),
        ]
        for point in result.curve
    ]  # fmt: skip
    return "## Score against context\n\n" + _table(
        ["model", "shots on either side", "score", "95 %"], rows, left=(0, 3)
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """left: numbers of the columns that are not numbers."""
    rule = "".join("---|" if i in left else "--:|" for i in range(len(heads)))
    return "\n".join([f"| {' | '.join(heads)} |", f"|{rule}", *(f"| {' | '.join(row)} |" for row in rows)])
