"""Sequences of shots: the feature cache, windows, batches, masking, the split by title."""

from mediafm.sequences.cache import Batch, FeatureCache, collate
from mediafm.sequences.masking import Masking, ShotMasker, fold_masks
from mediafm.sequences.source import FeatureSource, encoder_facts
from mediafm.sequences.windows import Span, pack_batches, select_titles, split_titles, training_spans, windows

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
    "pack_batches",
    "select_titles",
    "split_titles",
    "training_spans",
    "windows",
]
