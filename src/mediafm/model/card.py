"""The model card of a checkpoint: what it is, what made it, how it measured, what it is for and what not.

Written from the run alone, so that it is right without anybody's care; its owner may add to it.
"""

import json
from collections.abc import Mapping
from typing import Any

from mediafm.model.config import ShotTransformerConfig
from mediafm.model.folder import CURVE
from mediafm.model.origin import licence_of, recipe_in_short

_TAGS = ("mediafm", "video", "shot-embeddings", "masked-shot-modeling")
TRIVIAL_NAMES = {
    "title_mean": "mean of the title",
    "previous": "previous shot",
    "neighbours": "mean of both neighbours",
}
_FEW_SHOTS = 10_000


def model_card(
    name: str,
    config: ShotTransformerConfig,
    origin: Mapping[str, Any],
    metrics: Mapping[str, Any],
    parameters: int | None = None,
    curve: bool = False,
) -> str:
    """Markdown with the hub's front matter. Sections without facts are left out.

    name: of the folder. parameters: of the model. curve: whether the picture `loss.png` lies beside the card.
    """
    encoders = origin.get("encoders", {})
    sections = [_front_matter(encoders), f"# {name}", _what(config, parameters), _load(name, origin)]
    if metrics:
        sections.append(_measures(metrics, curve))
    if catalog := origin.get("catalog"):
        sections.append(_data(catalog, origin))
    if recipe := origin.get("recipe"):
        sections.append(_recipe(recipe, origin))
    if encoders:
        sections.append(_encoders(encoders))
    return "\n\n".join([*sections, _use(), _limits(origin)]) + "\n"


def _front_matter(encoders: Mapping[str, Any]) -> str:
    licence = licence_of(encoders)
    lines = ["library_name: mediafm", "pipeline_tag: feature-extraction", f"license: {licence.field}"]
    lines += [f"license_name: {licence.name}"] if licence.name else []
    return "\n".join(["---", *lines, "tags:", *(f"- {tag}" for tag in _TAGS), "---"])


def _what(config: ShotTransformerConfig, parameters: int | None) -> str:
    size = f"{parameters:,} parameters; " if parameters else ""
    return (
        "A shot transformer: it reads the fused picture, sound and timed-text embeddings of up to "
        f"{config.max_shots} consecutive shots of one title and gives each shot a vector that knows its context. "
        "Pretrained with Masked Shot Modeling, after Netflix's description of MediaFM (February 2026).\n\n"
        f"Shape: {size}{config.layers} layers x {config.hidden}, {config.heads} heads, {config.positions} positions, "
        f"{config.norm}-norm. In: {config.feature_dim} numbers a shot. Out: {config.readout_dim()} numbers a shot, "
        f"read out as {' + '.join(config.readout)}."
    )


def _load(name: str, origin: Mapping[str, Any]) -> str:
    if not origin:
        load = f"model = ShotTransformer.from_pretrained({json.dumps(name)})"
        return f"## Load\n\n```python\nfrom mediafm.model import ShotTransformer\n\n{load}\n```"
    preset = origin.get("preset")
    made = "  # with these very encoders" if preset in (None, "import") else f"  # made by preset {_inline(preset)}"
    return (
        "## Load\n\n```python\nfrom mediafm import Catalog\nfrom mediafm.embed import embed\n\n"
        f'catalog = Catalog.open("my.catalog"){made}\n'
        f"embed(catalog, {json.dumps(name)})  # this folder, or its id on the hub\n"
        f'vector = catalog.clip("film", 12.5, 20.0).embedding({json.dumps(name)})\n```\n\n'
        f"On the command line: `mediafm embed --catalog my.catalog --model {name}`."
    )


def _measures(metrics: Mapping[str, Any], curve: bool) -> str:
    trivial: Mapping[str, float] = metrics.get("trivial", {})
    rows = [("this model", metrics["msm"]), *((TRIVIAL_NAMES.get(key, key), value) for key, value in trivial.items())]
    shots = f"the {metrics['validation_shots']:,}" if metrics.get("validation_shots") else "masked"
    text = [
        f"## Measures\n\nCosine distance to {shots} shots of validation titles, every shot hidden once, a fifth at a "
        "time (lower is better), beside predictors that need no model. The weights are those that measured best on "
        "these very titles.",
        "\n".join(["| predictor | distance |", "|---|---|", *(f"| {words} | {value:.4f} |" for words, value in rows)]),
    ]
    if trivial:
        below = min(trivial.values()) - metrics["msm"]
        text.append(
            f"The model lies {below:.4f} below the best trivial predictor."
            if below > 0
            else "**The model is not below the best trivial predictor: it has not learned what it is for.**"
        )
    if curve:
        text.append(f"![Distance over the steps of the run]({CURVE})")
    return "\n\n".join(text)


def _data(catalog: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    preset, detector = origin.get("preset"), origin.get("detector")
    made = "features imported" if preset == "import" else f"preset `{preset}`, shots found by `{_inline(detector)}`"
    return (
        f"## Data\n\nTrained on {catalog['shots']:,} shots of {catalog['titles']:,} titles from a catalogue of its "
        f"owner's ({made}; fingerprint `{str(catalog['fingerprint'])[:16]}`). No labels were used. What the titles are "
        "is not recorded here: their owner may add it."
    )


def _recipe(recipe: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    short = recipe_in_short(recipe)
    text = f"## Recipe\n\nThe packaged recipe `{short.nearest}`"
    facts = [f"seed {origin['seed']}"] if "seed" in origin else []
    facts += [f"best after {origin['steps']:,} steps"] if "steps" in origin else []
    facts += [f"{library} {version}" for library, version in origin.get("versions", {}).items()]
    text += f" ({', '.join(facts)})" if facts else ""
    if not short.changes:
        return f"{text}."
    rows = [f"| `{key}` | {_cell(ours)} | {_cell(theirs)} |" for key, (theirs, ours) in short.changes.items()]
    table = "\n".join(["| setting | here | packaged |", "|---|---|---|", *rows])
    return f"{text}, but for:\n\n{table}\n\nThe whole of it stands in `origin.json`."


def _encoders(encoders: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        f"| {m} | {_cell(e['name'])} | {e['dim']} | {_cell(e['licence'] or 'unknown')} |" for m, e in encoders.items()
    ]
    table = "\n".join(["| modality | encoder | size | licence |", "|---|---|---|---|", *rows])
    return (
        f"## Encoders and licences\n\n{table}\n\n{licence_of(encoders).word} The licences of the encoders bind whoever "
        "makes vectors with them to feed this model."
    )


def _use() -> str:
    return (
        "## Intended use\n\nFrozen features for linear probes, search and analysis of film and series catalogues, to "
        "inform people who decide. Not for deciding alone, and not tested for, nor to be used for, identifying persons."
    )


def _limits(origin: Mapping[str, Any]) -> str:
    shots = origin.get("catalog", {}).get("shots", _FEW_SHOTS)
    few = f" That was little: {shots:,} shots." if shots < _FEW_SHOTS else ""
    limits = [
        "Probe before use: whether context helps is a question of the task. Compare with `concat`, `neighbours` and "
        "`--context none` by `mediafm probe`.",
        f"It knows the catalogue it was trained on; expect less of other genres, times and ways of cutting.{few}",
        "Input must come from the very encoders named here. Other vectors, of the same size too, are refused or give "
        "meaningless output.",
        "`[GLOBAL]` tells every shot its title's metadata. A probe for what metadata says (genre, tags, a year) "
        "then measures the metadata; embed with `--context none`, or titles without metadata, to see what shots say.",
        "Vectors can carry what the encoders and the catalogue carry: their gaps and their prejudices.",
    ]
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _inline(value: Any) -> str:
    return " ".join(str(value).split())


def _cell(value: Any) -> str:
    """A value inside a Markdown table."""
    text = value if isinstance(value, str) else json.dumps(value)
    return _inline(text).replace("|", "\\|")
