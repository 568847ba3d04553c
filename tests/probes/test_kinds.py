"""Every kind of task, end to end, on a catalogue whose clips and titles hold planted answers."""

import json

import numpy as np
import pytest

from mediafm.errors import ImportDataError, TrainingError, UsageError
from mediafm.probes import load_task, run_probe
from mediafm.probes.bench import Bench, Probed
from probes.fake_catalog import FakeCatalog, FakeTitle, unit

DIMS = {"video": 8, "text": 3}
TITLES, SHOTS, CLIPS = 20, 24, 6  # clips of four shots of two seconds


@pytest.fixture(scope="module")
def world():
    """Set "knows" tells a clip's strength and class and its title's mood; "blind" tells nothing."""
    rng = np.random.default_rng(0)
    titles, knows, blind, facts, told = {}, {}, {}, [], {}
    for number in range(TITLES):
        name, ends = f"t{number:02d}", np.arange(1.0, SHOTS + 1) * 2
        titles[name] = FakeTitle(ends - 2, ends, {m: unit(rng.normal(size=(SHOTS, d))) for m, d in DIMS.items()})
        mood, strength, kind = number % 3, rng.normal(size=CLIPS), rng.integers(0, 3, CLIPS)
        shots = rng.normal(size=(SHOTS, 8))
        shots[:, 0] += 3 * np.repeat(strength, 4)
        shots[:, 1:4] += 3 * np.eye(3)[np.repeat(kind, 4)]
        shots[:, 4:7] += 3 * np.eye(3)[mood]
        knows[name] = (shots.astype(np.float32), shots.mean(axis=0).astype(np.float32))
        nothing = rng.normal(size=(SHOTS, 8)).astype(np.float32)
        blind[name] = (nothing, nothing.mean(axis=0))
        told[name] = np.eye(3, dtype=np.float32)[mood]
        facts += [(name, 8 * c, 8 * c + 8, strength[c], "abc"[kind[c]], mood) for c in range(CLIPS)]
    catalog = FakeCatalog(titles, {"knows": ("title", knows), "blind": ("none", blind)}, told)
    return catalog, facts


def make(tmp_path, head, table, split="[split]\nfolds = 4"):
    (tmp_path / "labels.csv").write_text(table)
    (tmp_path / "task.toml").write_text(f'name = "it"\nlabels = "labels.csv"\n{head}\n{split}\n')
    return load_task(tmp_path / "task.toml")


def clips(facts, column, name="value"):
    rows = "\n".join(f"{f[0]},{f[1]},{f[2]},{f[column]}" for f in facts)
    return f"title,start,end,{name}\n{rows}\n"


def probe(world, task, tmp_path, **more):
    result = run_probe(world[0], task, ["knows", "blind"], out=tmp_path / "out", **more)
    return result, {row.features: row for row in result.rows}


def test_ranking_within_titles(tmp_path, world):
    task = make(tmp_path, 'kind = "ranking"\nunit = "clip"\nalso = ["spearman"]', clips(world[1], 3))
    result, rows = probe(world, task, tmp_path)
    assert result.metric == "kendall_tau" and rows["chance"].score == 0
    assert rows["knows"].score > 0.6 and abs(rows["blind"].score) < 0.2
    assert rows["knows"].metrics["spearman"].score > rows["knows"].score
    assert rows["knows"].versus_concat.real and not rows["blind"].versus_concat.real


def test_ranking_within_groups_of_ones_own(tmp_path, world):
    lines = clips(world[1], 3).splitlines()
    head = 'kind = "ranking"\nunit = "clip"\ngroup_column = "reel"'
    halves = [lines[0] + ",reel"] + [f"{line},{i // 3}" for i, line in enumerate(lines[1:])]
    _, rows = probe(world, make(tmp_path, head, "\n".join(halves)), tmp_path)
    assert rows["knows"].score > 0.4
    across = [lines[0] + ",reel"] + [f"{line},{i % 40}" for i, line in enumerate(lines[1:])]
    with pytest.raises(
        ImportDataError, match="40 groups of task 'it' lie in several titles, the first in t00, t06, t13"
    ):
        run_probe(world[0], make(tmp_path, head, "\n".join(across)), ["knows"])


def test_regression(tmp_path, world):
    task = make(tmp_path, 'kind = "regression"\nunit = "clip"\nalso = ["spearman"]', clips(world[1], 3))
    _, rows = probe(world, task, tmp_path)
    assert rows["knows"].score > 0.7 and rows["knows"].metrics["spearman"].score > 0.8
    assert rows["blind"].score < 0.1 and rows["chance"].score <= 0


def test_classes(tmp_path, world):
    task = make(tmp_path, 'kind = "multiclass"\nunit = "clip"\nalso = ["accuracy", "f1"]', clips(world[1], 4))
    result, rows = probe(world, task, tmp_path)
    assert result.metric == "balanced_accuracy" and rows["knows"].score > 0.8
    assert rows["blind"].score == pytest.approx(1 / 3, abs=0.12) and set(rows["knows"].labels) == set("abc")
    assert rows["blind"].chance == pytest.approx(1 / 3, abs=0.05)


def test_titles_and_what_metadata_gives_away(tmp_path, world):
    moods = {f[0]: f[5] for f in world[1]}
    table = "title,mood\n" + "\n".join(f"{t},m{m}" for t, m in moods.items())
    task = make(tmp_path, 'kind = "multiclass"\nunit = "title"', table)
    result = run_probe(world[0], task, ["knows", "blind", "metadata"])
    scores = {row.features: row.score for row in result.rows}
    assert scores["metadata"] > 0.9 and scores["knows"] > 0.9 > scores["blind"]
    assert any("the label is in it" in sentence for sentence in result.verdict)


def test_clip_retrieval_draws_negatives_and_says_what_the_protocol_wants(tmp_path, world):
    worth = [f for f in world[1] if f[3] > 0.8]
    table = "title,start,end\n" + "\n".join(f"{f[0]},{f[1]},{f[2]}" for f in worth)
    head = (
        'kind = "binary"\nunit = "clip"\ncolumns = "spans"\nnegatives_per_positive = 2\npositives_per_title = [6, 10]'
    )
    result, rows = probe(world, make(tmp_path, head, table), tmp_path)
    assert result.test_examples <= 3 * len(worth) and rows["knows"].score > rows["blind"].score + 0.1
    assert any("do not have 6 to 10 positives" in note for note in result.notes)


def test_an_attentive_probe_stands_beside_and_says_that_it_is_not_linear(tmp_path, world):
    task = make(tmp_path, 'kind = "multiclass"\nunit = "clip"', clips(world[1], 4))
    _, rows = probe(world, task, tmp_path, attentive=["knows"])
    assert rows["knows (attentive)"].score > 0.7 and not rows["knows (attentive)"].linear and rows["knows"].linear
    again = run_probe(world[0], task, ["knows", "blind"], attentive=["knows"])
    assert again.row("knows (attentive)").score == rows["knows (attentive)"].score
    shots = make(tmp_path, 'kind = "regression"\nunit = "shot"', clips(world[1], 3))
    with pytest.raises(UsageError, match="weighs the shots of a clip or title"):
        run_probe(world[0], shots, ["knows"], attentive=["knows"])


def test_shots_take_the_number_of_the_span_that_holds_them(tmp_path, world):
    facts = [f for f in world[1] if f[1] != 0]  # the first clip of every title is not labelled
    _, rows = probe(world, make(tmp_path, 'kind = "regression"\nunit = "shot"', clips(facts, 3)), tmp_path)
    assert rows["knows"].examples == TITLES * (SHOTS - 4) and rows["knows"].score > 0.5


def test_labels_as_lists_and_json_lines(tmp_path, world):
    lines = [
        json.dumps({"title": f[0], "start": f[1], "end": f[2], "tags": [f[4]] + (["strong"] if f[3] > 0 else [])})
        for f in world[1]
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    (tmp_path / "task.toml").write_text(
        'name = "tags"\nkind = "multilabel"\nunit = "clip"\nlabels = "labels.jsonl"\nalso = ["f1", "roc_auc"]\n'
        "[split]\nfolds = 4\n"
    )
    result = run_probe(world[0], load_task(tmp_path / "task.toml"), ["knows"])
    assert set(result.rows[0].labels) == {"a", "b", "c", "strong"} and result.row("knows").score > 0.85
    assert {"micro_f1", "macro_roc_auc"} < set(result.row("knows").metrics)


def test_a_rare_label_is_left_out_with_a_note_and_a_lonely_one_refused(tmp_path, world):
    rows = [f"{f[0]},{f[1]},{f[2]},{int(f[3] > 0)},{int(i == 3)}" for i, f in enumerate(world[1])]
    head = 'kind = "multilabel"\nunit = "clip"'
    result, _ = probe(world, make(tmp_path, head, "title,start,end,good,rare\n" + "\n".join(rows)), tmp_path)
    assert list(result.rows[0].labels) == ["good"]
    assert any("1 of 2 labels are left out: rare has no positive in two training titles" in n for n in result.notes)
    lonely = make(tmp_path, 'kind = "binary"\nunit = "clip"', clips([(*f[:3], 0) for f in world[1]], 3))
    with pytest.raises(ImportDataError, match="'value' of task 'it' has no positive in two training titles"):
        run_probe(world[0], lonely, ["knows"])


def test_titles_kept_together_stay_on_one_side(tmp_path, world):
    rows = [f"{f[0]},{f[1]},{f[2]},{int(f[3] > 0)},s{int(f[0][1:]) // 4}" for f in world[1]]
    head = 'kind = "binary"\nunit = "clip"\ncolumns = ["good"]\ntogether_column = "series"'
    task = make(tmp_path, head, "title,start,end,good,series\n" + "\n".join(rows), "[split]\nfolds = 5")
    result, rows = probe(world, task, tmp_path)
    assert result.folds == 5 and rows["knows"].score > 0.8
    torn = make(tmp_path, head, (tmp_path / "labels.csv").read_text(), '[split]\ntest = ["t00"]')
    with pytest.raises(UsageError, match="on both sides of its split"):
        run_probe(world[0], torn, ["knows"])


def test_similar_titles_by_likeness_alone(tmp_path, world):
    moods = {f[0]: f[5] for f in world[1]}
    pairs = [f"{a},{b}" for a in moods for b in moods if a != b and moods[a] == moods[b]]
    (tmp_path / "pairs.csv").write_text("title,other\n" + "\n".join(pairs))
    (tmp_path / "task.toml").write_text('name = "like"\nkind = "similarity"\nunit = "title"\nlabels = "pairs.csv"\n')
    result = run_probe(world[0], load_task(tmp_path / "task.toml"), ["knows", "blind"], out=tmp_path / "out")
    rows = {row.features: row for row in result.rows}
    assert rows["knows"].score > 0.9 and rows["blind"].score == pytest.approx(rows["chance"].score, abs=0.12)
    assert result.leaders == ["knows"] and (tmp_path / "out" / "result.html").is_file()
    (tmp_path / "pairs.csv").write_text("title,other\nt00,t01\n")
    with pytest.raises(ImportDataError, match="similar titles of 1 titles; 3 are needed"):
        run_probe(world[0], load_task(tmp_path / "task.toml"), ["knows"])


def test_few_titles_are_warned_of(tmp_path, world):
    few = [f for f in world[1] if f[0] in ("t00", "t01", "t02")]
    task = make(tmp_path, 'kind = "ranking"\nunit = "clip"\ninner_folds = 2', clips(few, 3), "[split]\nfolds = 3")
    result, _ = probe(world, task, tmp_path)
    assert any("Only 3 held-out titles" in note for note in result.notes)


def test_a_control_that_cannot_be_fitted_is_left_out_unless_asked_for(tmp_path, world, monkeypatch: pytest.MonkeyPatch):
    task = make(tmp_path, 'kind = "regression"\nunit = "clip"', clips(world[1], 3))
    fit = Bench.probe

    def stuck(self: Bench, name: str, attentive: bool = False) -> Probed:
        if name == "video":
            raise TrainingError("The solver did not converge.", "Use stronger penalties.")
        return fit(self, name, attentive)

    monkeypatch.setattr(Bench, "probe", stuck)
    result = run_probe(world[0], task)
    assert "video is left out: The solver did not converge." in result.notes
    assert "video" not in {row.features for row in result.rows} and len(result.rows) > 4
    with pytest.raises(TrainingError):
        run_probe(world[0], task, ["video"])
