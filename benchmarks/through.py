"""Can words go through a model at all? Shots of titles looked for by what is spoken around them.

python benchmarks/through.py CATALOG RUN [--titles 's02*'] [--shots 300]

For shots with words between two shots with words, three ways to rank all shots of the catalog, told by the share of
true shots among the first 5 and 100 and their median rank: `through`, as `mediafm search --through` does it, here with
the neighbours' true text vectors in place of words; `neighbours`, the mean of these two text vectors beside each shot's
text; and, to see what the model needs, `all around`: the model with everything of 16 shots on either side, only the
shot itself hidden. `chance` is the median rank of a random order. RUN should not have learned from these titles.
"""

import argparse
import json
from fnmatch import fnmatchcase
from itertools import pairwise

import numpy as np
import torch

from mediafm.catalog import Catalog
from mediafm.fusion import FusionStats, fuse
from mediafm.model import Checkpoint
from mediafm.types import Features

AROUND = 16
GAP_S = 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog")
    parser.add_argument("run")
    parser.add_argument("--titles", default="*")
    parser.add_argument("--shots", type=int, default=300)
    given = parser.parse_args()
    catalog, checkpoint = Catalog.open(given.catalog), Checkpoint.load(given.run)
    stats = FusionStats.from_arrays(checkpoint.fusion_arrays, checkpoint.fusion_meta)
    fused, said, spoken, starts = [], [], [], [0]
    for title, features in catalog.iter_features():
        if fnmatchcase(title, given.titles):
            fused.append(fuse(features, stats)[0])
            said.append(fuse(_text_alone(features), stats)[0])
            spoken.append(features.present["text"])
            starts.append(starts[-1] + len(fused[-1]))
    fused_ND, said_ND, spoken_N = np.concatenate(fused), np.concatenate(said), np.concatenate(spoken)
    inner = np.ones(len(fused_ND), dtype=bool)
    for start, end in pairwise(starts):
        inner[start : start + AROUND] = inner[max(start, end - AROUND) : end] = False
    asked = np.flatnonzero(inner & spoken_N & np.roll(spoken_N, 1) & np.roll(spoken_N, -1))
    asked = np.random.default_rng(0).permutation(asked)[: given.shots]
    ranks: dict[str, list[int]] = {"through": [], "neighbours": [], "all around": []}
    for row in asked.tolist():
        before, after = said_ND[row - 1], said_ND[row + 1]
        words = np.stack([before, before, after])
        ranks["through"].append(_rank(fused_ND, _predicted(checkpoint, words, 1), row))
        ranks["neighbours"].append(_rank(said_ND, before + after, row, without=(row - 1, row + 1)))
        around = fused_ND[row - AROUND : row + AROUND + 1]
        ranks["all around"].append(_rank(fused_ND, _predicted(checkpoint, around, AROUND), row))
    told = {name: _told(np.array(found)) for name, found in ranks.items()}
    print(json.dumps({"asked": len(asked), "shots": len(fused_ND), "chance": len(fused_ND) // 2, **told}, indent=1))


def _text_alone(features: Features) -> Features:
    vectors = {m: rows if m == "text" else np.zeros_like(rows) for m, rows in features.vectors.items()}
    return Features(vectors, {m: flags & (m == "text") for m, flags in features.present.items()})


def _predicted(checkpoint: Checkpoint, fused_SD: np.ndarray, hidden: int) -> np.ndarray:
    """What the model expects in place of one of the shots."""
    masked = torch.zeros(len(fused_SD), dtype=torch.bool)
    masked[hidden] = True
    at = np.arange(len(fused_SD), dtype=np.float32) * GAP_S
    times = torch.from_numpy(np.stack([at, at + GAP_S], axis=1))
    model = checkpoint.model.eval()
    with torch.inference_mode():
        states = model.encode(torch.from_numpy(fused_SD.astype(np.float32)), [len(fused_SD)], masked, None, times)
        return model.head(states.shots_NH[hidden : hidden + 1])[0].float().numpy()


def _rank(rows_ND: np.ndarray, wanted_D: np.ndarray, row: int, without: tuple[int, ...] = ()) -> int:
    scores = rows_ND @ wanted_D
    scores[list(without)] = -np.inf
    return int((scores > scores[row]).sum())


def _told(ranks: np.ndarray) -> dict[str, float]:
    return {
        "among 5": float((ranks < 5).mean()),
        "among 100": float((ranks < 100).mean()),
        "median rank": float(np.median(ranks)),
    }


if __name__ == "__main__":
    main()
