"""A probe's table for people: Markdown, and an HTML fragment that stands by itself in any page."""

from html import escape

from mediafm.probes.result import Difference, ProbeResult, ProbeRow


def probe_table_markdown(result: ProbeResult) -> str:
    """The result as a Markdown page: heading, what was measured, table, per-label table, and who leads."""
    lines = [f"# {result.task}", "", describe(result), ""]
    lines += ["| features | score | 95 % | minus concat | 95 % | dim |", "|---|--:|---|--:|---|--:|"]
    for row in result.rows:
        difference = row.versus_concat
        name = f"**{row.features}**" if result.leaders == [row.features] else row.features
        lines.append(
            f"| {name} | {row.score:.3f} | {_range(row.low, row.high)} | {_signed(difference)} | "
            f"{_range(difference.low, difference.high) if difference else ''} | {row.dim or ''} |"
        )
    lines += ["", verdict(result), ""]
    if len(result.rows[0].labels) > 1:
        labels = list(result.rows[0].labels)
        lines += [f"| features | {' | '.join(labels)} |", "|---|" + "--:|" * len(labels)]
        for row in result.rows:
            lines.append(f"| {row.features} | " + " | ".join(f"{row.labels[n].score:.3f}" for n in labels) + " |")
        lines.append("")
    return "\n".join(lines)


def probe_table_html(result: ProbeResult) -> str:
    """The result as one <figure> with its own few styles: a table with bars and intervals, readable light and dark.

    The best feature set is bold only if its paired difference to every other is real.
    """
    rows = "\n".join(_html_row(row, result) for row in result.rows)
    return f"""<figure class="mfm-probe">
<style>{_STYLE}</style>
<figcaption><b>{escape(result.task)}</b>: {escape(describe(result))}</figcaption>
<div class="mfm-scroll"><table>
<thead><tr><th>features</th><th>score</th><th>95 % interval, chance dotted</th><th>minus concat</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<p>{escape(verdict(result))}</p>
</figure>
"""


def describe(result: ProbeResult) -> str:
    """One sentence: metric, examples, titles, split."""
    averaged = f", {result.averaging} mean over {len(result.rows[0].labels)} labels" if result.kind != "binary" else ""
    folds = f" in {result.folds} folds" if result.folds > 1 else ""
    return (
        f"{result.metric.replace('_', ' ')}{averaged}, on {result.test_examples} {result.unit}s of "
        f"{result.test_titles} held-out titles{folds} (of {result.titles} labelled); a constant scores "
        f"{result.rows[0].chance:.3f}."
    )


def verdict(result: ProbeResult) -> str:
    """One sentence on who leads, and whether the difference is real."""
    best, *others = result.leaders
    if result.test_titles < 2:
        return f"{best} scores highest, but one held-out title cannot tell whether that is chance."
    if not others:
        return (
            f"{best} is ahead of every other feature set; the 95 % intervals of all paired differences leave out zero."
        )
    return f"{best} scores highest, but cannot be told apart from {', '.join(others)} on {result.test_titles} titles."


def _html_row(row: ProbeRow, result: ProbeResult) -> str:
    low, high = (row.score, row.score) if row.low is None or row.high is None else (row.low, row.high)
    bar = (
        f'<span class="mfm-bar" role="img" aria-label="{_range(row.low, row.high) or "no interval"}">'
        f'<i style="width:{row.score:.1%}"></i>'
        f'<b style="left:{low:.1%};width:{high - low:.1%}"></b><u style="left:{row.chance:.1%}"></u></span>'
    )
    name = escape(row.features)
    name, score = (
        f"<strong>{t}</strong>" if result.leaders == [row.features] else t for t in (name, f"{row.score:.3f}")
    )
    difference = row.versus_concat
    against = f"{_signed(difference)} <small>{_range(difference.low, difference.high)}</small>" if difference else ""
    bar += f"<small>{_range(row.low, row.high)}</small>"
    return f"<tr><td>{name}</td><td>{score}</td><td>{bar}</td><td>{against}</td></tr>"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _signed(difference: Difference | None) -> str:
    return "" if difference is None else f"{difference.difference:+.3f}"


_STYLE = """
.mfm-probe{margin:0;font:14px/1.4 system-ui,sans-serif}
.mfm-probe .mfm-scroll{overflow-x:auto}
.mfm-probe table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin-top:.5em}
.mfm-probe th,.mfm-probe td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #8884;white-space:nowrap}
.mfm-probe small{opacity:.75}
.mfm-bar{position:relative;display:inline-block;vertical-align:middle;width:160px;height:14px;background:#8882;margin-right:.6em}
.mfm-bar i{position:absolute;left:0;top:0;bottom:0;background:#4a7fc1}
.mfm-bar b{position:absolute;top:5px;height:4px;background:#e08a2c}
.mfm-bar u{position:absolute;top:0;bottom:0;border-left:2px dotted currentColor}
"""
