"""`mediafm finetune-seqclip`, from files to a checkpoint and its measures."""

from pathlib import Path
from typing import Any

import pytest

from encoders.tiny_models import save_clip
from seqclip_films import CAPTIONS, write_clip, write_pairs

QUICK = ["temporal.hidden=16", "temporal.heads=2", "temporal.layers=1", "data.frames=2", "schedule.epochs=1"]
SETTINGS = [word for setting in [*QUICK, "data.batch=3", "run.device=cpu"] for word in ("--set", setting)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    names = [write_clip(folder / f"{i}.mp4", i, seconds=0.5).name for i in range(5)]
    write_pairs(folder / "pairs.jsonl", [{"video": n, "caption": c} for n, c in zip(names, CAPTIONS, strict=False)])
    write_pairs(folder / "bad.jsonl", [{"video": names[0], "caption": "fire"}, {"video": "none.mp4", "caption": "x"}])
    save_clip(folder / "clip")
    return folder


def test_from_pairs_to_measures(run: Any, folder: Path, tmp_path: Path) -> None:
    what = ["--pairs", folder / "pairs.jsonl", "--model", folder / "clip"]
    trained = run("finetune-seqclip", *what, "--out", tmp_path / "run", "--validation", "0.4", *SETTINGS, "--json")
    assert trained.status == 0 and trained.json["finished"] and trained.json["validation_pairs"] == 2
    assert set(trained.json["best"]["video_to_text"]) == {"r1", "r5", "r10", "median_rank", "queries", "items"}
    again = run("finetune-seqclip", *what, "--out", tmp_path / "run", "--resume", "--json")
    assert again.json == trained.json
    shown = run("finetune-seqclip", "--pairs", what[1], "--model", tmp_path / "run", "--evaluate-only")
    assert shown.status == 0 and "R@10" in shown.out and "mean of frames" in shown.out


def test_films_left_out_are_listed_and_told_by_the_status(run: Any, folder: Path) -> None:
    result = run("finetune-seqclip", "--pairs", folder / "bad.jsonl", "--model", folder / "clip", "--evaluate-only")
    assert result.status == 1 and "none.mp4" in result.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--out"),
        (["--out", "x", "--evaluate-only"], "--evaluate-only"),
        (["--out", "x", "--validation", "1.5"], "validation_share"),
        (["--out", "x", "--validation", "none.jsonl"], "none.jsonl"),
        (["--out", "x", "--set", "train.towers=1"], "train.towers is unknown"),
        (["--out", "x", "--set", "train.tower=-1"], "train.tower"),
        (["--out", "x", "--recipe", "none.toml"], "none.toml"),
    ],
)
def test_wrong_use_is_named(
    run: Any, folder: Path, words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("finetune-seqclip", "--pairs", folder / "pairs.jsonl", "--model", folder / "clip", *words)
    assert result.status in (1, 2) and says in result.err
    assert not list(tmp_path.iterdir())
