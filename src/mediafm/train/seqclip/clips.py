"""Clips of films as a few small pictures each: decoded once, in a confined process, and kept on disk.

A film is read front to back in one pass, whatever number of clips it has; what is held in memory meanwhile is a few
dozen small pictures for each clip that is open at the moment.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mediafm.catalog import source_fingerprint
from mediafm.errors import MediaError
from mediafm.media.sampling import pick_nearest
from mediafm.progress import Progress
from mediafm.reading import Closed, Limits, Opened, ReadingProcess, ReadRequest, ReadShot, Stopped
from mediafm.train.seqclip.pairs import Span
from mediafm.train.seqclip.stores import Arrays, ArrayStore
from mediafm.types import FloatArray, ImageArray

_RULES = 1  # raise it when the same film could give other frames
_VECTOR_RULES = 1  # raise it when the same frames could give other vectors
_PIECE_S, _A_PIECE = 1.0, 64  # the film comes in pieces this long, of up to so many pictures each
_SPARE = 8  # candidates held for each frame that is wanted


@dataclass(frozen=True, slots=True)
class Clip:
    """frames: uint8 [F, h, w, 3], RGB, in time order. times: seconds from the clip's start. seconds: its length."""

    frames: ImageArray
    times: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """keys: span -> name of its clip in the store. films: path -> fingerprint. left_out: path -> why, in order."""

    keys: dict[Span, str] = field(default_factory=dict)
    films: dict[Path, str] = field(default_factory=dict)
    left_out: dict[Path, str] = field(default_factory=dict)


class ClipStore:
    """Clips by key, of `frames` pictures each, `short_side` pixels on their shorter side."""

    def __init__(self, frames: int, short_side: int, store: ArrayStore | None = None) -> None:
        self.frames, self.short_side = frames, short_side
        self._store = store or ArrayStore("clips")

    def key(self, fingerprint: str, span: Span) -> str:
        """The clip's name, from the film's content and all that decides its pictures."""
        end = None if span.end_s == float("inf") else span.end_s
        asked = {"rules": _RULES, "frames": self.frames, "short_side": self.short_side}
        return ArrayStore.key(film=fingerprint, start=span.start_s, end=end, **asked)

    def get(self, key: str) -> Clip:
        """A clip that was found; MediaError where it has gone since."""
        clip = self._parse(self._store.get(key))
        if clip is None:
            raise MediaError(f"A clip has gone from {self._store.folder}.", "Run the command again: it is read anew.")
        return clip

    def find(self, spans: Iterable[Span], progress: Progress, stop: Callable[[], bool] = lambda: False) -> Found:
        """See that every span's clip is in the store; films that cannot be read are left out, with the reason.

        Raises KeyboardInterrupt when `stop` says so; what was read until then is kept.
        """
        by_film: dict[Path, list[Span]] = {}
        for span in dict.fromkeys(spans):
            by_film.setdefault(span.path, []).append(span)
        found = Found()
        progress.start("read", len(by_film), "film")
        reader = ReadingProcess(Limits(), stop=stop)
        try:
            for path, wanted in by_film.items():
                if stop():
                    raise Stopped
                self._find_of(path, wanted, reader, found)
                progress.advance(1, left_out=len(found.left_out))
        except Stopped:
            raise KeyboardInterrupt from None
        finally:
            reader.close()
        progress.end(films=len(found.films), left_out=len(found.left_out))
        return found

    def _find_of(self, path: Path, spans: Sequence[Span], reader: ReadingProcess, found: Found) -> None:
        """The clips of one film."""
        try:
            fingerprint = source_fingerprint(path)
            keys = {span: self.key(fingerprint, span) for span in spans}
            missing = [span for span in spans if not self._is_there(keys[span])]
            reason = self._read(path, missing, keys, reader) if missing else ""
        except MediaError as error:
            keys, reason = {}, error.message
        there = {span: key for span, key in keys.items() if key in self._store}
        if there:
            found.keys.update(there)
            found.films[path] = fingerprint
        if reason or len(there) < len(spans):
            found.left_out[path] = reason or "some of its clips could not be read"

    def _read(self, path: Path, spans: Sequence[Span], keys: dict[Span, str], reader: ReadingProcess) -> str:
        """Decode a film and store the clips; returns why some are missing, or ""."""
        samplers = [_SpanSampler(span, self.frames) for span in spans]
        request = ReadRequest(path, "fixed", {"seconds": _PIECE_S}, frames=_A_PIECE, short_side=self.short_side)
        end_s, reason = 0.0, ""
        try:
            for event in reader.read(request):
                if isinstance(event, Opened):
                    time_base = event.time_base
                elif isinstance(event, ReadShot):
                    start_s, end_s = event.shot.start_s(time_base), event.shot.end_s(time_base)
                    for time, image in zip(event.input.frame_times, event.input.frames, strict=True):
                        for sampler in samplers:
                            sampler.push(start_s + time, image)
                elif isinstance(event, Closed):
                    reason = event.warning
        except MediaError as error:
            reason = error.message
        for span, sampler in zip(spans, samplers, strict=True):
            if reason and span.end_s > end_s:
                continue  # the film broke off inside it
            clip = sampler.finish(end_s)
            if clip is None:
                reason = reason or f"no picture from {span.start_s:g} s on; the film ends at {end_s:g} s"
                continue
            seconds = np.array([clip.seconds])
            self._store.put(keys[span], {"frames": clip.frames, "times": np.array(clip.times), "seconds": seconds})
        return reason

    def _is_there(self, key: str) -> bool:
        """Without reading its pictures."""
        shapes = self._store.shapes(key)
        return shapes is not None and {"frames", "times", "seconds"} <= shapes.keys()

    @staticmethod
    def _parse(arrays: Arrays | None) -> Clip | None:
        if arrays is None or not {"frames", "times", "seconds"} <= arrays.keys():
            return None
        frames, times = arrays["frames"], arrays["times"]
        if frames.dtype != np.uint8 or frames.ndim != 4 or len(frames) != len(times) or not len(frames):
            return None
        return Clip(frames, tuple(times.tolist()), float(arrays["seconds"][0]))


class _SpanSampler:
    """Picks up to n pictures of one span, uniformly in time, while a film of unknown length goes by."""

    def __init__(self, span: Span, n: int) -> None:
        self._span, self._n = span, n
        self._held: list[tuple[float, ImageArray]] = []
        self._seen, self._stride = 0, 1

    def push(self, time: float, image: ImageArray) -> None:
        if not self._span.start_s <= time < self._span.end_s:
            return
        if self._seen % self._stride == 0:
            self._held.append((time, image))
        self._seen += 1
        if len(self._held) > _SPARE * self._n:
            self._held, self._stride = self._held[::2], 2 * self._stride

    def finish(self, film_end_s: float) -> Clip | None:
        """The pictures nearest to the centres of n equal parts; None if there is none."""
        if not self._held:
            return None
        start, end = self._span.start_s, max(min(self._span.end_s, film_end_s), self._held[-1][0])
        centres = [start + (k + 0.5) * (end - start) / self._n for k in range(self._n)]
        picks = pick_nearest([time for time, _ in self._held], centres)
        frames = np.stack([self._held[i][1] for i in picks])
        return Clip(frames, tuple(self._held[i][0] - start for i in picks), end - start)


def clip_vectors(store: ArrayStore, key: str, tower: str, make: Callable[[], FloatArray]) -> FloatArray:
    """Frame vectors of a clip under a frozen tower, [F, D]: from the store, or made and stored.

    tower: hash of whatever made them.
    """
    name = ArrayStore.key(clip=key, tower=tower, rules=_VECTOR_RULES)
    held = store.get(name)
    if held is not None and "vectors" in held:
        return held["vectors"].astype(np.float32, copy=False)
    vectors = make()
    store.put(name, {"vectors": vectors})
    return vectors
