"""The main table and the tables folded under it, as plain values for the templates."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mediafm.probes.report.cells import Bars, Forest
from mediafm.probes.report.groups import GROUPS, Group, Known, group_of, meaning
from mediafm.probes.report.numbers import between, decimal, metric_words, p_text, signed
from mediafm.probes.result import Difference, ProbeResult, ProbeRow


@dataclass(frozen=True, slots=True)
class Sign:
    """Whether a difference is real, as a sign and a word: colour alone would not say it to everyone."""

    mark: str
    word: str
    class_: str


BETTER, WORSE, OPEN = Sign("▲", "real", "better"), Sign("▼", "real", "worse"), Sign("○", "open", "open")


@dataclass(frozen=True, slots=True)
class Line:
    """One feature set in the main table."""

    name: str
    meaning: str
    best: bool
    tied: bool
    linear: bool
    score: str
    interval: str
    bar: Markup
    difference: str
    difference_interval: str
    forest: Markup
    sign: Sign | None
    p: str
    dim: str
    examples: str


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one group."""

    group: Group
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class MainTable:
    """All groups, and what stands in the heads of the columns. partial: whether some row speaks for a part only;
    compared: whether there are differences to concat, and judged: whether anything can be claimed of them."""

    blocks: list[Block]
    score_axis: Markup
    difference_axis: Markup
    partial: bool
    compared: bool
    judged: bool

    @property
    def columns(self) -> int:
        """How many there are."""
        return 4 + 2 * self.compared + self.judged + self.partial


def main_table(result: ProbeResult, known: Known) -> MainTable:
    """The rows of a result, by group."""
    bars = Bars.of_rows(result.rows)
    forest = Forest.of(row.versus_concat for row in result.rows)
    by_group: dict[Group, list[Line]] = {group: [] for group in GROUPS}
    for row in result.rows:
        group = group_of(row.features, result, known)
        by_group[group].append(_line(row, group, result, bars, forest))
    return MainTable(
        [Block(group, lines) for group, lines in by_group.items() if lines],
        bars.axis,
        forest.axis,
        any(is_partial(row, result) for row in result.rows),
        any(row.versus_concat for row in result.rows),
        any(line.sign for lines in by_group.values() for line in lines),
    )


def sign_of(difference: Difference) -> Sign:
    """What may be claimed of a difference."""
    if not difference.real:
        return OPEN
    return BETTER if difference.difference > 0 else WORSE


def is_partial(row: ProbeRow, result: ProbeResult) -> bool:
    """Whether the feature set speaks for some of the held-out examples only."""
    return row.examples < result.test_examples


def _line(row: ProbeRow, group: Group, result: ProbeResult, bars: Bars, forest: Forest) -> Line:
    difference = row.versus_concat
    sign = sign_of(difference) if difference and difference.p is not None else None
    leads = row.features in result.leaders
    return Line(
        name=row.features,
        meaning=meaning(row.features, group),
        best=result.leaders == [row.features],
        tied=leads and len(result.leaders) > 1 and row.low is not None,  # or nothing told any of them apart
        linear=row.linear,
        score=decimal(row.score),
        interval=between(row.low, row.high),
        bar=bars.score(row, group.key),
        difference=signed(difference.difference) if difference else "",
        difference_interval=between(difference.low, difference.high, signs=True) if difference else "",
        forest=forest.difference(difference, difference.real) if difference else Markup(""),
        sign=sign,
        p=p_text(difference.p_table) if difference else "",
        dim=f"{row.dim:,}" if row.dim else "",
        examples=f"{row.examples:,} of {result.test_examples:,}" if is_partial(row, result) else f"{row.examples:,}",
    )


@dataclass(frozen=True, slots=True)
class Grid:
    """A plain table: heads, and rows of (name, cells of one or two lines)."""

    heads: list[str]
    rows: list[tuple[str, list[tuple[str, str]]]]


def metrics_table(result: ProbeResult) -> Grid:
    """Every metric of every feature set: the score over its interval."""
    names = list(result.rows[0].metrics)
    rows = []
    for row in result.rows:
        scores = [row.metrics.get(name) for name in names]
        rows.append((row.features, [(decimal(s.score), between(s.low, s.high)) if s else ("", "") for s in scores]))
    return Grid([metric_words(name) for name in names], rows)


def gains_table(result: ProbeResult) -> Grid:
    """Every metric minus its chance value, with its interval."""
    names = list(result.rows[0].metrics)
    rows = []
    for row in result.rows:
        gains = [row.metrics[name].over_chance if name in row.metrics else None for name in names]
        rows.append((row.features, [_cell(gain) for gain in gains]))
    return Grid([metric_words(name) for name in names], rows)


def differences_table(result: ProbeResult) -> Grid:
    """Everything known of the differences to concat and to the best."""
    rows = []
    for row in result.rows:
        if row.versus_concat or row.versus_best:
            held = row.versus_concat or row.versus_best
            examples = (f"{held.examples:,}" if held else "", "")
            rows.append((row.features, [*_full(row.versus_concat), *_full(row.versus_best), examples]))
    heads = ["p", "p of the table", "detectable"]
    return Grid(["minus concat", *heads, f"minus {result.leaders[0]}", *heads, "examples"], rows)


def _full(difference: Difference | None) -> Sequence[tuple[str, str]]:
    if difference is None:
        return [("", "")] * 4
    return [
        _cell(difference),
        (p_text(difference.p), ""),
        (p_text(difference.p_table), sign_of(difference).word if difference.p_table is not None else ""),
        (decimal(difference.detectable) if difference.detectable is not None else "", ""),
    ]


def _cell(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return "", ""
    return signed(difference.difference), between(difference.low, difference.high, signs=True)
