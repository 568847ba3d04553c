"""The shot transformer, its objective and its checkpoints. Torch only: knows no film and no table."""

from mediafm.model.checkpoint import Checkpoint
from mediafm.model.config import Part, ShotTransformerConfig, check_readout
from mediafm.model.objective import (
    InfoNce,
    Loss,
    StandardisedLoss,
    Targets,
    cosine_distance,
    cosine_loss,
    neighbour_contrast,
)
from mediafm.model.transformer import Encoded, ShotOutput, ShotTransformer

__all__ = [
    "Checkpoint",
    "Encoded",
    "InfoNce",
    "Loss",
    "Part",
    "ShotOutput",
    "ShotTransformer",
    "ShotTransformerConfig",
    "StandardisedLoss",
    "Targets",
    "check_readout",
    "cosine_distance",
    "cosine_loss",
    "neighbour_contrast",
]
