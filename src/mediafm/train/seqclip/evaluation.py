"""Retrieval over pairs: by the network in training, and by finished encoders."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mediafm.encoders import checked
from mediafm.progress import Progress
from mediafm.train.seqclip.clips import ClipStore
from mediafm.train.seqclip.retrieval import Retrieval, distinct, retrieval
from mediafm.train.seqclip.trainer import Embedder, Example
from mediafm.types import ShotInput

_AT_A_TIME = 32


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
