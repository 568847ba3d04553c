"""The result as HTML: a fragment with the main table, for any page."""

import re
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup, escape

from mediafm.probes.report.groups import Known
from mediafm.probes.report.markdown import sentences
from mediafm.probes.report.tables import main_table
from mediafm.probes.result import ProbeResult
from mediafm.probes.verdict import describe


def probe_table_html(result: ProbeResult) -> str:
    """The result as one <figure> with its own few styles: bars with intervals, readable light and dark.

    The best feature set is bold only if it leads alone.
    """
    return (
        environment()
        .get_template("fragment.html.j2")
        .render(
            result=result,
            style=style("table"),
            described=describe(result),
            table=main_table(result, Known()),
            sentences=sentences(result),
        )
    )


@cache
def environment() -> jinja2.Environment:
    """Templates of this package. Whatever they are given is escaped, unless it is Markup."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("mediafm.probes.report"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["breakable"] = breakable
    return made


def breakable(name: str) -> Markup:
    """A name that may go on in the next line after each of its parts: run/, moving_, video+."""
    return Markup(re.sub(r"(?<=[/_+])(?=\w)", "<wbr>", str(escape(name))))


def style(*names: str) -> Markup:
    """Style sheets of this package, one after the other."""
    folder = files("mediafm.probes.report") / "templates"
    return Markup("\n".join((folder / f"{name}.css").read_text(encoding="utf-8") for name in names))
