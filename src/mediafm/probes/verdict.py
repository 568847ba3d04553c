"""What a table says, in sentences: who leads, whether context helps, whether the label is in the metadata."""

from mediafm.probes.features import METADATA
from mediafm.probes.result import Difference, ProbeResult, ProbeRow

SHOWN = 5  # names in a sentence before it says "and 3 more"


def describe(result: ProbeResult) -> str:
    """One sentence: metric, examples, titles, split."""
    averaged = ""
    if result.kind == "multilabel":
        averaged = f", {result.averaging} mean over {len(result.rows[0].labels)} labels"
    folds = f" in {result.folds} folds" if result.folds > 1 else ""
    titles = f"{result.test_titles} held-out title{'s' * (result.test_titles != 1)}"
    return (
        f"{result.metric.replace('_', ' ')}{averaged}, on {result.test_examples} {result.unit}s of {titles}{folds} "
        f"(of {result.titles} labelled); chance is {result.rows[0].chance:.3f}."
    )


def leading(result: ProbeResult) -> str:
    """One sentence on who leads, and whether the difference is real."""
    best, *others = result.leaders
    if result.test_titles < 2:
        return f"{best} scores highest, but one held-out title cannot tell whether that is chance."
    if not others:
        return f"{best} is ahead of every other feature set, all {result.comparisons} comparisons taken into account."
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    return (
        f"{best} scores highest, but cannot be told apart from {', '.join(others[:SHOWN])}{more} on "
        f"{result.test_titles} titles."
    )


def context_verdict(row: ProbeRow, alone: ProbeRow | None) -> str:
    """Whether one context embedding is worth it here: against concat, and against the same model without context."""
    difference = row.versus_concat
    if difference is None or difference.low is None or difference.high is None:
        return ""
    low, high = _signed(difference.low), _signed(difference.high)
    said = f"{row.features} against concat: {_signed(difference.difference)} ({low} to {high})"
    if difference.real and difference.difference > 0:
        tail = "" if alone is None else f" The same model with each shot by itself scores {alone.score:.3f}."
        return f"Context helps. {said}.{tail}"
    if difference.real:
        return f"Context hurts. {said}."
    return f"No gain from context was found. {said}; {_power(difference)}."


def _signed(value: float) -> str:
    """With a true minus sign."""
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _power(difference: Difference) -> str:
    if difference.detectable is None:
        return "there are too few titles to tell"
    return f"a true gain of {difference.detectable:.3f} would have been found four times in five"


def leak(result: ProbeResult) -> str:
    """Whether the title's metadata gives the label away; empty where metadata is no row."""
    row = result.row(METADATA)
    if row is None:
        return ""
    gain = row.metrics[next(iter(row.metrics))].over_chance
    if gain is None or gain.low is None or gain.low <= 0:
        return f"Metadata alone scores {row.score:.3f} (chance {row.chance:.3f}): it does not give the label away."
    return (
        f"Metadata alone scores {row.score:.3f} (chance {row.chance:.3f}): the label is in it. A feature set "
        "that is told the metadata ([GLOBAL]) proves nothing by being as good; look at the rows without."
    )
