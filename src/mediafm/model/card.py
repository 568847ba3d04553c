"""The model card of a checkpoint: what it is, what made it, how it measured, what it must not be used for."""

import json
from collections.abc import Mapping
from typing import Any

from mediafm.model.config import ShotTransformerConfig

_TRIVIAL = {"title_mean": "mean of the title", "previous": "previous shot", "neighbours": "mean of both neighbours"}


def model_card(name: str, config: ShotTransformerConfig, origin: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Markdown with the hub's front matter. Sections without facts are left out."""
    sections = [_front_matter(), f"# {name}", _what(config)]
    if metrics:
        sections.append(_measures(metrics))
    if origin:
        sections.append(_training(origin))
    return "\n\n".join([*sections, _use(name)]) + "\n"


def _front_matter() -> str:
    tags = "\n".join(f"- {tag}" for tag in ("mediafm", "video", "shot-embeddings", "masked-shot-modeling"))
    return f"---\nlibrary_name: mediafm\npipeline_tag: feature-extraction\ntags:\n{tags}\n---"


def _what(config: ShotTransformerConfig) -> str:
    return (
        "A shot transformer: it reads the fused video, audio and timed-text embeddings of up to "
        f"{config.max_shots} consecutive shots of one title and gives each shot a vector that knows its context. "
        "Pretrained with Masked Shot Modeling, after Netflix's description of MediaFM (February 2026).\n\n"
        f"Shape: {config.layers} layers x {config.hidden}, {config.heads} heads, {config.positions} positions, "
        f"{config.norm}-norm; in and out {config.feature_dim} dimensions."
    )


def _measures(metrics: Mapping[str, Any]) -> str:
    rows = [("this model", metrics["msm"])]
    rows += [(words, metrics["trivial"][key]) for key, words in _TRIVIAL.items() if key in metrics.get("trivial", {})]
    lines = "\n".join(f"| {words} | {value:.4f} |" for words, value in rows)
    return (
        "## Measures\n\nCosine distance to masked shots of validation titles, every shot masked once, 20 % at a time "
        f"(lower is better).\n\n| predictor | distance |\n|---|---|\n{lines}"
    )


def _training(origin: Mapping[str, Any]) -> str:
    lines = ["## Training"]
    if catalog := origin.get("catalog"):
        lines.append(
            f"Catalogue of {catalog['titles']:,} titles and {catalog['shots']:,} shots "
            f"(fingerprint `{catalog['fingerprint'][:16]}`), seed {origin.get('seed')}, {origin.get('steps')} steps."
        )
    if encoders := origin.get("encoders"):
        rows = [f"| {m} | {e['name']} | {e['dim']} | {e['licence']} |" for m, e in encoders.items()]
        lines.append("\n".join(["| modality | encoder | size | licence |", "|---|---|---|---|", *rows]))
        lines.append("The licences of the encoders bind whoever uses this model with their vectors.")
    if recipe := origin.get("recipe"):
        lines.append(f"Recipe:\n\n```json\n{json.dumps(recipe, indent=1)}\n```")
    return "\n\n".join(lines)


def _use(name: str) -> str:
    return (
        "## Use\n\nMeant as frozen features for probes, search and analysis of film and series catalogues, to inform "
        "people rather than to decide alone. Input must come from the very encoders named above: other vectors of the "
        "same size give meaningless output. The model knows the catalogue it was trained on; expect less elsewhere. "
        "It was not tested for, and must not be used for, identifying persons.\n\n"
        f"```\nmediafm embed --catalog CATALOG --model {name}\n```"
    )
