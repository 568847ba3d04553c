"""The model card: what a run says of itself, in a form that the hub reads."""

import re
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from mediafm.config import load_recipe
from mediafm.model import ShotTransformerConfig
from mediafm.model.card import model_card
from mediafm.model.origin import licence_of, recipe_in_short

CONFIG = ShotTransformerConfig(blocks=(10, 6), global_dim=6, hidden=16, layers=1, heads=2, readout=("shot", "last"))
METRICS = {"msm": 0.5, "trivial": {"title_mean": 0.7, "previous": 0.8, "neighbours": 0.75}, "validation_shots": 1234}


def encoder(licence: str) -> dict[str, Any]:
    return {"name": "x", "dim": 10, "fingerprint": "f", "licence": licence}


def origin(**changes: Any) -> dict[str, Any]:
    recipe = load_recipe("small", ["schedule.epochs=7", "data.validation_titles=s05*"]).model_dump(mode="json")
    facts = {
        "catalog": {"fingerprint": "c" * 64, "titles": 30, "shots": 2999},
        "preset": "offline",
        "detector": "content-1",
        "encoders": {"video": encoder("MIT"), "text": encoder("Apache-2.0")},
        "recipe": recipe,
        "seed": 3,
        "steps": 1700,
        "versions": {"mediafm": "0.1.0"},
    }
    return {**facts, **changes}


def front_matter(card: str) -> dict[str, Any]:
    _, head, _ = card.split("---\n", 2)
    return yaml.safe_load(head)


def test_the_card_tells_what_the_run_knows() -> None:
    card = model_card("mine", CONFIG, origin(), METRICS, parameters=12_345, curve=True)
    for words in (
        "# mine\n",
        "12,345 parameters; 1 layers x 16",
        "Out: 32 numbers a shot, read out as shot + last.",
        "Trained on 2,999 shots of 30 titles",
        "preset `offline`, shots found by `content-1`; fingerprint `cccccccccccccccc`",
        "The packaged recipe `small` (seed 3, best after 1,700 steps, mediafm 0.1.0), but for:",
        "| `schedule.epochs` | 7 |",
        '| `data.validation_titles` | ["s05*"] | [] |',
        "the 1,234 shots of validation titles",
        "| this model | 0.5000 |",
        "| previous shot | 0.8000 |",
        "lies 0.2000 below the best trivial predictor",
        "![Distance over the steps of the run](loss.png)",
        "| video | x | 10 | MIT |",
        "identifying persons",
        "That was little: 2,999 shots.",
        "`[GLOBAL]` tells every shot its title's metadata",
        "Probe before use",
    ):
        assert words in card, words
    assert "None" not in card
    assert len(re.findall(r"^```", card, re.MULTILINE)) % 2 == 0


def test_the_hub_reads_its_head() -> None:
    card = model_card("mine", CONFIG, origin(), METRICS)
    head = front_matter(card)
    assert ModelCard(card).data.to_dict() == head
    assert head["library_name"] == "mediafm"
    assert head["pipeline_tag"] == "feature-extraction"
    assert head["license"] == "other" and head["license_name"] == "not-chosen-yet"
    assert "masked-shot-modeling" in head["tags"] and all(isinstance(tag, str) for tag in head["tags"])


@pytest.mark.parametrize(
    ("licences", "field", "name", "words"),
    [
        (["MIT", "Apache-2.0"], "other", "not-chosen-yet", "attribution at most"),
        (["MIT", "CC-BY-NC-4.0"], "other", "bound-by-cc-by-nc-4.0", "CC-BY-NC-4.0 of the encoders may bind"),
        (["MIT", "My own: terms"], "other", "bound-by-my-own-terms", "choose no licence that allows more"),
        (["MIT", ""], "unknown", None, "made the text vectors is not known"),
        (["NOASSERTION", "CC-BY-NC-4.0"], "unknown", None, "made the video vectors is not known"),
        ([], "unknown", None, "not known"),
    ],
)
def test_the_licence_follows_from_the_encoders(licences: list[str], field: str, name: str | None, words: str) -> None:
    encoders = {m: encoder(licence) for m, licence in zip(("video", "text"), licences, strict=False)}
    found = licence_of(encoders)
    assert (found.field, found.name) == (field, name)
    assert words in found.word
    head = front_matter(model_card("mine", CONFIG, origin(encoders=encoders), {}))
    assert (head["license"], head.get("license_name")) == (field, name)


def test_a_model_that_learned_nothing_says_so() -> None:
    card = model_card("mine", CONFIG, origin(), {**METRICS, "msm": 0.7})
    assert "has not learned what it is for" in card


def test_a_card_without_a_run_leaves_out_what_is_not_known() -> None:
    card = model_card("alone", CONFIG, {}, {})
    assert "ShotTransformer.from_pretrained" in card
    for absent in ("## Measures", "## Data", "## Recipe", "## Encoders", "loss.png"):
        assert absent not in card
    assert front_matter(card)["license"] == "unknown"


def test_a_recipe_in_short_names_the_nearest_and_what_differs() -> None:
    for name in ("tiny", "small", "base", "published"):
        same = recipe_in_short(load_recipe(name).model_dump(mode="json"))
        assert (str(same), same.changes) == (name, {})
    packaged = load_recipe("tiny")
    changed = load_recipe("tiny", ["schedule.epochs=3", "run.seed=5"]).model_dump(mode="json")
    short = recipe_in_short(changed)
    assert short.changes == {"schedule.epochs": (packaged.schedule.epochs, 3), "run.seed": (0, 5)}
    assert str(short) == "tiny with schedule.epochs=3, run.seed=5"
    del changed["model"]["mlp"]  # made by another version
    changed["masking"]["glow"] = 1
    other = recipe_in_short(changed).changes
    assert other["model.mlp"] == (packaged.model.mlp, None) and other["masking.glow"] == (None, 1)
