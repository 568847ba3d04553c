"""Many probes in one pass: the same as one by one, summaries by title, whole files or none."""

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from mediafm.errors import UsageError
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tagging import tag
from mediafm.uses import tagging
from mediafm.uses.tagging import load_probes, tag_catalog
from uses.conftest import SHOT_S, SHOTS, STARTS, TITLES, WORTHY, fitted


def read(path):
    return pyarrow.parquet.read_table(path).to_pandas()


@pytest.mark.parametrize("at_once", [1, 100, 10_000])
def test_several_probes_say_what_each_says_alone(catalog, worthy, starts, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(tagging, "GROUP_SHOTS", at_once)
    result = tag_catalog(catalog, [worthy, starts], tmp_path / "all.parquet")
    both = read(tmp_path / "all.parquet")
    assert result.rows == len(both) == 2 * TITLES * SHOTS and result.titles == TITLES
    for probe, told in zip((worthy, starts), result.probes, strict=True):
        one = tag(catalog, probe, tmp_path / "one.parquet")
        alone = read(tmp_path / "one.parquet")
        mine = both[both.task == probe.task.name].reset_index(drop=True)
        assert mine[["title", "shot", "start_s", "end_s", "label"]].equals(
            alone[["title", "shot", "start_s", "end_s", "label"]]
        )
        np.testing.assert_allclose(mine.score, alone.score, rtol=1e-5)
        assert (mine.given == alone.given).all() and told.given == one.given and told.examples == one.examples
    assert list(both.columns) == ["title", "shot", "start_s", "end_s", "task", "features", "label", "score", "given"]


def test_one_probe_writes_what_it_always_did(catalog, worthy, tmp_path):
    tag(catalog, worthy, tmp_path / "old.csv")
    tag_catalog(catalog, [worthy], tmp_path / "new.csv")
    assert (tmp_path / "old.csv").read_text() == (tmp_path / "new.csv").read_text()


def test_a_summary_of_each_title(catalog, worthy, tmp_path):
    tag_catalog(catalog, [worthy], tmp_path / "all.parquet")
    tag_catalog(catalog, [worthy], tmp_path / "titles.parquet", unit="title")
    rows, summary = read(tmp_path / "all.parquet"), read(tmp_path / "titles.parquet")
    assert summary.title.tolist() == [f"t{i}" for i in range(TITLES)]
    for one in summary.itertuples():
        mine = rows[rows.title == one.title]
        assert one.score == pytest.approx(mine.score.mean(), rel=1e-5) and one.highest == mine.score.max()
        assert one.highest_s == mine.start_s[mine.score.idxmax()] and one.examples == SHOTS
        assert one.share == pytest.approx(mine.given.mean()) and one.given == mine.given.any()
        assert SHOT_S * STARTS[WORTHY] <= one.highest_s < SHOT_S * STARTS[WORTHY + 1]


def test_clips_values_and_shots_in_one_table(catalog, worthy, tmp_path):
    clips = SavedProbe.load(fitted(catalog, tmp_path / "clips", "clip"))
    heat = SavedProbe.load(fitted(catalog, tmp_path / "heat", kind="regression", column="heat",
                                  truth=lambda _, shot: shot / 10))  # fmt: skip
    result = tag_catalog(catalog, [worthy, clips, heat], tmp_path / "all.parquet", ["t5"], every_s=10)
    table = read(tmp_path / "all.parquet")
    assert [p.examples for p in result.probes] == [SHOTS, 6, SHOTS] and result.probes[2].given == {}
    assert table[table.task == "heat"].given.isna().all() and not table[table.task == "clips"].given.isna().any()
    tag_catalog(catalog, [worthy, heat], tmp_path / "titles.csv", unit="title")
    assert len(pyarrow.csv.read_csv(tmp_path / "titles.csv")) == 2 * TITLES
    with pytest.raises(UsageError, match="'clips' speaks of clips"):
        tag_catalog(catalog, [worthy, clips], tmp_path / "x.parquet")
    (tmp_path / "spans.csv").write_text("title,start,end\nt1,0,10\n")
    one = tag_catalog(catalog, [clips], tmp_path / "spans.parquet", spans=tmp_path / "spans.csv")
    assert one.rows == 1
    with pytest.raises(UsageError, match="nothing to tag"):
        tag_catalog(catalog, [clips], tmp_path / "none.parquet", ["t5"], spans=tmp_path / "spans.csv")


def test_probes_by_folder(worthy_folder, starts_folder, tmp_path):
    assert [p.features for p in load_probes([worthy_folder, starts_folder])] == ["video", "past_future_1"]
    assert {p.features for p in load_probes([worthy_folder.parent])} >= {"video"}
    with pytest.raises(UsageError, match="Two probes are called 'worthy'"):
        load_probes([worthy_folder, worthy_folder.parent])
    with pytest.raises(UsageError, match="holds no saved probe"):
        load_probes([tmp_path])
    with pytest.raises(UsageError, match="no probe to apply"):
        load_probes([])


def test_what_goes_wrong_leaves_what_was_there(catalog, worthy, tmp_path, monkeypatch):
    out = tmp_path / "tags.csv"
    out.write_text("old")
    monkeypatch.setattr(tagging, "GROUP_SHOTS", 1)
    calls = []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    real = tagging.tag_table
    monkeypatch.setattr(tagging, "tag_table", failing)
    with pytest.raises(KeyboardInterrupt):
        tag_catalog(catalog, [worthy], out)
    assert out.read_text() == "old" and [p.name for p in tmp_path.iterdir() if p.suffix == ".tmp"] == []
    with pytest.raises(UsageError, match="no title 't99'"):
        tag_catalog(catalog, [worthy], out, ["t99"])
    with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
        tag_catalog(catalog, [worthy], tmp_path / "tags.txt")
    with pytest.raises(UsageError, match="speaks of shots"):
        tag_catalog(catalog, [worthy], out, every_s=5)
