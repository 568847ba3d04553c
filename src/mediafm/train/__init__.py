"""Pretraining: the loop, Muon, the schedule, validation beside trivial predictors, saved states."""

from mediafm.train.muon import Muon
from mediafm.train.optimizers import make_optimizers, parameter_groups
from mediafm.train.pretrain import PretrainResult, pretrain
from mediafm.train.schedule import rate_factor
from mediafm.train.trivial import trivial_distances
from mediafm.train.validation import Validation

__all__ = [
    "Muon",
    "PretrainResult",
    "Validation",
    "make_optimizers",
    "parameter_groups",
    "pretrain",
    "rate_factor",
    "trivial_distances",
]
