"""Clips of the synthetic films: runs of two to four shots inside a scene, and how much people would like each.

Every clip holds at least one shot that shows its scene, as no two ambiguous shots stand side by side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.synthetic.plan import ScenePlan, ShotPlan, TitlePlan
from mediafm.synthetic.runs import cut_runs, thinned, truth_rng

# Appeal of a clip: what it shows by itself, what it shows after a build-up, the peak of the story, and luck. A surge
# looks like a climax but has the first part alone.
SHOWN, EARNED, PEAK, LUCK = 0.6, 0.8, 0.5, 0.2


@dataclass(frozen=True, slots=True)
class Clip:
    """Shots `first_shot .. end_shot - 1` of one scene. build_up: intensity of the scene before, 0 without one."""

    scene: ScenePlan
    first_shot: int
    end_shot: int
    build_up: float

    def shots(self, plan: TitlePlan) -> tuple[ShotPlan, ...]:
        """The clip's shots."""
        return plan.shots[self.first_shot : self.end_shot]

    @property
    def appeal(self) -> float:
        """What draws people to it, but for luck."""
        scene = self.scene
        return SHOWN * scene.intensity + EARNED * scene.intensity * self.build_up + PEAK * scene.clip_worthy


def title_clips(plan: TitlePlan) -> list[Clip]:
    """All clips of a title in order; they tile it."""
    rng = truth_rng(plan.seed, "clips")
    before = [0.0, *(scene.intensity for scene in plan.scenes)]
    return [
        Clip(scene, scene.first_shot + first, scene.first_shot + end, before[scene.index])
        for scene in plan.scenes
        for first, end in cut_runs(scene.end_shot - scene.first_shot, rng)
    ]


def popularity(plan: TitlePlan, clips: list[Clip]) -> NDArray[np.float64]:
    """How often each clip is clicked, as a multiple of the title's mean, [clips]: exp(appeal + luck), mean 1."""
    appeal = np.array([clip.appeal for clip in clips])
    clicks = np.exp(appeal + truth_rng(plan.seed, "popularity").normal(0.0, LUCK, len(clips)))
    return np.asarray(clicks / clicks.mean())


def retrieval_scenes(plan: TitlePlan) -> list[ScenePlan]:
    """The scenes of the clip retrieval task: climaxes, and three others for each as far as there are.

    A film of 42 scenes (210 shots) or more has 6 to 10 climaxes among them and exactly three others for each; a shorter
    one has what it has.
    """
    positive = np.array([scene.clip_worthy for scene in plan.scenes])
    return [plan.scenes[k] for k in thinned(positive, truth_rng(plan.seed, "retrieval"))]
