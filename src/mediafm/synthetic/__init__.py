"""Films and feature catalogues with known answers, for the demo, for tests and for anyone who wants to try things."""

from mediafm.synthetic.features import (
    FEATURE_TABLES,
    FeatureTitle,
    Law,
    SyntheticFeatures,
    Taste,
    Viewing,
    ceiling,
    draw_viewing,
    write_features,
    write_viewing,
)
from mediafm.synthetic.films import RenderedTitle, render_title, title_cues, write_catalogue
from mediafm.synthetic.genres import GENRES, TONES
from mediafm.synthetic.known import TableFacts
from mediafm.synthetic.picture import shot_frame, title_frames
from mediafm.synthetic.plan import ScenePlan, ShotPlan, TitlePlan
from mediafm.synthetic.shotlist import AMBIGUOUS_SHARE
from mediafm.synthetic.sound import title_samples
from mediafm.synthetic.story import plan_catalogue
from mediafm.synthetic.truth import FILM_TABLES, cuts, tables, write_truth

__all__ = [
    "AMBIGUOUS_SHARE",
    "FEATURE_TABLES",
    "FILM_TABLES",
    "GENRES",
    "TONES",
    "FeatureTitle",
    "Law",
    "RenderedTitle",
    "ScenePlan",
    "ShotPlan",
    "SyntheticFeatures",
    "TableFacts",
    "Taste",
    "TitlePlan",
    "Viewing",
    "ceiling",
    "cuts",
    "draw_viewing",
    "plan_catalogue",
    "render_title",
    "shot_frame",
    "tables",
    "title_cues",
    "title_frames",
    "title_samples",
    "write_catalogue",
    "write_features",
    "write_truth",
    "write_viewing",
]
