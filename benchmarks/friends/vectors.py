"""The feature sets that are probed: trivial contexts, and what a model makes of shots.

Shapes: N shots of all titles, one title after the other; S shots of one title; D size of a feature set.
"""

from collections.abc import Sequence

import numpy as np
import torch
from series import Friends, Split

from mediafm.config import Recipe
from mediafm.embed import Context, Embedder
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.model import Checkpoint, ShotTransformer, ShotTransformerConfig
from mediafm.probes.surroundings import around
from mediafm.types import FloatArray


def training_stats(friends: Friends, split: Split, recipe: Recipe) -> FusionStats:
    """Fusion statistics of the titles that teach the probes."""
    spec = FusionSpec(friends.dims, recipe.fusion.centring)
    return FusionStats.fit((features for title, features in friends.iter_features() if split.teaches(title)), spec)


def trivial(friends: Friends, stats: FusionStats, titles: Sequence[str], feature: str) -> FloatArray:
    """A context that needs no training, float32 [N, D]."""
    parts = []
    for title in titles:
        fused_SD = fuse(friends.features(title), stats)[0]
        parts.append(around(fused_SD, feature))
    return np.concatenate(parts)


def embedded(friends: Friends, embedder: Embedder, titles: Sequence[str], context: Context) -> FloatArray:
    """A model's read-out, float32 [N, D]."""
    parts = []
    for title in titles:
        features, story_G = friends.features(title), friends.global_vector(title)
        parts.append(embedder.embed(features, story_G, context, friends.times(title))[0])
    return np.concatenate(parts)


def shape_of(stats: FusionStats, friends: Friends, recipe: Recipe) -> ShotTransformerConfig:
    """The shape that pretraining under the recipe gives a model."""
    story_G = friends.global_vector(friends.title_ids()[0])
    return ShotTransformerConfig(tuple(stats.spec.dims.values()), len(story_G), **recipe.model.model_dump())


def untrained(friends: Friends, stats: FusionStats, recipe: Recipe) -> Checkpoint:
    """The recipe's model as it is drawn."""
    generator = torch.Generator().manual_seed(recipe.run.seed)
    model = ShotTransformer(shape_of(stats, friends, recipe), generator)
    return Checkpoint(model, stats.to_meta(), stats.to_arrays())
