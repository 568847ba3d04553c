"""Films and feature catalogues with known answers, for the demo, for tests and for anyone who wants to try things.

Names load on first use: planning a catalogue loads neither OpenCV nor a codec.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "plan_catalogue": "story",
    "TitlePlan": "plan",
    "ScenePlan": "plan",
    "ShotPlan": "plan",
    "RenderedTitle": "films",
    "render_title": "films",
    "title_cues": "films",
    "write_catalogue": "films",
    "shot_frame": "picture",
    "title_frames": "picture",
    "title_samples": "sound",
    "tables": "truth",
    "cuts": "truth",
    "write_truth": "truth",
    "FeatureTitle": "features",
    "feature_catalogue": "features",
    "TONES": "genres",
    "GENRES": "genres",
    "AMBIGUOUS_SHARE": "shotlist",
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"mediafm.synthetic.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mediafm.synthetic' has no attribute {name!r}")
