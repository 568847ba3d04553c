"""docs/seqclip.md shows every setting with its usual value."""

import re
from pathlib import Path

from mediafm.config import parse_settings
from mediafm.train.seqclip import SeqClipRecipe, load_seqclip_recipe

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "seqclip.md").read_text(encoding="utf-8")


def test_page_shows_the_usual_values(tmp_path: Path) -> None:
    shown = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[temporal]" in block)
    (tmp_path / "recipe.toml").write_text(shown)
    assert load_seqclip_recipe(tmp_path / "recipe.toml") == SeqClipRecipe()
    told = set(re.findall(r"^(?:\[(\w+)\]|(\w+) = )", shown, re.MULTILINE))
    sections = SeqClipRecipe().model_dump()
    assert {key for _, key in told if key} == {key for values in sections.values() for key in values}


def test_what_a_run_writes_reads_back_equal(tmp_path: Path) -> None:
    changed = parse_settings(SeqClipRecipe, {}, ["train.tower=all", "train.text=2", "optimizer.betas=0.8,0.9"], "x")
    assert (changed.train.tower, changed.train.text, changed.optimizer.betas) == ("all", 2, (0.8, 0.9))
    (tmp_path / "recipe.toml").write_text(changed.to_toml())
    assert load_seqclip_recipe(tmp_path / "recipe.toml") == changed
