"""One run's pairs, network and optimisers; takes single steps.

InfoNCE tells every pair of a batch from all others, so gradients of parts of a batch do not add up to the batch's:
gradient accumulation would give another loss, of fewer negatives. Gradients are cached instead (GradCache, Gao et al.
2021): all parts go through once without gradients, the loss of the whole batch gives the gradient of every vector, and
each part goes through again, with the same dropout, to pass its own on. The step is that of the whole batch, in the
memory of a part.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mediafm.errors import TrainingError
from mediafm.train.feeder import Feeder, Place
from mediafm.train.runtime import Runtime
from mediafm.train.schedule import cosine_factor
from mediafm.train.seqclip.clips import ClipStore, clip_vectors
from mediafm.train.seqclip.contrast import info_nce, same_pairs
from mediafm.train.seqclip.network import SeqClip, TextParts, make_optimizers
from mediafm.train.seqclip.recipe import SeqClipRecipe
from mediafm.train.seqclip.stores import ArrayStore
from mediafm.types import FloatArray

_ORDER, _DROPOUT = 0, 1  # streams of randomness under one seed
_AHEAD = 2  # parts prepared beside a GPU
_TEXTS = 256  # captions at a time, under a frozen tower


@dataclass(frozen=True, slots=True)
class Example:
    """A pair that can be learned from. clip: its key in the store. film: fingerprint of the film it is from."""

    clip: str
    film: str
    caption: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some pairs, ready for the network. pictures: the image tower's input, or frame vectors where it is frozen; all
    frames of all clips under each other. captions: tokens, or vectors where the text tower is frozen.
    """

    pictures: "dict[str, Tensor] | Tensor"
    counts: list[int]
    times: list[tuple[float, ...]]
    seconds: list[float]
    captions: "TextParts | Tensor"


class Embedder:
    """Pairs into vectors, with gradients for whatever learns; what a frozen tower gives is made once and kept.

    base: hash of the towers as they came.
    """

    def __init__(self, net: SeqClip, clips: ClipStore, vectors: ArrayStore, base: str, runtime: Runtime) -> None:
        self.net, self.clips, self.runtime = net, clips, runtime
        self._vectors, self._base = vectors, base
        self._texts: dict[str, FloatArray] = {}

    def prepare(self, examples: Sequence[Example]) -> Part:
        """Read and preprocess; on the CPU, in any thread."""
        clips = [self.clips.get(example.clip) for example in examples]
        pictures: dict[str, Tensor] | Tensor
        captions: TextParts | Tensor
        if self.net.trains_tower:
            pictures = self.net.towers.pixels([frame for clip in clips for frame in clip.frames])
        else:
            pictures = torch.from_numpy(np.concatenate([self.frame_vectors(e.clip) for e in examples]))
        if self.net.trains_text:
            captions = self.net.prepare_texts([example.caption for example in examples])
        else:
            captions = torch.from_numpy(np.stack([self._texts[example.caption] for example in examples]))
        counts = [len(clip.frames) for clip in clips]
        return Part(pictures, counts, [clip.times for clip in clips], [clip.seconds for clip in clips], captions)

    def frame_vectors(self, key: str) -> FloatArray:
        """A clip's unit frame vectors under the base's own tower, [F, D]."""
        # Each clip by itself: on a CPU the company in a batch would show in the last bits.
        return clip_vectors(
            self._vectors, key, self._base, lambda: self.net.towers.embed_images(list(self.clips.get(key).frames))
        )

    def keep_texts(self, captions: Sequence[str]) -> None:
        """Embed captions under a text tower that is frozen."""
        new = [caption for caption in dict.fromkeys(captions) if caption not in self._texts]
        for start in range(0, len(new), _TEXTS):
            part = new[start : start + _TEXTS]
            self._texts.update(zip(part, self.net.towers.embed_texts(part), strict=True))

    def embed(self, part: Part) -> tuple[Tensor, Tensor]:
        """Unit rows of clips and captions, [B, D] each, float32 on the device."""
        with self.runtime.autocast():
            if isinstance(part.pictures, Tensor):
                frames_ND = part.pictures.to(self.runtime.device)
            else:
                frames_ND = self.net.frames(part.pictures)
            clips_BD = self.net.clips(frames_ND, part.counts, part.times, part.seconds)
            if isinstance(part.captions, Tensor):
                captions_BD = part.captions.to(self.runtime.device)
            else:
                captions_BD = self.net.texts(part.captions)
        return normalize(clips_BD.float(), dim=-1), normalize(captions_BD.float(), dim=-1)


class Trainer:
    """`step` steps are done of `steps`."""

    def __init__(self, embedder: Embedder, examples: Sequence[Example], recipe: SeqClipRecipe) -> None:
        self.embedder, self.net, self.recipe, self.step = embedder, embedder.net, recipe, 0
        self.runtime = embedder.runtime
        self._examples = examples
        self.batch = min(recipe.data.batch, len(examples))
        self.steps_an_epoch = len(examples) // self.batch  # the rest of an epoch's order waits for another epoch
        self.steps = self.steps_an_epoch * recipe.schedule.epochs
        in_float32 = recipe.run.precision == "float32"
        self.optimizers = make_optimizers(self.net, recipe.optimizer, torch.float32 if in_float32 else None)
        ahead = _AHEAD if self.runtime.device.type == "cuda" else 0
        self._feeder: Feeder[Part] = Feeder(self._prepare, self._places, ahead)

    def take_step(self) -> dict[str, float]:
        """Learn from the next batch; returns loss, rate, temperature, gradient norm. TrainingError before any harm."""
        self.net.train()
        parts = [self._feeder.take((self.step, number)) for number in range(self._parts())]
        examples = self._batch(self.step)
        same_BB = same_pairs([e.clip for e in examples], [e.caption for e in examples]).to(self.runtime.device)
        loss = self._learn(parts, same_BB)
        if not math.isfinite(loss):
            raise self._diverged("the loss", loss)
        norm = self._descend()
        figures = {"loss": loss, "rate": self.recipe.optimizer.rate * self._factor(), "gradient_norm": norm}
        self.step += 1
        return figures | {"temperature": math.exp(-self.net.log_scale.item())}

    def _learn(self, parts: Sequence[Part], same_BB: Tensor) -> float:
        """Add the gradient of the whole batch's loss."""
        if len(parts) == 1:
            loss = info_nce(*self._embed(0, parts[0]), self.net.log_scale, same_BB)
            loss.backward()
            return loss.item()
        with torch.no_grad():
            rows = [self._embed(number, part) for number, part in enumerate(parts)]
        clips_BD, captions_BD = (torch.cat(side).requires_grad_() for side in zip(*rows, strict=True))
        loss = info_nce(clips_BD, captions_BD, self.net.log_scale, same_BB)
        loss.backward()
        assert clips_BD.grad is not None and captions_BD.grad is not None
        due = clips_BD.grad, captions_BD.grad
        start = 0
        for number, part in enumerate(parts):
            end = start + len(part.counts)
            pairs = zip(self._embed(number, part), due, strict=True)
            learning = [(rows, gradient[start:end]) for rows, gradient in pairs if rows.requires_grad]
            torch.autograd.backward([row for row, _ in learning], [gradient for _, gradient in learning])
            start = end
        return loss.item()

    def _embed(self, number: int, part: Part) -> tuple[Tensor, Tensor]:
        """Both passes of cached gradients draw the same dropout."""
        try:
            with self.runtime.seeded(self.recipe.run.seed, _DROPOUT, self.step, number):
                return self.embedder.embed(part)
        except torch.OutOfMemoryError:
            raise TrainingError(
                f"{len(part.counts)} clips at once are more than the memory of the GPU holds.",
                f"Lower data.micro={self.recipe.data.micro}; the step stays the same.",
            ) from None

    def _descend(self) -> float:
        parameters = list(self.net.learning().values())
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients).item()
        if not math.isfinite(norm):
            raise self._diverged("the gradient's norm", norm)
        torch._foreach_mul_(gradients, min(self.recipe.optimizer.clip / max(norm, 1e-12), 1.0))
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * self._factor()
            optimizer.step()
            optimizer.zero_grad()
        self.net.bound_scale()
        return norm

    def _factor(self) -> float:
        return cosine_factor(self.step, self.steps, self.recipe.schedule.warmup)

    def _parts(self) -> int:
        return math.ceil(self.batch / self.recipe.data.micro)

    def _batch(self, step: int) -> list[Example]:
        epoch, number = divmod(step, self.steps_an_epoch)
        order = np.random.default_rng([self.recipe.run.seed, _ORDER, epoch]).permutation(len(self._examples))
        return [self._examples[i] for i in order[number * self.batch : (number + 1) * self.batch]]

    def _prepare(self, place: Place) -> Part:
        step, number = place
        micro = self.recipe.data.micro
        return self.embedder.prepare(self._batch(step)[number * micro : (number + 1) * micro])

    def _places(self, step: int) -> Iterator[Place]:
        for later in range(step, self.steps):
            for number in range(self._parts()):
                yield later, number

    def _diverged(self, what: str, value: float) -> TrainingError:
        return TrainingError(
            f"At step {self.step} {what} is {value}; the weights were left as they were.",
            "Lower optimizer.rate and optimizer.tower_rate and start anew.",
        )
