"""Shots of any number of titles in, full batches through each encoder, features back to each title in its own order.

An encoder's batch fills with shots that have what it looks at, whatever title they come from, so that a thousand
short clips keep an accelerator as busy as one long film. Encoders promise that a shot's vector does not depend on its
company.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mediafm.encoders import Encoder, checked
from mediafm.errors import EncoderError, ServiceError
from mediafm.reading import ReadShot
from mediafm.types import Features, FloatArray, Modality

EncodedShot = tuple[ReadShot, Mapping[Modality, FloatArray]]  # a shot with a vector for each modality it has

MOST_BYTES = 64 << 20  # pictures and sound of shots that wait for a batch to fill


@dataclass(eq=False, slots=True)
class _Ticket:
    """A shot on its way: `rows` fill as its modalities are encoded, until none is `missing`."""

    title: str
    read: ReadShot
    missing: set[Modality]
    rows: dict[Modality, FloatArray] = field(default_factory=dict)


class BatchPool:
    """`add` shots in order, `take` those that are done; `flush` encodes what waits, full batch or not.

    A title whose shot an encoder refuses stands in `failed` with the reason.
    """

    def __init__(self, encoders: Mapping[Modality, Encoder]) -> None:
        self._encoders = encoders
        self._waiting: dict[Modality, list[_Ticket]] = {m: [] for m in encoders}
        self._titles: dict[str, deque[_Ticket]] = {}
        self._held = 0
        self.failed: dict[str, str] = {}

    def add(self, title: str, read: ReadShot) -> None:
        """The next shot of a title."""
        due = [m for m, encoder in self._encoders.items() if encoder.sees(read.input)]
        ticket = _Ticket(title, read, set(due))
        self._titles.setdefault(title, deque()).append(ticket)
        self._held += read.input.nbytes
        for modality in due:
            self._waiting[modality].append(ticket)
            if len(self._waiting[modality]) >= self._encoders[modality].batch:
                self._encode(modality)
        if self._held > MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Encode all that waits."""
        for modality in self._encoders:
            self._encode(modality)

    def take(self, title: str) -> list[EncodedShot]:
        """The title's next shots that are done."""
        done: list[EncodedShot] = []
        queue = self._titles.get(title, deque())
        while queue and not queue[0].missing:
            ticket = queue.popleft()
            self._held -= ticket.read.input.nbytes
            done.append((ticket.read, ticket.rows))
        return done

    def waits(self, title: str) -> bool:
        """Whether shots of the title are still on their way."""
        return bool(self._titles.get(title))

    def drop(self, title: str) -> None:
        """Forget a title."""
        for ticket in self._titles.pop(title, ()):
            self._held -= ticket.read.input.nbytes
        for modality, waiting in self._waiting.items():
            self._waiting[modality] = [t for t in waiting if t.title != title]
        self.failed.pop(title, None)

    def _encode(self, modality: Modality) -> None:
        batch, self._waiting[modality] = self._waiting[modality], []
        if not batch:
            return
        try:
            self._encode_together(modality, batch)
        except ServiceError as error:  # what it refuses to all it would refuse to each
            self.failed.update((ticket.title, str(error)) for ticket in batch)
        except EncoderError:  # one bad shot must not take the others' titles with it
            for ticket in batch:
                try:
                    self._encode_together(modality, [ticket])
                except EncoderError as error:
                    self.failed[ticket.title] = str(error)

    def _encode_together(self, modality: Modality, batch: list[_Ticket]) -> None:
        encoded = checked(self._encoders[modality], [t.read.input for t in batch])
        for ticket, vector, present in zip(batch, encoded.vectors, encoded.present, strict=True):
            if present:
                ticket.rows[modality] = vector
            ticket.missing.remove(modality)
            if ticket.missing == {"text"}:
                self._let_go(ticket)

    def _let_go(self, ticket: _Ticket) -> None:
        """Only the text of a shot is still to come, in a batch that may be large: keep its one picture for people.

        A copy: what comes from a reader is a view of all that came with it.
        """
        read = ticket.read
        picture = () if read.keyframe is None else (read.keyframe.copy(),)
        times = read.input.frame_times[len(read.input.frames) // 2 :][:1]
        lighter = replace(read.input, frames=picture, frame_times=times, samples=None)
        self._held -= read.input.nbytes - lighter.nbytes
        ticket.read = replace(read, input=lighter)


def features_of(encoders: Mapping[Modality, Encoder], rows: list[Mapping[Modality, FloatArray]]) -> Features:
    """Vectors of some shots as `Features`; a shot without a modality gets a flagged zero row."""
    vectors = {m: np.zeros((len(rows), e.dim), np.float32) for m, e in encoders.items()}
    present = {m: np.zeros(len(rows), np.bool_) for m in encoders}
    for number, row in enumerate(rows):
        for modality, vector in row.items():
            vectors[modality][number], present[modality][number] = vector, True
    return Features(vectors, present)
