"""Fine-tuning a CLIP-style tower with a temporal part on pairs of video and caption: the `seqclip` encoder."""

from mediafm.train.seqclip.evaluation import EvaluationResult, evaluate
from mediafm.train.seqclip.finetune import FinetuneResult, finetune
from mediafm.train.seqclip.recipe import SeqClipRecipe, load_seqclip_recipe
from mediafm.train.seqclip.retrieval import Recalls, Retrieval

__all__ = [
    "EvaluationResult",
    "FinetuneResult",
    "Recalls",
    "Retrieval",
    "SeqClipRecipe",
    "evaluate",
    "finetune",
    "load_seqclip_recipe",
]
