"""Parquet, CSV, NumPy and Hugging Face data sets, read back by the libraries that read them."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mediafm.catalog import Catalog, import_clips, import_features
from mediafm.export import export
from mediafm.fusion import FusionSpec, FusionStats, fuse


def matrix(table: object, column: str) -> np.ndarray:
    return np.stack(table[column].to_numpy())  # type: ignore[index]


def test_parquet_holds_what_the_catalog_holds(catalog: Catalog, tmp_path: Path) -> None:
    done = export(catalog, "parquet", tmp_path / "out")
    assert done.files == ["clips-marengo.parquet", "export.json", "shots.parquet", "titles.parquet"]
    assert (done.titles, done.shots) == (3, 15)
    assert done.bytes == sum(f.stat().st_size for f in (tmp_path / "out").iterdir())
    shots = pq.read_table(tmp_path / "out/shots.parquet")
    assert str(shots.schema.field("vector_video").type) == "fixed_size_list<element: halffloat>[5]"
    for title in catalog.titles():
        mine = shots.filter([t == title.title_id for t in shots["title_id"].to_pylist()])
        stored, held = catalog.shots(title.title_id), catalog.features(title.title_id)
        for column in ("start_pts", "end_pts", "start_s", "end_s", "start_frame", "end_frame", "text", "has_text"):
            assert mine[column].to_pylist() == [getattr(s, column) for s in stored]
        assert set(mine["time_base_den"].to_pylist()) == {title.time_base.denominator}
        for modality, vectors in held.vectors.items():
            np.testing.assert_array_equal(matrix(mine, f"vector_{modality}"), vectors)
            assert mine[f"present_{modality}"].to_pylist() == held.present[modality].tolist()
    first = shots.filter([t == "ntsc" for t in shots["title_id"].to_pylist()])
    np.testing.assert_array_equal(matrix(first, "vector_run/past"), catalog.embeddings("run/past", "ntsc"))
    others = shots.filter([t != "ntsc" for t in shots["title_id"].to_pylist()])
    assert not matrix(others, "vector_run/past").any()
    assert not any(others["present_run/past"].to_pylist())
    assert done.told == {"not_covered_by_run/past": ["season 1/vfr", "sound"]}


def test_every_column_names_its_maker(catalog: Catalog, tmp_path: Path) -> None:
    done = export(catalog, "parquet", tmp_path / "out", features=["audio", "run/past"])
    assert done.features == {"audio": "mel-1", "run/past": "checkpoint-1"}
    noted = json.loads(pq.read_schema(tmp_path / "out/shots.parquet").metadata[b"mediafm"])
    assert noted["preset"] == "offline"
    assert noted["features"]["run/past"]["checkpoint"] == "checkpoint-1"
    assert noted["features"]["run/past"]["context"] == "past"
    assert noted["encoders"]["video"]["fingerprint"] == "lab-1"
    note = json.loads((tmp_path / "out/export.json").read_text())
    assert note["features"] == noted["features"]


def test_titles_have_metadata_and_their_own_vectors(catalog: Catalog, tmp_path: Path) -> None:
    export(catalog, "parquet", tmp_path / "out")
    rows = {r["title_id"]: r for r in pq.read_table(tmp_path / "out/titles.parquet").to_pylist()}
    assert rows["ntsc"]["name"] == "A Film"
    assert rows["ntsc"]["tags"] == ["blue", "sea"]
    assert rows["ntsc"]["year"] == "1999"  # text, since another title's year is text
    assert json.loads(rows["ntsc"]["crew"]) == {"director": "X"}
    assert rows["ntsc"]["vector_run/past"] == catalog.title_embedding("run/past", "ntsc").tolist()
    assert rows["sound"]["vector_run/past"] is None
    assert rows["ntsc"]["vector_metadata"] == [0.5] * 4
    assert rows["season 1/vfr"]["vector_metadata"] is None
    assert rows["season 1/vfr"]["film"] == "s3://films/vfr.mp4"
    assert len(json.loads(rows["ntsc"]["chapters"])) == 2


def test_import_reads_parquet_back(catalog: Catalog, tmp_path: Path) -> None:
    export(catalog, "parquet", tmp_path / "out", titles=["ntsc"])
    columns = {m: f"vector_{m}" for m in ("video", "audio", "text")}
    tables = tmp_path / "out/shots.parquet", tmp_path / "out/titles.parquet"
    summary = import_features(*tables, tmp_path / "back", columns, text_column="text")
    assert (summary.titles_ok, summary.titles_failed) == (1, 0)
    back = Catalog.open(tmp_path / "back")
    was, now = catalog.features("ntsc"), back.features("ntsc")
    for modality in columns:
        np.testing.assert_array_equal(now.vectors[modality], was.vectors[modality])
        np.testing.assert_array_equal(now.present[modality], was.present[modality])
    assert [s.text for s in back.shots("ntsc")] == [s.text for s in catalog.shots("ntsc")]
    for mine, theirs in zip(back.spans("ntsc"), catalog.spans("ntsc"), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1 / 90_000)
    known = back.title_record("ntsc").metadata
    assert (known.name, known.tags, known.genres) == ("A Film", ("blue", "sea"), ("drama",))
    assert set(known.extra) == {"year", "crew"}
    assert import_clips(tmp_path / "out/clips-marengo.parquet", tmp_path / "back", "marengo").clips == 2


def test_an_exported_import_is_the_same_when_imported_again(catalog: Catalog, tmp_path: Path) -> None:
    columns = {m: f"vector_{m}" for m in ("video", "audio", "text")}
    for name, of in (("one", catalog), ("two", None)):
        export(of or Catalog.open(tmp_path / "one.catalog"), "parquet", tmp_path / name, titles=["sound"])
        tables = tmp_path / name / "shots.parquet", tmp_path / name / "titles.parquet"
        import_features(*tables, tmp_path / f"{name}.catalog", columns, text_column="text")
    one, two = (Catalog.open(tmp_path / f"{name}.catalog").title_record("sound") for name in ("one", "two"))
    assert one.source_fingerprint == two.source_fingerprint
    assert one.metadata == two.metadata


def test_concat_is_the_fused_embedding(catalog: Catalog, tmp_path: Path) -> None:
    some = export(catalog, "parquet", tmp_path / "some", features=["concat"], titles=["ntsc"])
    full = export(catalog, "parquet", tmp_path / "full", features=["concat"])
    assert some.features == full.features
    spec = FusionSpec(catalog.spec.dims)
    expected, _ = fuse(catalog.features("ntsc"), FusionStats.of_part((), spec))
    found = matrix(pq.read_table(tmp_path / "some/shots.parquet"), "vector_concat")
    np.testing.assert_array_equal(found, expected)


def test_csv_is_for_people(catalog: Catalog, tmp_path: Path, hits: Path) -> None:
    export(catalog, "csv", tmp_path / "out", hits=hits)
    with (tmp_path / "out/shots.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["text"] for r in rows[:3]] == ["wörds of shot 0", "wörds of shot 1", ""]
    assert not any("vector" in column for column in rows[0])
    with (tmp_path / "out/hits.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [r["text"] for r in csv.DictReader(file)] == ["words", "'=1|2"]  # no formula


def test_numpy_maps_into_memory(catalog: Catalog, tmp_path: Path) -> None:
    export(catalog, "numpy", tmp_path / "out")
    about = json.loads((tmp_path / "out/titles.json").read_text())
    video = np.load(tmp_path / "out/vector_video.npy", mmap_mode="r", allow_pickle=False)
    assert (video.shape, video.dtype) == ((15, 5), np.float16)
    assert about["starts"] == [0, 5, 10, 15]
    texts = [json.loads(line) for line in (tmp_path / "out/texts.jsonl").read_text("utf-8").splitlines()]
    for number, title in enumerate(about["titles"]):
        rows = slice(*about["starts"][number : number + 2])
        np.testing.assert_array_equal(video[rows], catalog.features(title["title_id"]).vectors["video"])
        np.testing.assert_array_equal(np.load(tmp_path / "out/start_s.npy")[rows], catalog.spans(title["title_id"])[0])
        assert texts[rows] == [s.text for s in catalog.shots(title["title_id"])]
    (whole,) = (tmp_path / "out").glob("title_vector_run_past-*.npy")
    assert np.load(whole)[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert np.load(tmp_path / "out/clips-marengo.vector.npy").shape == (2, 3)
    assert about["features"]["video"]["fingerprint"] == "lab-1"


def test_datasets_opens_the_folder(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install datasets")
    export(catalog, "datasets", tmp_path / "out")
    shots = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(shots) == 15
    assert shots.features["vector_video"].length == 5
    clips = datasets.load_dataset(str(tmp_path / "out"), "clips-marengo", split="train", cache_dir=str(tmp_path / "c"))
    assert clips[0]["vector"] == [1, 0, 0]


def test_data_sets_come_in_shards_with_a_card(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafm.export.hub._SHARD_BYTES", 1)
    export(catalog, "datasets", tmp_path / "out")
    shards = sorted((tmp_path / "out/shots").iterdir())
    assert [s.name for s in shards] == [f"train-{n:05}.parquet" for n in range(3)]
    assert [t for s in shards for t in set(pq.read_table(s)["title_id"].to_pylist())] == catalog.title_ids()
    card = (tmp_path / "out/README.md").read_text("utf-8")
    _, front, body = card.split("---\n", 2)
    assert 'data_files: "clips-marengo/*.parquet"' in front
    assert all(made in body for made in ("lab-1", "mel-1", "mini-1", "checkpoint-1", "hand-1"))
