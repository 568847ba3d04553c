"""Context embeddings: a checkpoint over a catalog, written back as one more embedding set.

What is written for a shot is the checkpoint's read-out: one or several parts, each scaled to unit norm, joined, and the
whole scaled to unit norm (a single part other than `shot` and `predicted` is left at its own length):

- `shot`: the fused embedding the shot came with, so that nothing a probe could read from the shot alone is lost.
- `first`, `last`, `layers`: its state after the first block, after the last, after each of them side by side.
- `masked`: its last state while the shot itself is hidden behind [MASK]: what its context alone says. A fifth of the
  shots is hidden at a time, so this takes five passes more.
- `predicted`: the fused embedding that the head makes of that state.

The title's vector is the mean of its shots'. The state of [CLS] is not: Masked Shot Modeling asks nothing of it in the
last layer, and it tells titles apart worse than the mean does (docs/training.md).

Shapes: W windows, S shots, N shots of all windows, D fused size, G metadata size, H hidden, P parts, R size of the
read-out.
"""

# ruff: noqa: N815 (fields carry their shapes)

import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.errors import MismatchError, UsageError
from mediafm.fusion import FusionStats, fuse, unit_rows
from mediafm.model import Checkpoint, Encoded, Part, check_readout
from mediafm.progress import SILENT, Progress
from mediafm.sequences import encoder_facts, windows
from mediafm.types import Features, FloatArray

Context = Literal["title", "past", "none"]
PAST_SHOTS = 128  # that a vector of context "past" knows, its own among them: some ten minutes of a film
_PLACES = 8192  # shots in one forward pass, overlaps counted
_FOLDS = 5  # a shot of each five is hidden at a time, so that its neighbours are seen
_HIDDEN: tuple[Part, ...] = ("masked", "predicted")


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """What `embed --json` prints. titles, shots: written now; titles that were current already are not counted."""

    embedding_set: str
    titles: int
    shots: int
    seconds: float


class Embedder:
    """A checkpoint ready to embed titles, on CUDA where there is one, under its own read-out or another."""

    def __init__(self, checkpoint: Checkpoint, readout: tuple[Part, ...] | None = None) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.config = checkpoint.config
        self.readout = readout or checkpoint.config.readout
        check_readout(self.readout)
        self.stats = FusionStats.from_arrays(checkpoint.fusion_arrays, checkpoint.fusion_meta)
        self._model = checkpoint.model.to(self.device).eval()

    @property
    def dim(self) -> int:
        """R."""
        return self.config.readout_dim(self.readout)

    @property
    def needs_times(self) -> bool:
        """Whether `embed` must be told the times of shots."""
        return self.config.positions == "time" or self.config.duration_input

    def embed(
        self, features: Features, global_G: FloatArray | None, context: Context, times_S2: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Vectors of all shots of one title and of the title: ([S, R], [R]).

        "title": every shot is seen inside its title, [GLOBAL] included; titles longer than the model's `max_shots` in
        overlapping windows. "past": see `embed_past`. "none": every shot is a sequence of its own. times_S2: starts and
        ends in seconds.
        """
        if context == "past":
            past_SR = self.embed_past(features, global_G, times_S2)
            return past_SR, past_SR.mean(axis=0)
        fused_SD, _ = fuse(features, self.stats)
        if times_S2 is None and self.needs_times:
            raise UsageError("This model needs the times of shots, and was given none.", "Pass them as `times_S2`.")
        cuts = [(i, i + 1) for i in range(len(fused_SD))]
        if context == "title":
            cuts = windows(len(fused_SD), self.config.max_shots, self.config.max_shots // 2)
        sequences = _Sequences(fused_SD, times_S2, global_G if context == "title" else None, cuts)
        parts: dict[Part, FloatArray] = {"shot": fused_SD}
        if shown := [part for part in self.readout if part not in ("shot", *_HIDDEN)]:
            parts |= self._pass(sequences, shown, None)
        if hidden := [part for part in self.readout if part in _HIDDEN]:
            parts |= self._hidden(sequences, hidden)
        shots_SR = join_parts([parts[part] for part in self.readout])
        return shots_SR, shots_SR.mean(axis=0)

    @torch.inference_mode()
    def embed_past(
        self, features: Features, global_G: FloatArray | None, times_S2: FloatArray | None = None, first: int = 0
    ) -> FloatArray:
        """Vectors of the shots from `first` on, each seen with the shots before it alone: [S - first, R].

        A shot's vector is what context "title" gives it in a title that begins PAST_SHOTS - 1 shots before it (or with
        the first) and ends with it. So it does not change when the title goes on.
        """
        fused_SD, _ = fuse(features, self.stats)
        longest = min(PAST_SHOTS, self.config.max_shots)
        cuts = [(max(0, shot + 1 - longest), shot + 1) for shot in range(first, len(fused_SD))]
        sequences = _Sequences(fused_SD, times_S2, global_G, cuts)
        held: dict[Part, list[FloatArray]] = {"shot": [fused_SD[first:]]}
        for batch in sequences.batches():
            lengths = [b - a for a, b in batch]
            last_B = np.cumsum(lengths) - 1
            for parts, masked_N in self._kinds(int(sum(lengths)), last_B):
                encoded = self._encode(sequences, batch, masked_N)
                for part in parts:
                    held.setdefault(part, []).append(self._part(encoded, part).float().cpu().numpy()[last_B])
        return join_parts([np.concatenate(held[part]) for part in self.readout])

    def _kinds(self, rows: int, last_B: np.ndarray) -> list[tuple[list[Part], np.ndarray | None]]:
        """The parts of the read-out that one pass gives, and which rows are hidden in it."""
        masked_N = np.isin(np.arange(rows), last_B)
        shown: list[Part] = [part for part in self.readout if part not in ("shot", *_HIDDEN)]
        hidden: list[Part] = [part for part in self.readout if part in _HIDDEN]
        return [(parts, mask) for parts, mask in ((shown, None), (hidden, masked_N)) if parts]

    def embed_spans(
        self,
        features: Features,
        spans: list[tuple[int, int]],
        radius: int,
        global_G: FloatArray | None = None,
        times_S2: FloatArray | None = None,
    ) -> list[FloatArray]:
        """Vectors of runs of shots [start, stop) of one title, each seen with no more than `radius` shots on either
        side of it: [stop - start, R] for each run. Radius 0 is a run embedded alone.

        No sequence is longer than the model's `max_shots`: of a longer one the middle is taken. A run that is longer
        itself is read in pieces.
        """
        hidden = [part for part in self.readout if part in _HIDDEN]
        if hidden:
            raise UsageError(f"The read-out {hidden[0]!r} is not there for runs of shots.", "Read out states.")
        fused_SD, _ = fuse(features, self.stats)
        pieces = [piece for span in spans for piece in _pieces(span, self.config.max_shots)]
        cuts = [_around(piece, radius, len(fused_SD), self.config.max_shots) for piece in pieces]
        sequences = _Sequences(fused_SD, times_S2, global_G, cuts)
        shown: list[Part] = [part for part in self.readout if part != "shot"]
        held: dict[Part, list[FloatArray]] = {part: [] for part in shown}
        own = iter(zip(pieces, cuts, strict=True))
        for batch in sequences.batches():
            states, row = self._states(sequences, batch, None, shown), 0
            for (start, stop), (first, last) in islice(own, len(batch)):
                for part in shown:
                    held[part].append(states[part][row + start - first : row + stop - first])
                row += last - first
        parts: dict[Part, FloatArray] = {part: np.concatenate(rows) for part, rows in held.items()}
        parts["shot"] = np.concatenate([fused_SD[start:stop] for start, stop in spans])
        joined = join_parts([parts[part] for part in self.readout])
        return np.split(joined, np.cumsum([stop - start for start, stop in spans])[:-1])

    @torch.inference_mode()
    def _states(
        self, sequences: "_Sequences", cuts: list[tuple[int, int]], masked_S: np.ndarray | None, wanted: list[Part]
    ) -> dict[Part, FloatArray]:
        """The wanted parts of some sequences' shots, one sequence under the other."""
        masked_N = None if masked_S is None else masked_S[np.concatenate([np.arange(a, b) for a, b in cuts])]
        encoded = self._encode(sequences, cuts, masked_N)
        return {part: self._part(encoded, part).float().cpu().numpy() for part in wanted}

    def _hidden(self, sequences: "_Sequences", wanted: list[Part]) -> dict[Part, FloatArray]:
        """Parts of each shot while it is hidden."""
        fold_S = np.arange(len(sequences.fused_SD)) % _FOLDS
        found: dict[Part, FloatArray] = {}
        for fold in range(min(_FOLDS, len(fold_S))):
            for part, vectors in self._pass(sequences, wanted, fold_S == fold).items():
                found.setdefault(part, np.zeros_like(vectors))[fold_S == fold] = vectors[fold_S == fold]
        return found

    def _pass(self, sequences: "_Sequences", wanted: list[Part], masked_S: np.ndarray | None) -> dict[Part, FloatArray]:
        """The wanted parts of all shots [S, ...] from one pass over all windows, blended where they overlap."""
        pieces: dict[Part, list[FloatArray]] = {part: [] for part in wanted}
        for cuts in sequences.batches():
            for part, states in self._states(sequences, cuts, masked_S, wanted).items():
                pieces[part].append(states)
        return {part: blend(sequences.cuts, np.concatenate(held)) for part, held in pieces.items()}

    def _encode(self, sequences: "_Sequences", cuts: list[tuple[int, int]], masked_N: np.ndarray | None) -> Encoded:
        rows = np.concatenate([np.arange(a, b) for a, b in cuts])

        def moved(array: np.ndarray | None) -> Tensor | None:
            return None if array is None else torch.from_numpy(array[rows]).to(self.device)

        global_BG = None
        if sequences.global_G is not None and self.config.global_dim:
            global_BG = torch.from_numpy(sequences.global_G).to(self.device).expand(len(cuts), -1)
        fused = moved(sequences.fused_SD)
        assert fused is not None
        times = moved(sequences.times_S2) if self.needs_times else None
        masked = None if masked_N is None else torch.from_numpy(masked_N).to(self.device)
        return self._model.encode(fused, [b - a for a, b in cuts], masked, global_BG, times)

    def _part(self, encoded: Encoded, part: Part) -> Tensor:
        if part == "layers":
            return torch.cat([encoded.layer(i) for i in range(self.config.layers)], dim=1)
        if part == "first":
            return encoded.layer(0)
        return self._model.head(encoded.shots_NH) if part == "predicted" else encoded.shots_NH


@dataclass(frozen=True, slots=True)
class _Sequences:
    """One title's shots and the windows [start, stop) it is cut into."""

    fused_SD: FloatArray
    times_S2: FloatArray | None
    global_G: FloatArray | None
    cuts: list[tuple[int, int]]

    def batches(self) -> list[list[tuple[int, int]]]:
        """The windows, a forward pass's worth at a time."""
        found: list[list[tuple[int, int]]] = []
        held = _PLACES
        for cut in self.cuts:
            if held + cut[1] - cut[0] > _PLACES:
                found.append([])
                held = 0
            found[-1].append(cut)
            held += cut[1] - cut[0]
        return found


def _pieces(span: tuple[int, int], longest: int) -> list[tuple[int, int]]:
    """A run in runs of at most `longest` shots."""
    return [(start, min(start + longest, span[1])) for start in range(span[0], span[1], longest)]


def _around(span: tuple[int, int], radius: int, shots: int, longest: int) -> tuple[int, int]:
    """A run with `radius` shots on either side, as far as the title and `longest` go."""
    room = min(radius, (longest - (span[1] - span[0])) // 2)
    return max(span[0] - room, 0), min(span[1] + room, shots)


def join_parts(parts: list[FloatArray]) -> FloatArray:
    """Parts of a read-out [S, ...] side by side, as the module's docstring says; float32 [S, R]."""
    if len(parts) == 1:
        return parts[0]
    return unit_rows(np.concatenate([unit_rows(part) for part in parts], axis=1))


def embed(
    catalog: Catalog,
    run: str | Path | Checkpoint,
    context: Context = "title",
    name: str | None = None,
    replace: bool = False,
    progress: Progress = SILENT,
) -> EmbedResult:
    """Embed every title of the catalog that the set does not cover yet.

    run: a pretraining run's folder, a hub id or a loaded checkpoint. The set is called after the checkpoint, with
    `-none` or `-past` behind where a shot is embedded alone or with the past only, or `name`. With context "past" a
    title that has gone on keeps the vectors it has, and only what came since is embedded. MismatchError if the
    catalog's encoders are not those the checkpoint was trained on, or if the name stands for another checkpoint, unless
    `replace`.
    """
    began = time.monotonic()
    if context not in get_args(Context):
        raise UsageError(f"Unknown context {context!r}.", "Choose title, past or none.")
    checkpoint = run if isinstance(run, Checkpoint) else Checkpoint.load(run)
    check_encoders(catalog, checkpoint)
    name = name or (checkpoint.name if context == "title" else f"{checkpoint.name}-{context}")
    embedder = Embedder(checkpoint)
    spec = EmbeddingSetSpec(name, checkpoint.fingerprint, context, embedder.dim)
    catalog.add_embedding_set(spec, replace=replace)
    missing = catalog.missing_embeddings(name)
    progress.start("embed", len(missing), "title")
    shots = 0
    for title in missing:
        shots += _embed_title(catalog, embedder, name, title, context)
        progress.advance(1, title=title)
    progress.end(shots=shots)
    return EmbedResult(name, len(missing), shots, time.monotonic() - began)


def _embed_title(catalog: Catalog, embedder: Embedder, name: str, title: str, context: Context) -> int:
    """Bring the set up to date with one title; how many shots were embedded."""
    revision = catalog.title_record(title).revision
    times_S2 = np.stack(catalog.spans(title), axis=1).astype(np.float32) if embedder.needs_times else None
    features, global_G = catalog.features(title), catalog.global_vector(title)
    if times_S2 is not None and len(times_S2) != len(features):  # a title that grows did so between the two looks
        n = min(len(times_S2), len(features))
        features, times_S2 = _first_shots(features, n), times_S2[:n]
    if context != "past":
        vectors_SR, title_R = embedder.embed(features, global_G, context, times_S2)
        catalog.write_embeddings(name, title, vectors_SR, title_R, revision)
        return len(vectors_SR)
    kept_SR = catalog.kept_embeddings(name, title)[: len(features)]
    new_SR = embedder.embed_past(features, global_G, times_S2, first=len(kept_SR))
    title_R = np.concatenate([kept_SR, new_SR]).mean(axis=0)
    catalog.write_embeddings(name, title, new_SR, title_R, revision, first=len(kept_SR))
    return len(new_SR)


def _first_shots(features: Features, n: int) -> Features:
    return Features({m: v[:n] for m, v in features.vectors.items()}, {m: p[:n] for m, p in features.present.items()})


def blend(cuts: list[tuple[int, int]], states_NH: FloatArray) -> FloatArray:
    """States of windows, one under the other, as one [S, H]: where windows overlap, a weighted mean.

    Weights fall linearly to nearly zero at a window's borders, where it knows least, so that no seam shows.
    """
    if len(states_NH) == cuts[-1][1]:  # nothing overlaps
        return states_NH
    total_SH = np.zeros((cuts[-1][1], states_NH.shape[-1]), np.float64)
    weight_S = np.zeros(len(total_SH))
    row = 0
    for start, stop in cuts:
        length = stop - start
        ramp_S = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(np.float64)
        total_SH[start:stop] += ramp_S[:, None] * states_NH[row : row + length]
        weight_S[start:stop] += ramp_S
        row += length
    return (total_SH / weight_S[:, None]).astype(np.float32)


def check_encoders(catalog: Catalog, checkpoint: Checkpoint) -> None:
    """MismatchError unless every modality comes from the encoder the checkpoint was trained on."""
    trained, here = checkpoint.origin.get("encoders", {}), encoder_facts(catalog)
    for modality in sorted(set(trained) | set(here)):
        then, now = trained.get(modality), here.get(modality)
        if then is None or now is None or (then["fingerprint"], then["dim"]) != (now["fingerprint"], now["dim"]):
            raise MismatchError(
                f"Checkpoint {checkpoint.name} was trained on {modality} features of {_describe(then)}, the catalog "
                f"{catalog.uri} holds those of {_describe(now)}.",
                "Use a catalog of the checkpoint's preset, or pretrain on this one.",
            )


def _describe(encoder: dict[str, object] | None) -> str:
    if encoder is None:
        return "no encoder"
    return f"{encoder['name']} (dim {encoder['dim']}, fingerprint {str(encoder['fingerprint'])[:12]})"
