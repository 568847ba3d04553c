"""What is known of a table of true labels: what a row is, what a probe can make of it, and what answers it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

FACTS = "tables.json"


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One label table. unit and kind are a probe's (docs/probes.md); template: the packaged task it is made for, or "".

    answered_by: "shot": the row's own shots show all there is to know, so no context can add to a good encoder;
    "story": what lies around the row in its title adds to what it shows (in tables called labels_story_*, the row
    itself shows nothing of it); "title": a row is a whole title.
    """

    unit: Literal["shot", "clip", "title"]
    kind: Literal["binary", "multilabel", "multiclass", "ranking", "regression", "similarity"]
    answered_by: Literal["shot", "story", "title"]
    template: str = ""


def write_facts(folder: Path, facts: Mapping[str, TableFacts]) -> None:
    """Write `tables.json`: name of each table -> its facts."""
    said = {name: asdict(fact) for name, fact in facts.items()}
    (folder / FACTS).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
