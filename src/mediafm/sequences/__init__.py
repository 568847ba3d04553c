"""Sequences of shots: the feature cache, windows, batches, masking, the split by title."""

from mediafm.sequences.batch import Batch, collate
from mediafm.sequences.cache import FeatureCache
from mediafm.sequences.masking import Masking, ShotMasker, fold_masks
from mediafm.sequences.source import FeatureSource, encoder_facts
from mediafm.sequences.windows import Span, plan_steps, select_titles, split_titles, training_spans, windows

__all__ = [
    "Batch",
    "FeatureCache",
    "FeatureSource",
    "Masking",
    "ShotMasker",
    "Span",
    "collate",
    "encoder_facts",
    "fold_masks",
    "plan_steps",
    "select_titles",
    "split_titles",
    "training_spans",
    "windows",
]
