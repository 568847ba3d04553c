"""How long-running stages say where they stand, without knowing who listens.

A stage takes a `Progress` and calls it; the command line passes one that draws on a terminal or writes structured
lines, tests and library users pass `SILENT`. No stage prints by itself.
"""

from typing import Any, Protocol


class Progress(Protocol):
    """Receiver of progress. All calls are cheap and may come from one thread only."""

    def start(self, stage: str, total: int | None, unit: str, done: int = 0, parts: str = "") -> None:
        """A stage begins; `total` units are ahead, or None where that is not known.

        done: units that an earlier sitting did; they count as done, but not as pace. parts: name of what a unit holds
        (the shots of a step), whose rate is then shown instead of the units'.
        """

    def advance(self, amount: int = 1, parts: float = 0, **facts: Any) -> None:
        """`amount` more units with `parts` parts are done; `facts` are numbers or words worth showing (loss=.71)."""

    def note(self, text: str) -> None:
        """A sentence the user should read now, such as advice on a recipe. Inside a stage or outside."""

    def end(self, **facts: Any) -> None:
        """The stage is over."""


class _Silent:
    def start(self, stage: str, total: int | None, unit: str, done: int = 0, parts: str = "") -> None: ...
    def advance(self, amount: int = 1, parts: float = 0, **facts: Any) -> None: ...
    def note(self, text: str) -> None: ...
    def end(self, **facts: Any) -> None: ...


SILENT: Progress = _Silent()
