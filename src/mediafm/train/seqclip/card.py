"""The model card of a seqclip checkpoint: what it is, what made it, how it measured, whose licence binds it."""

import json
from collections.abc import Mapping
from typing import Any

from mediafm.encoders.seqclip import SeqClipConfig

WAYS = {"text_to_video": "text to video", "video_to_text": "video to text"}
_UNKNOWN = "NOASSERTION"


def card(name: str, config: SeqClipConfig, origin: Mapping[str, Any], curve: bool) -> str:
    """Markdown with the hub's front matter. curve: whether the picture `loss.png` lies beside it."""
    parts = [_front_matter(config), f"# {name}", _what(config), _load(name, config), _measures(origin, curve)]
    return "\n\n".join([*parts, _data(origin), _licence(config), _limits(config)]) + "\n"


def _front_matter(config: SeqClipConfig) -> str:
    licence = config.base.licence
    lines = ["library_name: mediafm", "pipeline_tag: feature-extraction"]
    lines += [f"license: {'unknown' if licence == _UNKNOWN else licence.lower()}"]
    if not config.base.model.startswith("."):
        lines += [f"base_model: {config.base.model}"]
    return "\n".join(["---", *lines, "tags:", "- mediafm", "- video", "- seqclip", "---"])


def _what(config: SeqClipConfig) -> str:
    shape = (
        f"a temporal transformer ({config.num_hidden_layers} layers x {config.hidden_size}, "
        f"{config.num_attention_heads} heads, {config.positions} positions over the shot's time)"
        if config.num_hidden_layers
        else "their mean"
    )
    towers = "its own, fine-tuned or kept whole, in `tower/`" if config.own_towers else "those of the base, as they are"
    return (
        f"A shot encoder: {config.frames} frames of a shot through an image tower, and over them {shape}. Shots and "
        f"texts share a space of {config.dim} numbers. Base: `{config.base.model}`; towers: {towers}."
    )


def _load(name: str, config: SeqClipConfig) -> str:
    return (
        "## Load\n\n```python\nfrom mediafm.encoders.seqclip import SeqClipEncoder\n\n"
        f"encoder = SeqClipEncoder({json.dumps(name)})\n"
        'vectors = encoder.encode_texts(["a dog runs"])\n```\n\n'
        f'In a preset file: `[encoders.video]` with `kind = "seqclip"` and `model = {json.dumps(name)}`. It '
        + ("needs nothing but this folder." if config.own_towers else "needs the very base too; its hash is checked.")
    )


def _measures(origin: Mapping[str, Any], curve: bool) -> str:
    rows = [
        f"| {who} | {words} | {r['r1']:.3f} | {r['r5']:.3f} | {r['r10']:.3f} | {r['median_rank']:g} |"
        for who, key in (("mean of the base's frames", "base"), ("this model", "best"))
        for way, words in WAYS.items()
        for r in (origin[key][way],)
    ]
    seen = origin["best"]["text_to_video"]
    text = [
        f"## Measures\n\nOn {seen['queries']:,} captions and {seen['items']:,} clips of held-out films. The weights "
        "are those that measured best on these very pairs, after step "
        f"{origin['steps']:,}; measure on other pairs by `--evaluate-only`.",
        "\n".join(["| model | way | R@1 | R@5 | R@10 | median rank |", "|---|---|--:|--:|--:|--:|", *rows]),
    ]
    return "\n\n".join([*text, "![Loss and R@1 over the steps of the run](loss.png)"] if curve else text)


def _data(origin: Mapping[str, Any]) -> str:
    data = origin["pairs"]
    out = f" {data['left_out']:,} films could not be read and were left out." if data["left_out"] else ""
    return (
        f"## Data\n\nTrained on {data['training']:,} pairs of clip and caption from {data['films']:,} films, validated "
        f"on {data['validation']:,} (fingerprint `{data['fingerprint'][:16]}`).{out} What they show is not recorded "
        "here: their owner may add it. The whole recipe stands in `origin.json`."
    )


def _licence(config: SeqClipConfig) -> str:
    licence = config.base.licence
    said = (
        "The base's licence is not known here. It binds these weights all the same: look it up before you share them."
        if licence == _UNKNOWN
        else f"The base is under {licence}, which binds these weights too."
    )
    return f"## Licence\n\n{said} So may the rights in the films and captions."


def _limits(config: SeqClipConfig) -> str:
    return (
        "## Limits\n\n"
        f"- It sees {config.frames} frames a shot: what is quicker than the time between two of them it cannot see.\n"
        "- It knows what its captions spoke of; of anything else it knows what the base knows, or less.\n"
        "- It carries whatever prejudices the base, the films and the captions have. Not for identifying persons."
    )
