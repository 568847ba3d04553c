"""Feature catalogues of any size with a known generating process, and what that process allows."""

from mediafm.synthetic.features.ceiling import ceiling
from mediafm.synthetic.features.law import Law
from mediafm.synthetic.features.source import DEFAULT_DIMS, DEFAULT_SHOTS, SyntheticFeatures
from mediafm.synthetic.features.tables import write_features
from mediafm.synthetic.features.taste import Taste, Viewing, draw_viewing, write_viewing
from mediafm.synthetic.features.timeline import Timeline
from mediafm.synthetic.features.title import FeatureTitle
from mediafm.synthetic.features.truth import FEATURE_TABLES

__all__ = [
    "DEFAULT_DIMS",
    "DEFAULT_SHOTS",
    "FEATURE_TABLES",
    "FeatureTitle",
    "Law",
    "SyntheticFeatures",
    "Taste",
    "Timeline",
    "Viewing",
    "ceiling",
    "draw_viewing",
    "write_features",
    "write_viewing",
]
