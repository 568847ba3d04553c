"""How long-running stages say where they stand, without knowing who listens.

A stage takes a `Progress` and calls it; the command line passes one that draws on a terminal or writes structured
lines, tests and library users pass `SILENT`. No stage prints by itself.
"""

from typing import Any, Protocol


class Progress(Protocol):
    """Receiver of progress. All three calls are cheap and may come from one thread only."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """A stage begins; `total` units are ahead, or None where that is not known."""

    def advance(self, amount: int = 1, **facts: Any) -> None:
        """`amount` more units are done; `facts` are numbers or words worth showing (loss=.71, title="a")."""

    def end(self, **facts: Any) -> None:
        """The stage is over."""


class _Silent:
    def start(self, stage: str, total: int | None, unit: str) -> None: ...
    def advance(self, amount: int = 1, **facts: Any) -> None: ...
    def end(self, **facts: Any) -> None: ...


SILENT: Progress = _Silent()
