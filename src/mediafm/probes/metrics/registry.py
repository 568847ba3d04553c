"""Metrics by the names that tasks give them."""

import re
from functools import partial

from mediafm.errors import UsageError
from mediafm.probes.metrics import classes, retrieval, values
from mediafm.probes.metrics.rows import Metric
from mediafm.probes.metrics.scenes import scene_metric
from mediafm.probes.tasks import SCENE_METRICS, Kind

UNBOUNDED = float("-inf")


def find_metric(name: str, kind: Kind) -> Metric:
    """The metric of a task's name for it. UsageError for one that there is not."""
    if match := re.fullmatch(r"recall_at_(\d+)", name):
        k = int(match[1])
        return Metric(name, retrieval.drawn_recall(k), retrieval.chance_recall(k))
    if name == "miou":
        return scene_metric(name, "iou")
    if match := SCENE_METRICS.fullmatch(name):
        return scene_metric(name, "f1", float(match[1]))
    if kind == "ranking" and name == "spearman":
        return Metric(name, values.drawn_group_spearman, retrieval.constant_chance(0.0), low=-1.0)
    if name not in METRICS:
        raise UsageError(f"There is no metric {name!r}.", f"There are {', '.join(METRICS)} and recall_at_10.")
    return METRICS[name]


_zero = retrieval.constant_chance(0.0)
_signed = partial(Metric, chance=_zero, low=-1.0)
METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("average_precision", retrieval.drawn_average_precision, retrieval.chance_average_precision),
        Metric("roc_auc", retrieval.drawn_roc_auc, retrieval.constant_chance(0.5)),
        Metric("accuracy", classes.drawn_accuracy, classes.chance_accuracy),
        Metric("balanced_accuracy", classes.drawn_class_recall, classes.chance_class_recall),
        Metric("f1", classes.drawn_f1, classes.chance_f1),
        _signed("kendall_tau", values.drawn_kendall),
        _signed("pearson", values.drawn_pearson),
        _signed("spearman", values.drawn_spearman),
        Metric("r2", values.drawn_r2, values.chance_r2, low=UNBOUNDED),
    )
}
