"""How a result was measured, for those who want to know or doubt it."""

from collections import Counter
from importlib.metadata import PackageNotFoundError, version

from mediafm import __version__
from mediafm.probes.report.charts import Numbers
from mediafm.probes.report.numbers import counted
from mediafm.probes.result import ProbeResult, ProbeRow

LIBRARIES = ("numpy", "scipy", "pyarrow", "torch")


def split_words(result: ProbeResult) -> str:
    """How titles were divided."""
    if result.kind == "similarity":
        return (
            f"Nothing is learned. Each of {counted(result.test_titles, 'title')} with a known similar one is a query; "
            f"all other titles of {result.titles} are sorted by the cosine of their centred vectors to it."
        )
    if result.folds > 1:
        return (
            f"{counted(result.titles, 'title')} take turns in {result.folds} folds: each is held out once, and no "
            "title teaches and judges at the same time. A score is the mean over folds."
        )
    taught = result.titles - result.test_titles
    return f"{counted(taught, 'title')} taught and {counted(result.test_titles, 'title')} judged; no title did both."


def fitting_words(result: ProbeResult) -> str:
    """What was fitted."""
    if result.kind == "similarity":
        return ""
    others = [row.features for row in result.rows if not row.linear]
    said = (
        "A linear model on frozen vectors. Standardisation, fusion statistics, the L2 penalty and the threshold of "
        "each label are chosen inside the training titles; penalties are per training row."
    )
    return said + (f" Not linear: {', '.join(others)}." if others else "")


def interval_words(result: ProbeResult) -> str:
    """How intervals came about."""
    what = "queries" if result.kind == "similarity" else "titles"
    if result.test_titles - result.folds < 1:
        return f"There are no intervals: too few {what} were held out to draw from."
    return (
        f"Whole {what} are drawn with replacement, {result.draws:,} times, inside their own fold; examples of one "
        "title are anything but independent. The standard error of a score is its deviation over the draws, enlarged "
        f"for the finite number of {what}; the interval is the score give or take t standard errors, with as many "
        "degrees of freedom as there were titles free to be drawn. All feature sets are scored on the same draws, so "
        "that their differences are paired."
    )


def multiplicity_words(result: ProbeResult) -> str:
    """What "real" means."""
    return (
        f"{counted(result.comparisons, 'comparison')} in one table would find something by chance alone. A "
        "difference is called real if p of the table is below 0.05: how often the largest |t| of all comparisons of "
        "its kind is as large in draws around no difference (Westfall and Young, “Resampling-based multiple testing”, "
        "1993). “Detectable” is the true difference that would have been found with 80 % power."
    )


def fits_table(result: ProbeResult) -> Numbers:
    """What each feature set's fits left behind."""
    rows = []
    for row in result.rows:
        if row.penalties:
            seconds = f"{row.seconds:.1f} s" if row.seconds else ""
            rows.append([row.features, penalty_words(row), f"{row.gradient_norm:.1e}", seconds])
    return Numbers(
        ["feature set", "penalties chosen (how often, over folds and labels)", "largest gradient", "time"], rows
    )


def penalty_words(row: ProbeRow) -> str:
    """0.001 × 3, 0.01 × 5: each penalty and how often it was chosen, the smallest first."""
    counts = Counter(penalty for fold in row.penalties for penalty in fold)
    return ", ".join(f"{penalty:g} × {count}" for penalty, count in sorted(counts.items()))


def facts(result: ProbeResult) -> list[tuple[str, str]]:
    """Small facts in a list."""
    minutes, seconds = divmod(round(result.seconds), 60)
    took = f"{minutes} min {seconds} s" if minutes else f"{result.seconds:.1f} s"
    centring = {"none": "as published: unit-norm features", "standard": "standardised first: features of raw scale"}
    return [
        ("metric", f"{result.metric}{f', {result.averaging} average' if result.kind == 'multilabel' else ''}"),
        ("features fused", centring.get(result.centring, result.centring)),
        ("draws, seed", f"{result.draws:,}, {result.seed}"),
        ("time it took", took),
        ("versions", ", ".join(f"{name} {held}" for name, held in versions().items())),
    ]


def versions() -> dict[str, str]:
    """Of this package and of the libraries that numbers depend on."""
    held = {"mediafm": __version__}
    for name in LIBRARIES:
        try:
            held[name] = version(name)
        except PackageNotFoundError:  # pragma: no cover (a library without its metadata)
            continue
    return held
