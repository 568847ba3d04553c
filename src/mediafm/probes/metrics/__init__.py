"""Metrics of held-out predictions, each with its draws over titles and its chance value."""

from mediafm.probes.metrics.held_out import HeldOut
from mediafm.probes.metrics.registry import find_metric
from mediafm.probes.metrics.retrieval import average_precision, expected_average_precision
from mediafm.probes.metrics.rows import FoldRows, Metric, Predictions, mean_known

__all__ = [
    "FoldRows",
    "HeldOut",
    "Metric",
    "Predictions",
    "average_precision",
    "expected_average_precision",
    "find_metric",
    "mean_known",
]
