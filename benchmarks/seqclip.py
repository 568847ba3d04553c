"""`seqclip` against the frame-averaging tower it starts from, on generated clips whose captions one frame cannot tell.

python benchmarks/seqclip.py [--folder DIR] [--train 3000] [--held-out 400] [--seed 0] [--control]

1. Clips and captions (`mediafm.synthetic.captioned`), to learn from and held out, by different seeds. Each happening
   has an opposite that shows the same frames in another order, so that a model which averages frames and errs nowhere
   else still guesses between two captions: R@1 of about one half.
2. A tiny CLIP of random weights. `finetune-seqclip` without temporal layers trains both its towers on the mean of
   frames: the base, an honest frame-averaging tower for these very captions.
3. `finetune-seqclip` with temporal layers on top of the base.
4. With `--control`: the base trained on for as many steps, with as many frames, without temporal layers.
5. After each, `finetune-seqclip --evaluate-only` on the held-out clips.

All training and retrieval is the command line's, on one thread. Prints JSON: recalls; how many clips lie nearer to
their caption than to its opposite; seconds of processor time.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mediafm.encoders.seqclip import SeqClipEncoder
from mediafm.encoders.weights import quiet
from mediafm.progress import SILENT
from mediafm.synthetic.captioned import COLOURS, HAPPENINGS, SHAPES, SIDE, plan_clips, write_captioned
from mediafm.train.seqclip.clips import ClipStore
from mediafm.train.seqclip.pairs import read_pairs
from mediafm.train.seqclip.stores import ArrayStore
from mediafm.types import ShotInput

OTHER_SEED = 1_000_003  # between clips to learn from and held-out ones
FRAMES = 4  # enough for everything that happens, and three times as quick as a dozen
COMMON = [f"data.frames={FRAMES}", "data.batch=64", "train.tower=all", "train.text=all", "run.device=cpu"]
BASE = ["temporal.layers=0", "schedule.epochs=24", "optimizer.tower_rate=0.002"]
CONTROL = ["temporal.layers=0", "schedule.epochs=9", "optimizer.tower_rate=0.002"]
TUNED = [*CONTROL[1:], "temporal.hidden=128", "optimizer.rate=0.002"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--train", type=int, default=3000)
    parser.add_argument("--held-out", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--control", action="store_true", help="train the control too: half as long again")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        print(json.dumps(measure(folder, args.train, args.held_out, args.seed, args.control), indent=2))


def measure(folder: Path, train: int, held_out: int, seed: int, control: bool) -> dict[str, Any]:
    clock = Clock()
    pairs = write_captioned(folder / "train", train, seed)
    test = write_captioned(folder / "test", held_out, seed + OTHER_SEED)
    if not (folder / "untrained").exists():
        save_untrained(folder / "untrained", seed)
    clock.lap("clips")
    results = {}
    runs = [("base", "untrained", BASE), ("seqclip", "base", TUNED)]
    for name, start, settings in [*runs, ("control", "base", CONTROL)] if control else runs:
        out = folder / name
        told = ["--pairs", pairs, "--model", folder / start, "--out", out, "--validation", "0.05", "--resume"]
        run(folder, *told, *(word for setting in [*COMMON, *settings] for word in ("--set", setting)))
        clock.lap(name)
        frames = ["--set", f"data.frames={FRAMES}"]
        found = run(folder, "--pairs", test, "--model", out, "--evaluate-only", *frames)["model"]
        clock.lap(f"{name} measured")
        results[name] = found | {"told_from_opposite": told_from_opposite(folder, out, test, held_out, seed)}
    return {"clips": {"training": train, "held_out": held_out}, "held_out": results, "processor_s": clock.laps}


def told_from_opposite(folder: Path, model: Path, test: Path, held_out: int, seed: int) -> dict[str, float]:
    """Share of held-out clips nearer to their caption than to its opposite, by happening; chance is one half."""
    encoder = SeqClipEncoder(str(model), device="cpu")
    clips = ClipStore(encoder.frames, encoder.frame_side, ArrayStore("clips", folder / "cache" / "clips"))
    pairs, plans = read_pairs(test), plan_clips(held_out, seed + OTHER_SEED)
    keys = clips.find([pair.span for pair in pairs], SILENT).keys
    seen = [clips.get(keys[pair.span]) for pair in pairs]
    shots = [ShotInput(tuple(clip.frames), clip.times, None, "", clip.seconds) for clip in seen]
    vectors = encoder.encode(shots).vectors
    own, other = (
        encoder.encode_texts(words) for words in zip(*((p.caption, p.opposite().caption) for p in plans), strict=True)
    )
    right = ((own - other) * vectors).sum(axis=1) > 0
    kinds = [" or ".join(sorted({plan.happening, plan.opposite().happening})) for plan in plans]
    return {kind: round(float(right[np.array(kinds) == kind].mean()), 3) for kind in sorted(set(kinds))}


class Clock:
    """Processor time of this process and its children, lap by lap."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = self._now()

    def lap(self, name: str) -> None:
        now = self._now()
        self.laps[name] = round(now - self._last, 1)
        self._last = now

    @staticmethod
    def _now() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + used.ru_utime + used.ru_stime


def run(folder: Path, *words: object) -> dict[str, Any]:
    """`mediafm finetune-seqclip ... --json` on one thread; its document."""
    command = [sys.executable, "-m", "mediafm", "finetune-seqclip", *map(str, words), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MEDIAFM_CACHE": str(folder / "cache")}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True, text=True)
    return json.loads(done.stdout)


def save_untrained(folder: Path, seed: int) -> None:
    """A tiny CLIP of random weights, with a tokenizer of the captions' words, as a folder in the hub's form."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = sorted({"a", "then", ",", *COLOURS, *SHAPES, *(word for words in HAPPENINGS for word in words.split())})
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=16,
    )  # fmt: skip
    tower = {"hidden_size": 96, "intermediate_size": 192, "num_attention_heads": 4}
    text = {"vocab_size": len(vocabulary), "max_position_embeddings": 16, "num_hidden_layers": 2}
    text |= {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    vision = {"image_size": SIDE, "patch_size": 12, "num_hidden_layers": 3, "projection_dim": 64}
    config = CLIPConfig(text_config=tower | text, vision_config=tower | vision, projection_dim=64)
    side = {"height": SIDE, "width": SIDE}
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=side).save_pretrained(folder)


if __name__ == "__main__":
    main()
