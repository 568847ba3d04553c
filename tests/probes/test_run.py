import json

import numpy as np
import pyarrow.parquet
import pytest

from mediafm.errors import UsageError
from mediafm.probes import ProbeResult, load_task, run_probe
from probes.fake_catalog import FakeCatalog, FakeTitle, unit

TITLES, SHOTS = 24, 30


@pytest.fixture(scope="module")
def world():
    """Scenes of six shots. "loud" can be heard in the shot itself; "late", the second half of a scene, cannot."""
    rng = np.random.default_rng(0)
    titles, context, alone, rows = {}, {}, {}, []
    for number in range(TITLES):
        name = f"t{number:02d}"
        ends = np.arange(1.0, SHOTS + 1) * 2
        loud = rng.random(SHOTS) < 0.3
        late = np.arange(SHOTS) % 6 >= 3
        video, audio = rng.normal(size=(SHOTS, 8)), rng.normal(size=(SHOTS, 5))
        audio[:, 0] += 3 * loud
        titles[name] = FakeTitle(ends - 2, ends, {"video": unit(video), "audio": unit(audio)})
        told = rng.normal(size=(SHOTS, 6))
        alone[name] = (told.astype(np.float32), told.mean(axis=0))
        told = told + np.outer(late, [2.5, 0, 0, 0, 0, 0]) + np.outer(loud, [0, 2.5, 0, 0, 0, 0])
        context[name] = (told.astype(np.float32), told.mean(axis=0))
        rows += [f"{name},{ends[i] - 2},{ends[i]},{int(loud[i])},{int(late[i])}" for i in range(SHOTS)]
    sets = {"run": ("title", context), "run-none": ("none", alone)}
    return FakeCatalog(titles, sets), "title,start,end,loud,late\n" + "\n".join(rows) + "\n"


def make_task(tmp_path, world, split='test = ["t1*"]', head='kind = "multilabel"\nunit = "shot"', table=None):
    (tmp_path / "labels.csv").write_text(table or world[1])
    (tmp_path / "task.toml").write_text(f'name = "mood"\n{head}\nlabels = "labels.csv"\n[split]\n{split}\n')
    return load_task(tmp_path / "task.toml")


def by_name(result):
    return {row.features: row for row in result.rows}


def test_finds_what_was_planted_and_nothing_else(tmp_path, world):
    task = make_task(tmp_path, world)
    result = run_probe(world[0], task, out=tmp_path / "out")
    rows = by_name(result)
    around = ["neighbours", "moving_average_2", "moving_average_8", "moving_average_32", "past_future_8"]
    assert list(rows) == ["chance", "concat", "video", "audio", *around, "run", "run-none"]
    truth = {"loud": rows["chance"].labels["loud"].score, "late": 0.5}
    assert rows["chance"].score == rows["chance"].chance == pytest.approx((truth["loud"] + truth["late"]) / 2, abs=0.01)
    assert rows["run"].labels["late"].score > 0.9 and rows["run"].labels["loud"].score > 0.8
    assert rows["concat"].labels["loud"].score > 0.8
    for features in ("concat", "run-none"):  # neither can know the place in the scene
        assert rows[features].labels["late"].score == pytest.approx(0.5, abs=0.1)
    assert result.leaders == ["run"]
    assert rows["run"].versus_concat.real and rows["run"].versus_concat.low > 0.1
    assert rows["concat"].versus_concat is None
    for row in result.rows:
        assert row.low <= row.score <= row.high
        assert row.metrics["macro_average_precision"].score == row.score
    assert any("Context helps. run against concat" in sentence for sentence in result.verdict)
    assert any("give it by --model RUN" in note for note in result.notes)


def test_writes_what_it_found(tmp_path, world):
    task = make_task(tmp_path, world)
    result = run_probe(world[0], task, ["run", "audio"], out=tmp_path / "out")
    assert [row.features for row in result.rows] == ["chance", "concat", "run", "audio"]
    stored = json.loads((tmp_path / "out" / "result.json").read_text())
    assert {"task", "metric", "rows"} <= set(stored)
    assert {"features", "score", "low", "high", "chance"} <= set(stored["rows"][0])
    assert ProbeResult.load(tmp_path / "out" / "result.json") == result
    assert "run" in (tmp_path / "out" / "result.md").read_text()
    assert "run" in (tmp_path / "out" / "result.html").read_text()
    predictions = pyarrow.parquet.read_table(tmp_path / "out" / "predictions.parquet").to_pandas()
    assert len(predictions) == 4 * 10 * SHOTS * 2
    assert set(predictions.title) == {f"t1{i}" for i in range(10)}  # only titles that did not teach
    from sklearn.metrics import average_precision_score

    for name, row in by_name(result).items():
        for label, score in row.labels.items():
            if name == "chance":
                assert score.score == score.chance
                continue
            mine = predictions[(predictions.features == name) & (predictions.label == label)]
            assert average_precision_score(mine.truth, mine.score) == pytest.approx(score.score)


def test_the_same_seed_gives_the_same_result(tmp_path, world):
    task = make_task(tmp_path, world, split="folds = 3")
    first, second = (
        run_probe(world[0], task, ["run"], seed=7).model_dump(
            exclude={"seconds": True, "rows": {"__all__": {"seconds"}}}
        )
        for _ in range(2)
    )
    assert first == second and first["folds"] == 3 and first["test_titles"] == TITLES


def test_permuted_labels_sit_at_chance(tmp_path, world):
    lines = world[1].splitlines()
    rng = np.random.default_rng(1)
    flags = rng.permutation([line.rsplit(",", 2)[1:] for line in lines[1:]])
    table = (
        lines[0]
        + "\n"
        + "\n".join(",".join([*line.split(",")[:3], *flag]) for line, flag in zip(lines[1:], flags, strict=True))
    )
    result = run_probe(world[0], make_task(tmp_path, world, split="folds = 4", table=table), ["run", "neighbours"])
    for row in result.rows:
        assert row.score == pytest.approx(row.chance, abs=0.05)
    assert len(result.leaders) > 1
    assert not any(row.versus_concat.real for row in result.rows if row.versus_concat)


def test_clips_and_titles(tmp_path, world):
    lines = ["title,start,end,late"]
    for number in range(TITLES):
        lines += [f"t{number:02d},{a},{a + 5},{int(a % 12 >= 6)}" for a in range(0, 48, 6)]
    head = 'kind = "binary"\nunit = "clip"'
    task = make_task(tmp_path, world, head=head, table="\n".join(lines))
    rows = by_name(run_probe(world[0], task, ["run", "run-none"]))
    assert rows["run"].score > 0.9 > 0.75 > rows["run-none"].score
    assert list(rows["run"].metrics) == ["average_precision"]

    whole = world[0].title_embedding
    table = "title,high\n" + "\n".join(f"{t},{int(whole('run', t)[2] > 0)}" for t in world[0].title_ids())
    task = make_task(tmp_path, world, head='kind = "binary"\nunit = "title"', table=table)
    rows = by_name(run_probe(world[0], task))
    assert rows["run"].score > 0.9 and list(rows) == ["chance", "concat", "video", "audio", "run", "run-none"]


def test_micro_averaging_is_a_choice(tmp_path, world):
    head = 'kind = "multilabel"\nunit = "shot"\naveraging = "micro"'
    result = run_probe(world[0], make_task(tmp_path, world, head=head), ["run"])
    for row in result.rows:
        assert row.score == row.metrics["micro_average_precision"].score
        assert row.score != row.metrics["macro_average_precision"].score


def test_one_held_out_title_gives_no_interval(tmp_path, world):
    result = run_probe(world[0], make_task(tmp_path, world, split='test = ["t05"]'), ["run"])
    assert all(row.low is None and row.high is None for row in result.rows)
    assert any("cannot tell" in sentence for sentence in result.verdict)


def test_unknown_feature_sets_are_refused_before_any_work(tmp_path, world):
    with pytest.raises(UsageError, match="Did you mean 'run'"):
        run_probe(world[0], make_task(tmp_path, world), ["rum"])
