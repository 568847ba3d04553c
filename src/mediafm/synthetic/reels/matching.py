"""How many of the known transitions a detector found."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matches:
    """Counts of a comparison. `missed` and `extra` are positions in the lists compared."""

    found: int
    missed: tuple[int, ...]  # numbers of the spans without a cut
    extra: tuple[int, ...]  # numbers of the cuts without a span

    @property
    def recall(self) -> float:
        """Share of the spans that were found; 1 where there are none."""
        return self.found / max(1, self.found + len(self.missed)) if self.found or self.missed else 1.0

    @property
    def precision(self) -> float:
        """Share of the cuts that are true; 1 where there are none."""
        return self.found / max(1, self.found + len(self.extra)) if self.found or self.extra else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 1 where there is nothing and nothing was found."""
        errors = len(self.missed) + len(self.extra)
        return 2 * self.found / (2 * self.found + errors) if self.found or errors else 1.0


def match_cuts(spans: Sequence[tuple[int, int]], cuts: Sequence[int], slack: int = 2) -> Matches:
    """Pair each span (first, last frame; rising) with at most one cut inside it, `slack` frames of leeway on each side.

    Cuts rise. Earliest ends go first, each taking the first cut still free: no pairing finds more.
    """
    free = list(range(len(cuts)))
    missed = []
    for number in sorted(range(len(spans)), key=lambda k: spans[k][1]):
        first, last = spans[number]
        taken = next((c for c in free if first - slack <= cuts[c] <= last + slack), None)
        if taken is None:
            missed.append(number)
        else:
            free.remove(taken)
    return Matches(len(spans) - len(missed), tuple(sorted(missed)), tuple(free))
