"""What happens in a reel, as pure data: shots, transitions between them, and disturbances that are no transitions."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import numpy as np

TransitionKind = Literal["cut", "dissolve", "fade_black", "fade_white", "wipe"]
TRANSITIONS: tuple[TransitionKind, ...] = get_args(TransitionKind)
DisturbanceKind = Literal["flash", "flicker", "strobe", "explosion", "whip", "shake", "passer"]
DISTURBANCES: tuple[DisturbanceKind, ...] = get_args(DisturbanceKind)
Style = Literal["live", "animation", "mixed"]
STYLES: tuple[Style, ...] = get_args(Style)

_TRANSITION_SHARES = (0.62, 0.17, 0.06, 0.03, 0.12)
_DISTURBED = 0.4  # share of the shots in which something happens
_MARGIN = 6  # frames between a disturbance and the next transition
_ROOM = 10  # frames that a shot shows for itself, at least
# Frame rates in turn; two of six are 24 as most films are.
RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(12), Fraction(24))


@dataclass(frozen=True, slots=True)
class Transition:
    """From one shot to the next. A cut: first = last = the new shot's first frame. Others: the frames that are mixed.

    `variant` chooses the direction of a wipe, or how a dissolve or a fade runs.
    """

    kind: TransitionKind
    first: int
    last: int
    variant: int = 0

    @property
    def frames(self) -> int:
        """Frames that show a mixture; 0 for a cut."""
        return 0 if self.kind == "cut" else self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something within a shot, in frames first .. last, that a detector may take for a transition."""

    kind: DisturbanceKind
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ReelShot:
    """Seen in frames start .. end - 1, transitions at either end included. `world` may be that of the shot before."""

    start: int
    end: int
    world: int
    flat: bool  # drawn in flat colours
    seed: int
    disturbance: Disturbance | None


@dataclass(frozen=True, slots=True)
class ReelPlan:
    """One reel. Shots overlap in their transitions; `transitions[k]` joins shots k and k + 1."""

    seed: int
    fps: Fraction
    frames: int
    style: Style
    shots: tuple[ReelShot, ...]
    transitions: tuple[Transition, ...]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First and last frame of each transition."""
        return [(t.first, t.last) for t in self.transitions]

    @property
    def disturbances(self) -> list[Disturbance]:
        """All of them in order."""
        return [s.disturbance for s in self.shots if s.disturbance is not None]


def plan_reels(seed: int, minutes: float = 60.0, reel_seconds: float = 300.0) -> list[ReelPlan]:
    """Reels of all frame rates and styles in turn, `minutes` in all."""
    count = max(1, round(60 * minutes / reel_seconds))
    return [
        plan_reel(seed * 1000 + k, reel_seconds, RATES[k % len(RATES)], STYLES[(k + k // len(RATES)) % len(STYLES)])
        for k in range(count)
    ]


def plan_reel(seed: int, seconds: float, fps: Fraction | int, style: Style = "mixed") -> ReelPlan:
    """A reel of about `seconds`. Same arguments, same plan; `reel_frames` draws it."""
    rng = np.random.default_rng([seed, 7])
    rate = Fraction(fps)
    total = round(seconds * rate)
    transitions: list[Transition] = []
    starts, at = [0], 0
    while True:
        kind = TRANSITIONS[int(rng.choice(len(TRANSITIONS), p=_TRANSITION_SHARES))]
        length = _transition_frames(kind, rng)
        at += _ROOM + round(float(np.exp(rng.uniform(np.log(0.3), np.log(7.0))) * rate))
        if at + length + _ROOM >= total:
            break
        last = at if kind == "cut" else at + length - 1
        transitions.append(Transition(kind, at, last, int(rng.integers(1 << 16))))
        starts.append(at)
        at = last + 1
    ends = [max(t.first, t.last + 1) if t.kind != "cut" else t.first for t in transitions] + [total]
    return ReelPlan(seed, rate, total, style, _shots(starts, ends, transitions, style, rng), tuple(transitions))


def _transition_frames(kind: TransitionKind, rng: np.random.Generator) -> int:
    low, high = {"cut": (0, 1), "dissolve": (4, 61), "wipe": (6, 40)}.get(kind, (10, 60))
    return int(rng.integers(low, high))


def _shots(
    starts: list[int], ends: list[int], transitions: list[Transition], style: Style, rng: np.random.Generator
) -> tuple[ReelShot, ...]:
    shots: list[ReelShot] = []
    for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
        returns = k > 0 and transitions[k - 1].kind == "cut" and rng.random() < 0.25
        world = shots[-1].world if returns else k
        flat = shots[-1].flat if returns else style == "animation" or (style == "mixed" and bool(rng.random() < 0.4))
        clear_from = (transitions[k - 1].last + 1 if k else 0) + _MARGIN
        clear_to = (transitions[k].first if k < len(transitions) else end) - _MARGIN
        disturbance = _disturbance(clear_from, clear_to, rng) if rng.random() < _DISTURBED else None
        shots.append(ReelShot(start, end, world, flat, int(rng.integers(1 << 31)), disturbance))
    return tuple(shots)


def _disturbance(clear_from: int, clear_to: int, rng: np.random.Generator) -> Disturbance | None:
    """One that fits into frames clear_from .. clear_to - 1, None where there is no room."""
    kind = DISTURBANCES[int(rng.integers(len(DISTURBANCES)))]
    low, high = {"flash": (1, 5), "whip": (5, 14), "passer": (6, 24), "explosion": (20, 50)}.get(kind, (12, 80))
    length = int(rng.integers(low, high))
    if clear_to - clear_from < length:
        return None
    first = int(rng.integers(clear_from, clear_to - length + 1))
    return Disturbance(kind, first, first + length - 1)
