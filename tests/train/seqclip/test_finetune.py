"""Whole runs."""

import json
import shutil
from pathlib import Path

import pytest

from encoders.tiny_models import save_clip, save_clip_vision
from mediafm.encoders.seqclip import SeqClipEncoder
from mediafm.errors import EncoderError, TrainingError, UsageError
from mediafm.train.metrics import read_metrics
from mediafm.train.seqclip import evaluate, finetune, load_seqclip_recipe
from mediafm.train.seqclip.data import split_films
from mediafm.train.seqclip.finetune import NO_BETTER
from mediafm.train.seqclip.trainer import Example
from seqclip_films import CAPTIONS, write_pairs

SETTINGS = [
    *("temporal.hidden=16", "temporal.heads=2", "temporal.layers=1", "data.frames=3", "run.device=cpu"),
    *("data.batch=4", "data.micro=3", "data.validation_share=0.3", "schedule.epochs=3", "run.save_every=2"),
]
TRAINED = {"temporal": [], "towers": ["train.tower=1", "train.text=all", "optimizer.hidden=muon"]}


def recipe(*more: str):
    return load_seqclip_recipe("", [*SETTINGS, *more])


def contents(folder: Path) -> dict[str, bytes]:
    kept = [
        p for p in folder.rglob("*") if p.is_file() and not {"tensorboard", "state"} & set(p.relative_to(folder).parts)
    ]
    return {str(p.relative_to(folder)): p.read_bytes() for p in kept}


class Sitting:
    """A progress receiver that, as `stop`, ends a run after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left, self.notes, self.training = steps, [], False

    def start(self, stage: str, *_: object, **__: object) -> None:
        self.training = stage == "finetune"

    def advance(self, amount: int = 1, **_: object) -> None:
        self.left -= amount if self.training else 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    def end(self, **_: object) -> None:
        pass

    def __call__(self) -> bool:
        return self.training and self.left <= 0


@pytest.mark.parametrize("trained", TRAINED)
def test_resumed_equals_uninterrupted_to_the_byte(trained: str, films: Path, clip_model: Path, tmp_path: Path) -> None:
    changes, outs = TRAINED[trained], (tmp_path / "a" / "run", tmp_path / "b" / "run")
    whole = finetune(films / "pairs.jsonl", str(clip_model), outs[0], recipe(*changes))
    assert whole.finished and whole.steps == 6
    for steps in (0, 1, 2, 99):
        sitting = Sitting(steps)
        result = finetune(
            films / "pairs.jsonl", str(clip_model), outs[1], recipe(*changes), resume=True, progress=sitting,
            stop=sitting,
        )  # fmt: skip
        assert result.finished == (steps == 99)
    mine, theirs = contents(outs[0]), contents(outs[1])
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if mine[name] != theirs[name]] == []
    state = "state/state-6.safetensors"
    assert (outs[0] / state).read_bytes() == (outs[1] / state).read_bytes()
    assert (whole.base, whole.best, whole.best_step) == (result.base, result.best, result.best_step)


@pytest.fixture(scope="module")
def run(films: Path, clip_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    finetune(films / "pairs.jsonl", str(clip_model), out, recipe("train.text=all"), licence="MIT")
    return out


def test_a_run_leaves_a_checkpoint_and_its_story(run: Path, clip_model: Path) -> None:
    encoder = SeqClipEncoder(str(run), device="cpu")
    assert (encoder.frames, encoder.licence) == (3, "MIT")
    rows = read_metrics(run)
    assert [r["step"] for r in rows if "loss" in r] == [1, 2, 3, 4, 5, 6]
    assert [r["step"] for r in rows if "text_to_video_r1" in r] == [0, 2, 4, 6]
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")
    card = (run / "README.md").read_text()
    assert "license: mit" in card and "![Loss" in card
    origin = json.loads((run / "origin.json").read_text())
    score = {row["step"]: [row[f"text_to_video_{k}"] for k in ("r1", "r5", "r10")] for row in rows if "loss" not in row}
    assert [origin["best"]["text_to_video"][k] for k in ("r1", "r5", "r10")] == score[origin["steps"]]
    for name in ("tokenizer.json", "preprocessor_config.json"):
        assert (run / name).read_bytes() == (clip_model / name).read_bytes()


def test_learns_what_is_there_to_learn(films: Path, clip_model: Path, tmp_path: Path) -> None:
    """Measured on the pairs it learns, a film for each caption."""
    lines = [{"video": str(films / f"{i}.mp4"), "caption": caption} for i, caption in enumerate(CAPTIONS)]
    pairs = write_pairs(tmp_path / "pairs.jsonl", lines)
    settings = ["schedule.epochs=40", "schedule.evaluate_every=10", "data.batch=6", "data.micro=6", "train.text=all"]
    rates = ["optimizer.rate=0.01", "optimizer.tower_rate=0.003", "temporal.dropout=0"]
    result = finetune(pairs, str(clip_model), tmp_path / "run", recipe(*settings, *rates), validation=pairs)
    assert result.best.text_to_video.r1 == 1 and result.base.text_to_video.r1 < 1
    assert any("flatter" in sentence for sentence in result.advice)


def test_evaluation_alone_measures_both(run: Path, films: Path, clip_model: Path, tmp_path: Path) -> None:
    found = evaluate(films / "pairs.jsonl", str(run), device="cpu")
    plain = evaluate(films / "pairs.jsonl", str(clip_model), frames=3, device="cpu")
    assert found.model is not None and found.base == plain.base and plain.model is None
    assert found.pairs == 12 and found.base.text_to_video.items == 10 and found.base.text_to_video.queries == 6
    alone = shutil.copytree(run, tmp_path / "far" / "from" / "its" / "base")
    without = evaluate(films / "pairs.jsonl", str(alone), device="cpu")
    assert without.model == found.model and without.base is None and "base" in without.advice[0]


def test_goes_on_from_a_run(run: Path, films: Path, tmp_path: Path) -> None:
    """A run's towers are a base like any other; its temporal part is not."""
    second = tmp_path / "second"
    result = finetune(films / "pairs.jsonl", str(run), second, recipe())
    config = json.loads((second / "config.json").read_text())
    assert not config["own_towers"] and config["base"]["licence"] == "MIT" and result.finished
    assert SeqClipEncoder(str(second), device="cpu").dim == 24


def test_a_run_that_learned_nothing_says_so(films: Path, clip_model: Path, tmp_path: Path) -> None:
    rates = ["optimizer.rate=1e-12", "contrast.learned=false", "schedule.epochs=1"]
    result = finetune(films / "pairs.jsonl", str(clip_model), tmp_path / "run", recipe(*rates))
    assert result.best_step == 0 and result.best == result.base and NO_BETTER in result.advice


def test_films_are_held_out_whole() -> None:
    examples = [Example(f"clip{i}", f"film{i % 20}", "x") for i in range(100)]
    training, held_out = split_films(examples, 0.1, 0)
    assert {e.film for e in training} & {e.film for e in held_out} == set() and len({e.film for e in held_out}) == 2
    assert split_films(examples, 0.1, 0) == (training, held_out) != split_films(examples, 0.1, 1)


def test_films_that_do_not_decode_are_left_out_and_said(films: Path, clip_model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"bad")
    lines = [{"video": str(films / f"{i}.mp4"), "caption": CAPTIONS[i % 6]} for i in range(6)]
    pairs = write_pairs(tmp_path / "pairs.jsonl", [*lines, {"video": "bad.mp4", "caption": "fire"}])
    sitting = Sitting(99)
    settings = recipe("schedule.epochs=1")
    result = finetune(pairs, str(clip_model), tmp_path / "run", settings, progress=sitting)
    assert [left["video"] for left in result.left_out] == [str(tmp_path / "bad.mp4")]
    assert result.pairs + result.validation_pairs == 6 and any("bad.mp4" in note for note in sitting.notes)


def test_refusals(run: Path, films: Path, clip_model: Path, tmp_path: Path) -> None:
    pairs = films / "pairs.jsonl"
    with pytest.raises(UsageError, match="holds a run already"):
        finetune(pairs, str(clip_model), run, recipe())
    with pytest.raises(UsageError, match=r"train\.text = 'all' then, 0 now"):
        finetune(pairs, str(clip_model), run, recipe(), resume=True)
    with pytest.raises(UsageError, match="The base changed"):
        finetune(pairs, str(save_clip(tmp_path / "c", seed=9)), run, recipe("train.text=all"), resume=True)
    fewer = write_pairs(films / "fewer.jsonl", [json.loads(line) for line in pairs.read_text().splitlines()[:8]])
    with pytest.raises(UsageError, match="The pairs changed"):
        finetune(fewer, str(clip_model), run, recipe("train.text=all"), resume=True)
    with pytest.raises(UsageError, match="other things"):
        finetune(pairs, str(clip_model), films, recipe())
    with pytest.raises(UsageError, match="no text tower"):
        finetune(pairs, str(save_clip_vision(tmp_path / "v")), tmp_path / "new", recipe())
    one = write_pairs(tmp_path / "one.jsonl", [{"video": str(films / "0.mp4"), "caption": "x"}])
    with pytest.raises(TrainingError, match="too few"):
        finetune(one, str(clip_model), tmp_path / "new", recipe())
    with pytest.raises(EncoderError, match="no model folder"):
        finetune(pairs, "none", tmp_path / "new", recipe())
    assert not (tmp_path / "new").exists()
