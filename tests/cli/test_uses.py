"""`chapters`, `promos`, `breaks` and `tag` from the command line: JSON keys, tables, files, wrong use."""

import json

import pytest

CHAPTER = {"start_s", "end_s", "first_shot", "end_shot", "name", "words"}


@pytest.fixture(scope="module")
def made(tables, tmp_path_factory):
    """A catalog of the synthetic tables and a probe of where scenes begin, by the command line."""
    import sys

    from mediafm.cli import main

    folder = tmp_path_factory.mktemp("uses")
    catalog, out = folder / "catalog", folder / "probe"
    with pytest.MonkeyPatch.context() as patch:
        for arguments in (
            ("import", tables / "shots.parquet", "--catalog", catalog, "--video", "gaze", "--audio", "rhythm"),
            ("probe", "--catalog", catalog, "--task", tables / "task.toml", "--out", out, "--features", "neighbours"),
        ):
            patch.setattr(sys, "argv", ["mediafm", *map(str, arguments)])
            try:
                main()
            except SystemExit as end:
                assert not end.code
    return catalog, out / "probes" / "neighbours"


def test_chapters(run, made, tmp_path):
    catalog, probe = made
    found = run("chapters", "--catalog", catalog, "--count", 4, "--json").json["titles"]
    assert len(found) == 8 and all(len(one["chapters"]) == 4 for one in found)
    keys = {"title", "duration_s", "features", "method", "chapters", "own", "agreement"}
    assert set(found[0]) == keys and set(found[0]["chapters"][0]) == CHAPTER
    for name in ("a.json", "a.csv"):
        assert run("chapters", "-c", catalog, "--out", tmp_path / name).status == 0
    assert len(json.loads((tmp_path / "a.json").read_text())["titles"]) == 8
    assert (tmp_path / "a.csv").read_text().startswith("title,number,start_s,end_s,name")
    shown = run("chapters", "title-000001", "-c", catalog, "--length", 0.5, "--out", tmp_path / "a.vtt")
    assert shown.status == 0 and "title-000001 by concat" in shown.out
    assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT")
    by_probe = run("chapters", "title-000001", "-c", catalog, "--probe", probe, "--json").json["titles"][0]
    assert by_probe["method"] == "probe" and by_probe["features"] == "neighbours"


def test_promos(run, made):
    catalog, probe = made
    call = ("promos", "title-000001", "--catalog", catalog, "--probe", probe, "--length", "5-15", "-k", 3)
    found = run(*call, "--no-after", "70%", "--json").json
    assert set(found) == {"title", "label", "features", "until_s", "candidates", "promos"}
    assert set(found["promos"][0]) == {
        "start_s", "end_s", "score", "given", "likest", "first_shot", "end_shot", "text",
    }  # fmt: skip
    assert all(p["end_s"] <= found["until_s"] + 1e-3 for p in found["promos"])
    shown = run(*call, "--within-scenes", "--diversity", 0.5)
    assert shown.status == 0 and "begins by neighbours" in shown.out


def test_breaks(run, made):
    catalog, probe = made
    call = ("breaks", "title-000001", "--catalog", catalog, "--count", 2)
    found = run(*call, "--json").json
    assert set(found) == {
        "title", "duration_s", "features", "brief", "scenes", "candidates", "in_speech", "breaks",
    }  # fmt: skip
    assert set(found["breaks"][0]) == {
        "time_s", "shot", "score", "clean", "change", "relevance", "margin_s", "similarity", "reasons", "before",
        "after",
    }  # fmt: skip
    assert len(found["breaks"]) == 2
    shown = run(*call, "--probe", probe, "--min-gap", 40, "--edge", 5, "--count", 9)
    assert shown.status == 0 and "of 9 breaks fit" in shown.out


def test_tags(run, made, tmp_path):
    catalog, probe = made
    one = run("tag", "--catalog", catalog, "--probe", probe, "--out", tmp_path / "a.csv", "--json").json
    assert set(one) == {"out", "task", "features", "titles", "examples", "given"} and one["titles"] == 8
    folder = probe.parent
    several = run(
        "tag", "-c", catalog, "--probe", folder, "--unit", "title", "--out", tmp_path / "b.csv", "--json"
    ).json
    assert set(several) == {"out", "titles", "rows", "probes"} and several["rows"] == 8 * len(several["probes"]) >= 16
    assert set(several["probes"][0]) == {"task", "features", "examples", "given"}
    assert "task" in run("tag", "-c", catalog, "--probe", folder, "--out", tmp_path / "c.parquet").out


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("chapters title-1", "no title 'title-1'"),
        ("chapters --count 2 --length 3", "two ways to say one thing"),
        ("chapters --out a.vtt", "holds the chapters of one title"),
        ("chapters --out a.txt", "not written as a.txt"),
        ("chapters --probe nowhere", "no saved probe"),
        ("promos title-000001 --probe PROBE --length 0.01", "No run of whole shots"),
        ("promos title-000001 --probe PROBE --length x", "is no length"),
        ("promos title-000001 --probe PROBE --no-after 99:00", "lies outside the title"),
        ("promos title-000001 --probe PROBE --like-avoid title-000001@9000-9001", "lies outside title"),
        ("breaks title-000001 --brief sea", "needs an encoder of words"),
        ("breaks title-000001 --edge 9999", "No break is 9999 s"),
        ("breaks title-000001 --scenes 1", "no scene to end"),
        ("tag --probe nowhere --out a.csv", "no saved probe"),
        ("tag --probe PROBE --out a.csv --every 5", "speaks of shots"),
    ],
)
def test_wrong_use_is_one_message(run, made, call, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catalog, probe = made
    arguments = [str(probe) if part == "PROBE" else part for part in call.split()]
    result = run(*arguments, "--catalog", catalog)
    assert result.status == 2 and said in result.err and result.err.count("error:") == 1
    assert not list(tmp_path.iterdir())
