"""The ingest loop: what is stored, what is skipped, and what bad input becomes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_films import make_film
from mediafm.catalog import Catalog
from mediafm.cli.progress import LineProgress
from mediafm.errors import ImportDataError, MismatchError, UsageError
from mediafm.ingest import films, import_catalogue, ingest
from mediafm.reading import ReadingProcess


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with two sound films and four broken ones, and the catalog they were ingested into."""
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "good.mp4", seed=1)
    make_film(folder / "mute.mp4", seed=2, sound=False, cues=False)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is no film\n" * 50)
    whole = (folder / "good.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    metadata = folder / "metadata.jsonl"
    metadata.write_text(json.dumps({"title": "good", "name": "Good", "synopsis": "Noise drifts.", "tags": ["noise"]}))
    catalog = folder / "catalog"
    summary = ingest([folder], str(catalog), metadata=metadata)
    assert (summary.titles_ok, summary.titles_failed, summary.titles_skipped) == (2, 3, 0)
    assert summary.shots == 6
    assert {title for title, _ in summary.failures} == {"empty", "text", "cut"}
    return folder, catalog


def test_a_good_film_is_stored_whole(stored: tuple[Path, Path]) -> None:
    catalog = Catalog.open(str(stored[1]))
    assert catalog.title_ids() == ["good", "mute"]
    record = catalog.title_record("good")
    assert (record.n_shots, record.frames, record.metadata.synopsis) == (3, 100, "Noise drifts.")
    features = catalog.features("good")
    for modality in ("video", "audio"):
        assert features.present[modality].all()
        np.testing.assert_allclose(np.linalg.norm(features.vectors[modality].astype(np.float32), axis=1), 1, atol=2e-3)
    assert features.present["text"].tolist() == [True, True, False]
    assert not features.vectors["text"][2].any()
    for shot in range(3):
        content = catalog.keyframe("good", shot)
        assert content is not None and content.startswith(b"\xff\xd8")
    assert catalog.global_vector("good") is not None and catalog.global_vector("mute") is None
    assert catalog.verify() == []


def test_a_system_that_cannot_confine_its_readers_says_so(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Unconfined(ReadingProcess):
        def close(self) -> None:
            self.unconfined = frozenset({"network"})
            super().close()

    monkeypatch.setattr(films, "ReadingProcess", Unconfined)
    ingest([film], str(tmp_path / "catalog"), detector="fixed", progress=LineProgress())
    assert "could not close network to the processes" in capfd.readouterr().err


def test_missing_sound_is_flagged(stored: tuple[Path, Path]) -> None:
    features = Catalog.open(str(stored[1])).features("mute")
    assert not features.present["audio"].any() and not features.vectors["audio"].any()


def test_failures_are_rows_with_reasons(stored: tuple[Path, Path]) -> None:
    reasons = {f.title_id: f.reason for f in Catalog.open(str(stored[1])).failures()}
    assert set(reasons) == {"empty", "text", "cut"}
    for title, reason in reasons.items():
        assert f"{title}.mp4" in reason
        assert "Traceback" not in reason


def test_running_again_changes_nothing(stored: tuple[Path, Path]) -> None:
    folder, catalog = stored
    before = {t: Catalog.open(str(catalog)).title_record(t).revision for t in ("good", "mute")}
    again = ingest([folder], str(catalog), metadata=folder / "metadata.jsonl")
    assert (again.titles_ok, again.titles_skipped, again.titles_failed) == (0, 2, 3)
    assert {t: Catalog.open(str(catalog)).title_record(t).revision for t in before} == before


def test_changed_film_or_subtitle_is_noticed_and_a_broken_one_keeps_what_was(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", cues=False)
    uri = str(tmp_path / "catalog")
    ingest([film], uri)
    assert not Catalog.open(uri).features("film").present["text"].any()
    film.with_suffix(".srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello there.\n")
    assert ingest([film], uri).titles_ok == 1
    assert Catalog.open(uri).features("film").present["text"].any()
    film.write_bytes(b"broken")
    summary = ingest([film], uri)
    assert summary.titles_failed == 1
    catalog = Catalog.open(uri)
    assert catalog.title_record("film").n_shots == 3 and len(catalog.features("film")) == 3
    assert [f.title_id for f in catalog.failures()] == ["film"]


def test_clashing_names_and_other_presets_are_refused(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    (tmp_path / "other").mkdir()
    shutil.copy(film, tmp_path / "other" / "film.mp4")
    with pytest.raises(UsageError, match="two films would both be title 'film'"):
        ingest([tmp_path], str(tmp_path / "catalog"))
    ingest([film], str(tmp_path / "catalog"))
    with pytest.raises(MismatchError, match="detector"):
        ingest([film], str(tmp_path / "catalog"), detector="fixed")
    with pytest.raises(UsageError, match="auto, transnet, content, fixed"):
        ingest([film], str(tmp_path / "catalog"), detector="nonsense")


def test_import_with_text_from_a_column(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 6
    shots = pa.table(
        {
            "title_id": ["a"] * n,
            "shot": pa.array(range(n), pa.int32()),
            "start_s": np.arange(n, dtype=np.float64),
            "end_s": np.arange(1, n + 1, dtype=np.float64),
            "gaze": pa.FixedSizeListArray.from_arrays(rng.normal(size=n * 5).astype(np.float32), 5),
            "text": ["hello", "", "you again", "", "goodbye", ""],
        }
    )
    pq.write_table(shots, tmp_path / "shots.parquet")
    pq.write_table(pa.table({"title_id": ["a"], "synopsis": ["Two people meet."]}), tmp_path / "titles.parquet")
    tables = (tmp_path / "shots.parquet", tmp_path / "titles.parquet", str(tmp_path / "catalog"))
    summary = import_catalogue(*tables, {"video": "gaze"}, text_from="text")
    assert (summary.titles_ok, summary.shots) == (1, n)
    catalog = Catalog.open(str(tmp_path / "catalog"))
    assert catalog.features("a").present["text"].tolist() == [True, False] * 3
    assert catalog.global_vector("a") is not None
    assert import_catalogue(*tables, {"video": "gaze"}, text_from="text").titles_skipped == 1
    with pytest.raises(ImportDataError, match="text"):
        import_catalogue(*tables, {"video": "text"})
    with pytest.raises(UsageError, match="--video"):
        import_catalogue(*tables, {})


def test_a_hole_inside_a_film_is_told(films: Path, tmp_path: Path) -> None:
    """Noise in the middle of a WebM: the reader resynchronises, and the hole must not pass for silence."""
    content = bytearray((films / "tears_of_steel_clip.webm").read_bytes())
    content[1_000_000:1_100_000] = np.random.default_rng(1).bytes(100_000)
    film = tmp_path / "hole.webm"
    film.write_bytes(content)
    summary = ingest([film], str(tmp_path / "catalog"), detector="fixed")
    assert summary.titles_ok == 1
    ((title, reason),) = summary.damaged
    assert title == "hole" and "of sound are missing" in reason
    again = ingest([film], str(tmp_path / "catalog"), detector="fixed")
    assert again.titles_skipped == 1 and again.damaged == summary.damaged
