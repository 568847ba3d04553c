"""Retrieval over pairs: by the network in training, and by finished encoders, which is what `evaluate` asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mediafm.encoders import checked
from mediafm.encoders.clip import ClipEncoder
from mediafm.encoders.seqclip import SeqClipEncoder, base_folder, is_seqclip, read_config
from mediafm.encoders.weights import find_model
from mediafm.errors import EncoderError, TrainingError
from mediafm.progress import SILENT, Progress
from mediafm.train.seqclip.clips import ClipStore
from mediafm.train.seqclip.data import examples_of, find_clips, left_out, reasons
from mediafm.train.seqclip.pairs import read_pairs
from mediafm.train.seqclip.recipe import SeqClipRecipe
from mediafm.train.seqclip.retrieval import Retrieval, distinct, retrieval
from mediafm.train.seqclip.trainer import Embedder, Example
from mediafm.types import ShotInput

_AT_A_TIME = 32


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What `finetune-seqclip --evaluate-only --json` prints. model: None for a plain CLIP model; base: the mean of its
    frames, None where the base of a checkpoint is not at hand.
    """

    pairs: int
    model: Retrieval | None
    base: Retrieval | None
    left_out: list[dict[str, str]]
    advice: list[str]


def evaluate(
    pairs: str | Path, model: str, frames: int = 0, device: str = "auto", progress: Progress = SILENT
) -> EvaluationResult:
    """Retrieval on all pairs: by a seqclip checkpoint and the mean of frames under its base, or by a plain CLIP model.

    frames: sampled a clip; 0: as the checkpoint was trained with, 12 for a plain model. Trains nothing.
    """
    asked = read_pairs(pairs)
    where = None if device == "auto" else device
    folder, advice = find_model(model), []
    tuned: SeqClipEncoder | None = None
    base_model: Path | None = folder
    if is_seqclip(folder):
        config = read_config(folder)
        tuned = SeqClipEncoder(str(folder), frames=frames, device=where)
        frames = tuned.frames
        try:
            base_model = base_folder(folder, config)
        except EncoderError as error:
            base_model = None
            advice.append(f"The base cannot be measured beside it: {error.message}")
    frames = frames or SeqClipRecipe().data.frames
    base = None
    if base_model is not None:
        settings = folder if tuned is not None else None
        base = ClipEncoder(str(base_model), "clip", frames=frames, device=where, settings=settings)
    side = next(e.frame_side for e in (tuned, base) if e is not None)
    clips = ClipStore(frames, side)
    found = find_clips(clips, asked, progress, lambda: False)
    examples = examples_of(asked, found)
    if not examples:
        raise TrainingError("None of the pairs can be read.", reasons(found))
    measured = [None if e is None else evaluate_encoder(e, clips, examples, progress) for e in (tuned, base)]
    return EvaluationResult(len(examples), measured[0], measured[1], left_out(found), advice)


def evaluate_network(embedder: Embedder, examples: Sequence[Example]) -> Retrieval:
    """How the network as it stands finds clips and captions. It is left in training mode."""
    embedder.net.eval()
    first_with: dict[str, Example] = {}  # one example for each clip and each caption, whichever comes first
    for example in examples:
        first_with.setdefault(f"clip {example.clip}", example)
        first_with.setdefault(f"text {example.caption}", example)
    wanted = distinct_examples(list(first_with.values()))
    clips, captions = {}, {}
    with torch.inference_mode():
        for start in range(0, len(wanted), _AT_A_TIME):
            some = wanted[start : start + _AT_A_TIME]
            clips_BD, captions_BD = (rows.cpu().numpy() for rows in embedder.embed(embedder.prepare(some)))
            clips.update({e.clip: row for e, row in zip(some, clips_BD, strict=True)})
            captions.update({e.caption: row for e, row in zip(some, captions_BD, strict=True)})
    embedder.net.train()
    clip_of, caption_of = [e.clip for e in examples], [e.caption for e in examples]
    return retrieval(
        clip_of,
        caption_of,
        np.stack([clips[name] for name in distinct(clip_of)]),
        np.stack([captions[name] for name in distinct(caption_of)]),
    )


def distinct_examples(examples: Sequence[Example]) -> list[Example]:
    """Each example once, in order."""
    return list(dict.fromkeys(examples))


def evaluate_encoder(encoder: Any, clips: ClipStore, examples: Sequence[Example], progress: Progress) -> Retrieval:
    """How a finished encoder with `encode` and `encode_texts` finds clips and captions."""
    clip_of, caption_of = [e.clip for e in examples], [e.caption for e in examples]
    keys, rows = distinct(clip_of), []
    progress.start(f"evaluate {encoder.name}", len(keys), "clip")
    for start in range(0, len(keys), _AT_A_TIME):
        found = [clips.get(key) for key in keys[start : start + _AT_A_TIME]]
        shots = [ShotInput(tuple(c.frames), c.times, None, "", c.seconds) for c in found]
        rows.append(checked(encoder, shots).vectors)
        progress.advance(len(shots))
    progress.end()
    return retrieval(clip_of, caption_of, np.concatenate(rows), encoder.encode_texts(distinct(caption_of)))
