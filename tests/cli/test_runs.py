"""A pretraining run as its user sees it: choice of recipe, live lines, `info RUN`, the model card."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

SHORT = ["--set", "schedule.epochs=2", "--set", "model.hidden=32", "--set", "data.window=32"]


@pytest.fixture
def catalog(run: Any, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of 192 shots at `my.catalog` in the working folder."""
    monkeypatch.chdir(tmp_path)
    columns = ["--video", "gaze", "--audio", "rhythm"]
    assert run("import", tables / "shots.parquet", "--catalog", "my.catalog", *columns).status == 0
    return tmp_path / "my.catalog"


def lines(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def test_a_run_from_choosing_its_recipe_to_its_card(run: Any, catalog: Path) -> None:
    trained = run("pretrain", "-c", "my.catalog", "--out", "mine", *SHORT, "--json")
    assert trained.status == 0, trained.err
    notes = [line["note"] for line in lines(trained.err) if "note" in line]
    assert notes[0].startswith("recipe tiny: it suits catalogues below 20,000 shots, and this one has 192")
    last = next(line for line in lines(trained.err) if line.get("ended") and line["stage"] == "pretrain")
    assert {"loss", "msm", "title_mean", "previous", "neighbours", "left_s", "rate"} <= set(last)
    assert last["done"] == last["total"] == trained.json["steps"]

    info = run("info", "mine", "--json").json
    assert (info["status"], info["recipe"]["nearest"]) == ("finished", "tiny")
    assert info["measures"]["msm"] == trained.json["msm"]
    shown = run("info", "mine")
    assert shown.status == 0 and "finished, " in shown.out and "previous shot" in shown.out

    again = run("pretrain", "-c", "my.catalog", "--out", "mine", "--resume", "--json")
    assert again.status == 0, again.err  # the run's own recipe, settings and all
    assert again.json["msm"] == trained.json["msm"]
    run_the_card_s_own_example(Path("mine/README.md").read_text())


def run_the_card_s_own_example(card: str) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    from mediafm import Catalog

    film = Catalog.open("my.catalog").title_ids()[0]
    scope: dict[str, Any] = {}
    exec(example.replace('"film"', repr(film)), scope)
    assert scope["vector"].ndim == 1 and scope["vector"].any()


def test_info_looks_into_one_thing(run: Any, tmp_path: Path, catalog: Path) -> None:
    for arguments in ([], ["mine", "--catalog", "my.catalog"]):
        result = run("info", *arguments)
        assert (result.status, result.out) == (2, "")
        assert "info RUN" in result.err
    wrong = run("info", "my.catalog")
    assert wrong.status == 2 and "info --catalog my.catalog" in wrong.err
    (tmp_path / "empty").mkdir()
    for name, words in (("empty", "holds no pretraining run"), ("nowhere", "no checkpoint at nowhere")):
        failed = run("info", name, "--json")
        assert (failed.status, failed.out) == (1, "") and words in failed.err


def test_a_model_of_other_features_is_refused_with_a_remedy(run: Any, tables: Path, catalog: Path) -> None:
    assert run("pretrain", "-c", "my.catalog", "--out", "mine", *SHORT).status == 0
    other = ["--video", "rhythm"]
    assert run("import", tables / "shots.parquet", "--catalog", "other", *other).status == 0
    refused = run("embed", "-c", "other", "--model", "mine")
    assert refused.status == 1
    assert "trained on" in refused.err and "pretrain on this one" in refused.err


def test_a_run_on_too_little_says_so_before_and_after(run: Any, catalog: Path) -> None:
    trained = run("pretrain", "-c", "my.catalog", "--out", "mine", *SHORT, "--set", "optimizer.rate=1e-9", "--json")
    notes = [line["note"] for line in lines(trained.err) if "note" in line]
    assert trained.json["advice"] == notes[1:]  # the first names the recipe
    assert "very few to learn from" in notes[1]
    assert "has not learned what it is for" in notes[-1]
    info = run("info", "mine", "--json").json
    assert info["advice"] == notes[-1:]
    assert info["standing"]["planned_steps"] == info["standing"]["steps"] == trained.json["steps"]
    assert "(loss.png)" in Path("mine/README.md").read_text()
    told = next(line for line in lines(trained.err) if line.get("ended") and line["stage"] == "pretrain")
    assert told["epoch"] == "2/2"
