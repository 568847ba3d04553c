"""Pretraining runs, each done once: a recipe that was trained under OUT before is not trained again."""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mediafm.config import Recipe, parse_recipe
from mediafm.errors import UsageError
from mediafm.model.folder import replace_file, to_json
from mediafm.sequences import FeatureSource
from mediafm.train import pretrain


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. result: as `pretrain` gave it."""

    folder: Path
    result: dict[str, Any]


class Runs:
    """The runs under a folder. A finished one is `NAME/` beside `NAME.json`, which holds its whole recipe.

    A recipe is the same if it reads the same today: settings that came since count as their defaults. Changes of code
    are not seen: a new folder trains anew.
    """

    def __init__(self, folder: Path, source: FeatureSource) -> None:
        self.folder, self.source = folder, source
        self._known = [self._read(path) for path in sorted(folder.glob("*.json"))]

    def find(self, recipe: Recipe) -> Run | None:
        """The finished run of a recipe; read-outs have no part in training and do not count."""
        wanted = _trained(recipe)
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
        self._known.append((recipe, run))
        return run

    def _read(self, path: Path) -> tuple[Recipe | None, Run]:
        note = json.loads(path.read_text(encoding="utf-8"))
        run = Run(path.with_suffix(""), note["result"])
        try:
            return parse_recipe(note["recipe"], str(path)), run
        except UsageError:  # of a schema that is no more: no recipe of today equals it
            return None, run


def _trained(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"readout": ("last",)})})
