"""The sound of a synthetic film: music, air, voices and effects mixed on the title's own clock.

Music belongs to scenes, not to shots: it plays on over the cuts. In ambiguous shots it rests and only the object itself
is heard, if it makes a sound at all; the candle, the cup and the moon are shown in complete silence.
"""

import numpy as np

from mediafm.synthetic.effects import EFFECTS, air, babble, steps
from mediafm.synthetic.genres import SPECS
from mediafm.synthetic.music import duck, score
from mediafm.synthetic.plan import FPS, ScenePlan, ShotPlan, TitlePlan
from mediafm.synthetic.tones import RATE, add, faded
from mediafm.types import FloatArray

SAMPLES_PER_FRAME = RATE // FPS
LEAD_MS = 80  # a voice (and its subtitle) sets in this long after its shot and stops at least TAIL_MS before its end
TAIL_MS = 60


def title_samples(plan: TitlePlan) -> FloatArray:
    """The whole sound of a title: float32 [frames * SAMPLES_PER_FRAME] mono at RATE, within [-1, 1]."""
    bus = np.zeros(plan.frames * SAMPLES_PER_FRAME, dtype=np.float32)
    root = 57 + int(np.random.default_rng([*plan.seed, 3]).integers(-4, 5))
    for scene in plan.scenes:
        _score_scene(bus, plan, scene, root)
    duck(bus, [_span(shot) for shot in plan.shots if shot.ambiguous])
    for shot in plan.shots:
        _voice_shot(bus, plan, shot)
    return np.tanh(bus)


def _span(shot: ShotPlan) -> tuple[int, int]:
    return shot.start_frame * SAMPLES_PER_FRAME, shot.end_frame * SAMPLES_PER_FRAME


def _score_scene(bus: FloatArray, plan: TitlePlan, scene: ScenePlan, root: int) -> None:
    """The air of the scene's place, and its music where it has any."""
    start = _span(plan.shots[scene.first_shot])[0]
    end = _span(plan.shots[scene.end_shot - 1])[1]
    rng = np.random.default_rng([*plan.seed, 4, scene.index])
    loop = air(plan.places[scene.place].kind)
    offset = int(rng.integers(len(loop)))
    turned = np.resize(np.roll(loop, -offset), end - start)
    add(bus, start, faded(turned, 0.08))
    if scene.music:
        seconds = (end - start) / RATE
        music = score(scene.tones, scene.intensity, SPECS[plan.genre].timbre, root, seconds, rng)
        add(bus, start, music, float(rng.uniform(0.35, 0.65)))


def _voice_shot(bus: FloatArray, plan: TitlePlan, shot: ShotPlan) -> None:
    """What is heard in one shot alone: the speaker, an object, steps, what a subtitle describes."""
    rng = np.random.default_rng([shot.seed, 2])
    start, end = _span(shot)
    seconds = (end - start) / RATE
    if shot.speaker is not None:
        lead, tail = LEAD_MS / 1000, TAIL_MS / 1000
        effort = float(np.clip(plan.scenes[shot.scene].intensity + rng.normal(0, 0.25), 0, 1))
        voice = babble(len(shot.line.split()), seconds - lead - tail, plan.cast[shot.speaker].voice_hz, effort, rng)
        add(bus, start + round(lead * RATE), voice, 0.7)
    heard = shot.subject or (plan.places[plan.scenes[shot.scene].place].kind if shot.sound else "")
    if heard in EFFECTS:
        add(bus, start, faded(EFFECTS[heard](seconds, rng)[: end - start], 0.02))
    if shot.role == "action":
        add(bus, start, faded(steps(seconds, rng)[: end - start], 0.02))
