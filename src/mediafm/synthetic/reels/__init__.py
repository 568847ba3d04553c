"""Reels: unrelated shots joined by every kind of transition, and between them all that looks like one and is not.

A test of shot detectors with known answers: `plan_reel` says what happens in which frames, `reel_frames` draws it, and
`match_cuts` counts what a detector found.
"""

from mediafm.synthetic.reels.matching import Matches, match_cuts
from mediafm.synthetic.reels.plan import (
    DISTURBANCES,
    STYLES,
    TRANSITIONS,
    Disturbance,
    ReelPlan,
    ReelShot,
    Transition,
    plan_reel,
    plan_reels,
)
from mediafm.synthetic.reels.render import reel_frames

__all__ = [
    "DISTURBANCES",
    "STYLES",
    "TRANSITIONS",
    "Disturbance",
    "Matches",
    "ReelPlan",
    "ReelShot",
    "Transition",
    "match_cuts",
    "plan_reel",
    "plan_reels",
    "reel_frames",
]
