"""Probes: what frozen embeddings know, on the user's own labels, always beside chance and the concat baseline.

Importing this loads no torch; fitting does.
"""

from mediafm.probes.report import probe_table_html, probe_table_markdown
from mediafm.probes.result import Difference, LabelScore, ProbeResult, ProbeRow
from mediafm.probes.run import run_probe
from mediafm.probes.tasks import Split, Task, load_task, template_names
from mediafm.probes.verdict import describe, leading

__all__ = [
    "Difference",
    "LabelScore",
    "ProbeResult",
    "ProbeRow",
    "Split",
    "Task",
    "describe",
    "leading",
    "load_task",
    "probe_table_html",
    "probe_table_markdown",
    "run_probe",
    "template_names",
]
