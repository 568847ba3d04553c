"""Scenes into shots: establishing views, shot and reverse shot, action, inserts, cutaways, and who says what when."""

from collections.abc import Sequence

import numpy as np

from mediafm.synthetic.plan import FPS, Move, Place, Role, Scale, ScenePlan, ShotPlan
from mediafm.synthetic.text import Plot, line, pick
from mediafm.synthetic.words import INSERT_SOUNDS, PLACE_SOUNDS

AMBIGUOUS_SHARE = 0.25  # of every title's shots (rounded), never two in a row
SPEECH_SHARE = 0.85  # of the shots that are not ambiguous
# How many scenes open on a view of the whole place, and how many later shots show it again: a wide view alone does not
# say that a scene begins.
OPENING_SHARE, REMINDER_SHARE = 0.6, 0.1
LENGTHS = (24.0, 10.0)  # typical shot length in frames at intensity 0 and 1
SHORTEST, LONGEST = 8, 36  # frames
DISSOLVE_LEAST = 14  # frames that both shots of a dissolve must have

INSERTS = ("clock", "cup", "phone", "key", "candle", "book")
CUTAWAYS = ("sky", "birds", "rain", "moon")


def plan_shots(
    scenes: Sequence[ScenePlan], places: Sequence[Place], plot: Plot, rng: np.random.Generator
) -> tuple[ShotPlan, ...]:
    """All shots of a title, tiling it from frame 0 on."""
    ambiguous = _ambiguous_positions(scenes[-1].end_shot, rng)
    shots: list[ShotPlan] = []
    for scene in scenes:
        turn = int(rng.integers(len(scene.cast)))
        for index in range(scene.first_shot, scene.end_shot):
            role = _role(index, scene, index in ambiguous, rng)
            if role == "single":
                turn += 1  # the other side of the conversation
            shots.append(_shot(index, role, scene, places[scene.place], turn, plot, shots, rng))
    return tuple(shots)


def _ambiguous_positions(shots: int, rng: np.random.Generator) -> set[int]:
    """Positions of the ambiguous shots: exactly the stated share, no two in a row, never the first shot."""
    wanted = round(AMBIGUOUS_SHARE * shots)
    # Choosing `wanted` of the gaps between the other shots keeps any two apart.
    gaps = np.sort(rng.choice(shots - wanted, wanted, replace=False)) + 1
    return {int(g) + k for k, g in enumerate(gaps)}


def _role(index: int, scene: ScenePlan, ambiguous: bool, rng: np.random.Generator) -> Role:
    if ambiguous:
        return "insert" if rng.random() < 0.65 else "cutaway"
    if index == 0 or rng.random() < (OPENING_SHARE if index == scene.first_shot else REMINDER_SHARE):
        return "establishing"
    if "energetic" in scene.tones and rng.random() < 0.4:
        return "action"
    return "single" if rng.random() < 0.72 else "two_shot"


def _shot(
    index: int,
    role: Role,
    scene: ScenePlan,
    place: Place,
    turn: int,
    plot: Plot,
    before: Sequence[ShotPlan],
    rng: np.random.Generator,
) -> ShotPlan:
    """One shot; `turn` says whose turn it is to be seen and to speak, `before` holds the shots so far."""
    frames = _length(role, scene.intensity, rng)
    start = before[-1].end_frame if before else 0
    face = scene.cast[turn % len(scene.cast)]
    ambiguous = role in ("insert", "cutaway")
    subject = "" if not ambiguous else pick(INSERTS if role == "insert" else CUTAWAYS, rng)
    speaks = not ambiguous and rng.random() < SPEECH_SHARE
    dissolve = index == scene.first_shot and index > 0 and rng.random() < 0.2
    return ShotPlan(
        index=index,
        scene=scene.index,
        start_frame=start,
        end_frame=start + frames,
        role=role,
        scale=_scale(role, rng),
        people={"single": (face,), "action": (face,)}.get(role, () if ambiguous else scene.cast),
        speaker=face if speaks else None,
        subject=subject,
        line=line(plot, scene.tones, place.kind, frames / FPS, scene.intensity, rng) if speaks else "",
        sound=_sound(subject, place, rng),
        move=_move(role, scene.intensity, rng),
        dissolve=dissolve and min(frames, before[-1].frames) >= DISSOLVE_LEAST,
        grade=float(rng.uniform(0.1, 1.0)),
        seed=int(rng.integers(2**31)),
    )


def _length(role: Role, intensity: float, rng: np.random.Generator) -> int:
    """Frames of a shot: intensity shortens it, except objects and skies, whose length must not give the scene away."""
    slow, fast = LENGTHS
    typical = 0.5 * (slow + fast) if role in ("insert", "cutaway") else slow + (fast - slow) * intensity
    return int(np.clip(round(typical * float(rng.lognormal(0.0, 0.2))), SHORTEST, LONGEST))


def _scale(role: Role, rng: np.random.Generator) -> Scale:
    if role == "single":
        return "close" if rng.random() < 0.55 else "medium"
    if role == "two_shot":
        return "medium" if rng.random() < 0.7 else "wide"
    return "close" if role == "insert" else "wide"


def _move(role: Role, intensity: float, rng: np.random.Generator) -> Move:
    if role in ("insert", "cutaway"):
        return "still" if rng.random() < 0.5 else "push"
    if role == "action":
        return "pan"
    if intensity > 0.4 and rng.random() < 0.6:
        return "handheld"
    moves: tuple[Move, ...] = ("still", "pan", "push")
    return pick(moves, rng)


def _sound(subject: str, place: Place, rng: np.random.Generator) -> str:
    """The description of a sound, "" in most shots."""
    if subject:
        return INSERT_SOUNDS[subject] if rng.random() < 0.25 else ""
    return PLACE_SOUNDS[place.kind] if rng.random() < 0.08 else ""
