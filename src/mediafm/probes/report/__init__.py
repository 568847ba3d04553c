"""The report of a probe: Markdown, an HTML fragment for other pages, and a page of its own."""

from mediafm.probes.report.html import probe_table_html
from mediafm.probes.report.markdown import probe_table_markdown
from mediafm.probes.report.page import write_page

__all__ = ["probe_table_html", "probe_table_markdown", "write_page"]
