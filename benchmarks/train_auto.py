"""Train the cheap stage of the detector `auto`: distil TransNetV2 into a network over a few numbers a frame.

    python benchmarks/train_auto.py film.mp4 ... --labels FOLDER --out auto.safetensors [--seed 0]

Material: the films given, a recombination of their shots by made transitions, and the first `--reel-frames` frames of
twelve synthetic reels. TransNetV2's probabilities are kept in `--labels`, since they take hours where training takes
half a minute. Judge the result on films that are not among them: `python benchmarks/detectors.py`.

The weights in the package were trained by the functions below over labels kept from several sittings. They come from
Tears of Steel, the Sintel trailer, two tests of PySceneDetect and reels of seed 2.
Big Buck Bunny and reels of seed 1 were never shown.
"""

import argparse
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from mediafm.media import Picture, open_title
from mediafm.shots.change import HEIGHT, HISTORY, WIDTH, change_features
from mediafm.shots.glance import REACH, GlanceNetwork
from mediafm.shots.transnet_network import Network, load_network
from mediafm.synthetic.reels import plan_reels, reel_frames

Frames = NDArray[np.uint8]  # [n, 27, 48, 3]
Example = tuple[torch.Tensor, torch.Tensor]  # features [FEATURES, n], TransNetV2's probabilities [n]

LABEL_STEP = 70  # frames a window of 100 tells of: between the authors' 50, which is exact, and the haste of 100
CROP, BATCH = 320, 16
POSITIVE_WEIGHT = 4.0


def read_film(path: Path) -> Frames:
    with open_title(path) as reader:
        return np.stack([p.rgb(WIDTH, HEIGHT, scaling="bicubic") for p in reader if isinstance(p, Picture)])


def label(frames: Frames, network: Network) -> NDArray[np.float32]:
    """TransNetV2's probability of every frame."""
    margin = (100 - LABEL_STEP) // 2
    numbers = range(-margin, len(frames), LABEL_STEP)
    parts = []
    for first in numbers:
        window = frames[np.clip(np.arange(first, first + 100), 0, len(frames) - 1)]
        parts.append(network(window)[margin : margin + LABEL_STEP])
    return np.concatenate(parts)[: len(frames)]


def kept_label(folder: Path, frames: Frames, network: Network) -> NDArray[np.float32]:
    """The same, from `folder` if those very frames were labelled before."""
    path = folder / f"{zlib.crc32(np.ascontiguousarray(frames)):08x}-{len(frames)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, label(frames, network))
    return np.load(path)


def recombine(films: Sequence[Frames], labels: Sequence[NDArray[np.float32]], total: int, seed: int) -> Frames:
    """Stretches of the films, joined by cuts, dissolves, fades and wipes."""
    rng = np.random.default_rng(seed)
    stretches: list[Frames] = []
    for frames, probabilities in zip(films, labels, strict=True):
        bounds = [0, *(np.flatnonzero(probabilities > 0.15) + 1), len(frames)]
        stretches += [frames[a:b] for a, b in pairwise(bounds) if b - a >= 16]
    now = _stretch(stretches, rng)
    parts, length = [], 0
    while length < total:
        after = _stretch(stretches, rng)
        kind = rng.choice(["cut", "dissolve", "fade", "wipe"], p=[0.5, 0.3, 0.1, 0.1])
        mixed = min(int(rng.integers(3, 61)), len(now) - 4, len(after) - 4)
        if kind == "cut" or mixed < 3:
            parts.append(now)
        else:
            parts += [now[:-mixed], _mixture(kind, now[-mixed:], after[:mixed], rng)]
            after = after[mixed:]
        length = sum(len(p) for p in parts)
        now = after
    return np.concatenate(parts).round().astype(np.uint8)


def _stretch(stretches: Sequence[Frames], rng: np.random.Generator) -> NDArray[np.float32]:
    """16 to 200 frames of one, at times mirrored, backwards, or in another light."""
    source = stretches[rng.integers(len(stretches))]
    length = int(rng.integers(16, min(len(source), 200) + 1))
    first = int(rng.integers(0, len(source) - length + 1))
    frames = source[first : first + length].astype(np.float32)
    if rng.random() < 0.3:
        frames = frames[:, :, ::-1]
    if rng.random() < 0.2:
        frames = frames[::-1]
    return np.clip(frames * rng.uniform(0.4, 1.2), 0, 255) if rng.random() < 0.3 else frames


def _mixture(
    kind: str, old: NDArray[np.float32], new: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    share = ((np.arange(len(old)) + 1) / (len(old) + 1))[:, None, None, None]
    if kind == "dissolve":
        return old * (1 - share) + new * share
    if kind == "fade":
        left = np.abs(1 - 2 * share)
        return np.where(share < 0.5, old, new) * left + (0 if rng.random() < 0.7 else 255) * (1 - left)
    down, across = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    place = [across, down, 1 - across, 1 - down, (across + down) / 2][rng.integers(5)]
    mask = np.clip((share[..., 0] * 1.1 - place) / 0.1, 0, 1)[..., None]
    return old * (1 - mask) + new * mask


def example(frames: Frames, probabilities: NDArray[np.float32]) -> Example:
    led = np.concatenate([np.repeat(frames[:1], HISTORY, axis=0), frames])
    rows = [change_features(led[k : k + HISTORY + 500]) for k in range(0, len(frames), 500)]
    features = torch.from_numpy(np.concatenate(rows)).T
    return pad(features[None], (REACH, REACH), mode="replicate")[0], torch.from_numpy(probabilities)


def train(examples: Sequence[Example], steps: int, seed: int) -> GlanceNetwork:
    """Crops drawn by length; soft targets; a frame counts more the more TransNetV2 takes it for a transition."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = GlanceNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps)
    lengths = torch.tensor([float(max(1, len(p) - CROP)) for _, p in examples])
    for step in range(steps):
        chosen = torch.multinomial(lengths, BATCH, True, generator=generator).tolist()
        crops = [_crop(examples[k], generator) for k in chosen]
        logits = network(torch.stack([x for x, _, _ in crops]))
        target, weight = torch.stack([p for _, p, _ in crops]), torch.stack([w for _, _, w in crops])
        weight = weight * (1 + POSITIVE_WEIGHT * target)
        loss = (binary_cross_entropy_with_logits(logits, target, reduction="none") * weight).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 249:
            print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)
    return network.eval()


def _crop(example: Example, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features of CROP frames and REACH on either side, targets, and which of them are there."""
    features, target = example
    first = int(torch.randint(0, max(1, len(target) - CROP + 1), (1,), generator=generator))
    features, target = features[:, first : first + CROP + 2 * REACH], target[first : first + CROP]
    short = CROP - len(target)
    weight = pad(torch.ones(len(target)), (0, short))
    return pad(features[None], (0, short), mode="replicate")[0], pad(target, (0, short)), weight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reel-frames", type=int, default=1680)
    parser.add_argument("--mixed-frames", type=int, default=2520)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    network = load_network()
    material = [read_film(path) for path in args.films]
    labels = [kept_label(args.labels, frames, network) for frames in material]
    material.append(recombine(material, labels, args.mixed_frames, seed=1))
    for plan in plan_reels(2, minutes=30, reel_seconds=150):
        frames = [
            cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            for frame, _ in zip(reel_frames(plan), range(args.reel_frames), strict=False)
        ]
        material.append(np.stack(frames).astype(np.uint8))
    labels += [kept_label(args.labels, frames, network) for frames in material[len(labels) :]]
    examples = [example(frames, p) for frames, p in zip(material, labels, strict=True)]
    trained = train(examples, args.steps, args.seed)
    save_file({name: value.contiguous() for name, value in trained.state_dict().items()}, args.out)


if __name__ == "__main__":
    main()
