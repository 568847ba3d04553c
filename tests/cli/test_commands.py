"""Every command as a user calls it: documents on standard output, messages on standard error, exit statuses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest_films import make_film
from mediafm.catalog.store import Store


def test_the_whole_life_by_import(run: Any, tables: Path, tmp_path: Path) -> None:
    catalog, out = tmp_path / "catalog", tmp_path / "run"
    columns = ["--video", "gaze", "--audio", "rhythm", "--text-from", "text"]
    imported = run("import", tables / "shots.parquet", "--catalog", catalog, *columns, "--json")
    assert imported.status == 0
    assert {"titles_ok", "titles_failed", "titles_skipped", "shots", "failures", "seconds", "peak_rss_mb"} <= set(
        imported.json
    )
    assert (imported.json["titles_ok"], imported.json["shots"]) == (8, 192)

    settings = ["--set", "schedule.epochs=2", "--set", "model.hidden=32"]
    trained = run("pretrain", "--catalog", catalog, "--out", out, "--recipe", "tiny", *settings, "--json")
    assert trained.status == 0
    assert set(trained.json["trivial"]) == {"title_mean", "previous", "neighbours"}
    assert 0 < trained.json["msm"] < 2 and trained.json["steps"] > 0

    for context, name in (("title", "run"), ("none", "run-none")):
        embedded = run("embed", "--catalog", catalog, "--model", out, "--context", context, "--json")
        assert (embedded.status, embedded.json["embedding_set"], embedded.json["shots"]) == (0, name, 192)

    info = run("info", "--catalog", catalog, "--json").json
    assert (info["titles"], info["shots"], info["failed"]) == (8, 192, 0)
    assert info["modalities"] == {"video": 12, "audio": 8, "text": 384}
    assert sorted(info["embedding_sets"]) == ["run", "run-none"]
    told = run("info", "--catalog", catalog).out
    assert "8 with 192 shots" in told and "minilm, 384 numbers, Apache-2.0" in told and "{" not in told

    probed = run("probe", "--catalog", catalog, "--task", tables / "task.toml", "--out", tmp_path / "probe", "--json")
    assert probed.status == 0
    assert {"features", "score", "low", "high", "chance"} <= set(probed.json["rows"][0])
    assert {"chance", "concat", "run", "run-none"} <= {row["features"] for row in probed.json["rows"]}

    title = run("search", "--catalog", catalog, "line 4", "--json").json["hits"][0]["title"]
    alike = run("search", "--catalog", catalog, "--like", f"{title}#3", "--unit", "clip", "-k", 3, "--json")
    assert alike.status == 0 and 1 <= len(alike.json["hits"]) <= 3
    assert {"title", "start_s", "end_s", "score", "text"} <= set(alike.json["hits"][0])
    assert run("verify", "--catalog", catalog).status == 0
    assert run("optimize", "--catalog", catalog).status == 0


def test_optimize_says_what_it_did_and_verify_tells_problems_from_litter(run: Any, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    run("ingest", make_film(tmp_path / "film.mp4"), "--catalog", catalog)
    made_anew = run("ingest", tmp_path / "film.mp4", "--catalog", catalog, "--language", "en", "--json")
    assert made_anew.json["titles_ok"] == 1
    done = run("optimize", "--catalog", catalog, "--grace", "0", "--json").json
    assert done["titles"] == 1
    assert 0 < done["files_after"] <= done["files_before"]
    assert done["versions_dropped"] > 0
    assert done["disk_bytes_before"] - done["disk_bytes"] > 0
    assert "data files are" in run("optimize", "--catalog", catalog, "--grace", "0").out
    assert run("verify", "--catalog", catalog, "--json").json == {"problems": [], "litter": []}
    Store(str(catalog)).delete("features", "shot = 0")
    damaged = run("verify", "--catalog", catalog, "--json")
    assert (damaged.status, len(damaged.json["problems"])) == (1, 1)
    Store(str(catalog)).delete("titles", "true")
    left = run("verify", "--catalog", catalog)
    assert left.status == 0
    assert left.out.startswith("clean\nnote: film: ")
    assert run("optimize", "--catalog", catalog, "--grace", "-1").status == 2


def test_ingest_shots_and_failures(run: Any, tmp_path: Path) -> None:
    film, catalog = make_film(tmp_path / "film.mp4"), tmp_path / "catalog"
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    done = run("ingest", film, tmp_path / "bad.mp4", "--catalog", catalog, "--json")
    assert done.status == 1  # something failed and is listed
    assert [f["title"] for f in done.json["failures"]] == ["bad"]
    shots = run("shots", "film", "--catalog", catalog, "--json").json
    assert shots["frames"] == 100 and len(shots["time_base"]) == 2
    keys = "shot start_pts end_pts start_frame end_frame start_s end_s text has_video has_audio has_text lost_frames"
    assert set(keys.split()) <= set(shots["shots"][0])
    assert [s["start_frame"] for s in shots["shots"]] == [0, 30, 71]
    assert "Where are we going?" in run("shots", "film", "--catalog", catalog).out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["ingest", "nowhere.mp4", "--catalog", "c"], 2, "nowhere.mp4"),
        (["ingest"], 2, "Missing argument"),
        (["info", "--catalog", "nowhere"], 1, "nowhere"),
        (["frobnicate"], 2, "No such command"),
        (["pretrain", "--catalog", "c", "--out", "r", "--recipe", "huge"], 1, "c"),
        (["ingest", "{film}", "--catalog", "{new}", "--preset", "fancy"], 2, "offline, open, reference"),
    ],
)
def test_wrong_use_gets_a_message(
    run: Any, tmp_path: Path, arguments: list[str], status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film = make_film(tmp_path / "film.mp4") if "{film}" in arguments else None
    result = run(*(a.format(film=film, new=tmp_path / "new") for a in arguments))
    assert result.status == status
    assert words in result.err
    assert result.out == ""


def test_ctrl_c_says_how_to_go_on(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(uri: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mediafm.catalog.Catalog.open", interrupted)
    result = run("info", "--catalog", tmp_path)
    assert (result.status, result.out) == (130, "")
    assert result.err == "stopped; run the same command again to go on\n"


def test_an_output_that_nobody_reads_any_more_is_no_failure() -> None:
    """As with `mediafm ... | head`."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as output:
        ended = subprocess.run(
            [sys.executable, "-m", "mediafm", "--help"], stdout=output, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (0, "")
