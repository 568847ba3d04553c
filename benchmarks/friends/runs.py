"""Pretraining runs, each done once: a recipe that was trained under OUT before is not trained again."""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mediafm.config import Recipe
from mediafm.model.folder import replace_file, to_json
from mediafm.sequences import FeatureSource
from mediafm.train import pretrain

_ANY_READOUT = ("last",)  # stands in the recipe of every run: a read-out is no part of training


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. result: as `pretrain` gave it."""

    folder: Path
    result: dict[str, Any]


class Runs:
    """The runs under a folder. A finished one is `NAME/` beside `NAME.json`, which holds its whole recipe.

    A recipe is the same if every setting is; one written before a setting was known is another. Changes of code are
    not seen: a new folder trains anew.
    """

    def __init__(self, folder: Path, source: FeatureSource) -> None:
        self.folder, self.source = folder, source
        self._known = [self._read(path) for path in sorted(folder.glob("*.json"))]

    def find(self, recipe: Recipe) -> Run | None:
        """The finished run of a recipe; read-outs have no part in training and do not count."""
        wanted = _trained(recipe).model_dump(mode="json")
        return next((run for known, run in self._known if known == wanted), None)

    def train(self, recipe: Recipe) -> Run:
        """Find the run, or train it, going on where it was cut off."""
        if run := self.find(recipe):
            return run
        recipe = _trained(recipe)
        name = sha256(recipe.to_toml().encode()).hexdigest()[:12]
        result = pretrain(self.source, self.folder / name, recipe, resume=True)
        if not result.finished:
            raise KeyboardInterrupt
        note = {"recipe": recipe.model_dump(mode="json"), "result": asdict(result)}
        replace_file(self.folder / f"{name}.json", to_json(note))
        run = Run(self.folder / name, note["result"])
        self._known.append((note["recipe"], run))
        return run

    def _read(self, path: Path) -> tuple[dict[str, Any], Run]:
        note = json.loads(path.read_text(encoding="utf-8"))
        note["recipe"]["model"]["readout"] = list(_ANY_READOUT)
        return note["recipe"], Run(path.with_suffix(""), note["result"])


def _trained(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"readout": _ANY_READOUT})})
