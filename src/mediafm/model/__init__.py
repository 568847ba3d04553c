"""The shot transformer, its objective and its checkpoints. Torch only: knows no film and no table."""

from mediafm.model.checkpoint import Checkpoint
from mediafm.model.config import ShotTransformerConfig
from mediafm.model.objective import cosine_distance, mean_distance, msm_loss
from mediafm.model.transformer import ShotOutput, ShotTransformer

__all__ = [
    "Checkpoint",
    "ShotOutput",
    "ShotTransformer",
    "ShotTransformerConfig",
    "cosine_distance",
    "mean_distance",
    "msm_loss",
]
