"""What a checkpoint's `origin.json` says, in words short enough for people: recipe and licences."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediafm.config import load_recipe, recipe_names

_MISSING = object()
# Licences (SPDX) that ask for no more than attribution, whatever is made by their means.
_FREE = {"0bsd", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "mit", "unlicense"}
_FREE |= {"cc0-1.0", "cc-by-3.0", "cc-by-4.0"}
_UNKNOWN = {"", "noassertion", "none", "unknown", "other"}


@dataclass(frozen=True, slots=True)
class RecipeInShort:
    """A recipe as the packaged one it is nearest to, and what differs: `section.key` -> (packaged, this one's)."""

    nearest: str
    changes: dict[str, tuple[Any, Any]]

    def __str__(self) -> str:
        settings = ", ".join(f"{key}={value}" for key, (_, value) in self.changes.items())
        return f"{self.nearest} with {settings}" if settings else self.nearest


def recipe_in_short(recipe: Mapping[str, Any]) -> RecipeInShort:
    """The recipe's values, as `origin.json` keeps them, beside the packaged recipe that shares most of them.

    Values that a recipe of another version lacks, or has beyond ours, count as they are: missing ones stand as None.
    """
    candidates = [RecipeInShort(name, _changes(recipe, name)) for name in recipe_names()]
    return min(candidates, key=lambda c: len(c.changes))


def _changes(recipe: Mapping[str, Any], name: str) -> dict[str, tuple[Any, Any]]:
    packaged, ours = _flat(load_recipe(name).model_dump(mode="json")), _flat(recipe)
    return {
        key: (packaged.get(key), ours.get(key))
        for key in {**packaged, **ours}
        if packaged.get(key, _MISSING) != ours.get(key, _MISSING)
    }


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{key}": value
        for section, values in recipe.items()
        if isinstance(values, Mapping)
        for key, value in values.items()
    }


@dataclass(frozen=True, slots=True)
class Licence:
    """What the encoders' licences leave to the owner of a model that was trained on their vectors.

    field, name: `license` and `license_name` of the hub's front matter. word: the same for people.
    """

    field: str
    name: str | None
    word: str


def licence_of(encoders: Mapping[str, Mapping[str, Any]]) -> Licence:
    """From the encoders' licences. None is granted here: weights belong to whoever trained them."""
    licences = {m: str(e.get("licence") or "") for m, e in encoders.items()}
    unknown = [m for m, licence in licences.items() if licence.lower() in _UNKNOWN]
    bound = sorted({licence for licence in licences.values() if licence.lower() not in _FREE | _UNKNOWN})
    if unknown or not licences:
        whose = f"the {' and '.join(unknown)} vectors" if unknown else "the encoders"
        return Licence(
            "unknown",
            None,
            f"The licence of what made {whose} is not known. Find it out before you share these weights or use them "
            "for more than your own research.",
        )
    if bound:
        return Licence(
            "other",
            "bound-by-" + "-and-".join(re.sub(r"[^\w.+-]+", "-", licence.lower()) for licence in bound),
            f"{' and '.join(bound)} of the encoders may bind these weights and what is made with them: read their "
            "terms, and choose no licence that allows more.",
        )
    return Licence(
        "other",
        "not-chosen-yet",
        "The encoders' licences ask for attribution at most. The owner of the weights, and of the rights in the "
        "catalogue they were trained on, chooses their licence: set `license` in this card's head.",
    )
