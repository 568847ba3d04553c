"""Timelines, edit lists, markers, chapters and FiftyOne: times are exact, and the formats' own readers read them."""

import base64
import csv
import io
import json
import zlib
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlparse

import av
import numpy as np
import pytest
from export_samples import CUTS, NTSC

from mediafm.catalog import Catalog
from mediafm.errors import CatalogError
from mediafm.export import export
from mediafm.export.timing import Clock

MISSING = "opentimelineio is not installed: pip install 'mediafm[export]'"


def test_a_timeline_is_exact_at_ntsc_rate(catalog: Catalog, tmp_path: Path, hits: Path) -> None:
    otio = pytest.importorskip("opentimelineio", reason=MISSING)
    done = export(catalog, "otio", tmp_path / "out", hits=hits)
    timeline = otio.adapters.read_from_file(str(tmp_path / "out/ntsc.otio"))
    assert list(timeline.metadata["mediafm"]["rate"]) == [30_000, 1001]
    video, audio = timeline.tracks
    assert (video.kind, audio.kind) == ("Video", "Audio")
    ranges = [clip.source_range for clip in video]
    assert [r.start_time.value for r in ranges] == CUTS[:-1]
    assert {r.start_time.rate for r in ranges} == {30_000 / 1001}
    assert [r.end_time_exclusive().value for r in ranges] == CUTS[1:]
    assert [video.range_of_child_at_index(i).start_time.value for i in range(5)] == CUTS[:-1]
    url = urlparse(video[0].media_reference.target_url)
    assert unquote(url.path) == catalog.title_record("ntsc").path
    markers = {m.name: m for m in timeline.tracks.markers}
    assert markers["shot 2"].marked_range.duration.value == 1
    assert markers["One = two; #3"].marked_range.duration.value == 120
    assert markers["hit 2"].marked_range.start_time.value == 120
    assert markers["hit 2"].metadata["mediafm"]["score"] == 0.25
    assert done.told["film_not_found"] == ["sound"]


def test_a_timeline_without_constant_rate_counts_ticks(catalog: Catalog, tmp_path: Path, hits: Path) -> None:
    otio = pytest.importorskip("opentimelineio", reason=MISSING)
    done = export(catalog, "otio", tmp_path / "out", hits=hits)
    assert done.told["counted_in_ticks"] == ["season 1/vfr", "sound"]
    (path,) = (tmp_path / "out").glob("season 1_vfr-*.otio")
    timeline = otio.adapters.read_from_file(str(path))
    assert timeline.tracks[0][1].source_range.start_time == otio.opentime.RationalTime(3000, 1000)
    assert timeline.tracks[0][0].media_reference.target_url == "s3://films/vfr.mp4"
    assert not timeline.metadata["mediafm"]["constant_rate"]


def test_a_timeline_follows_the_schema(catalog: Catalog, tmp_path: Path) -> None:
    pytest.importorskip("opentimelineio", reason=MISSING)
    export(catalog, "otio", tmp_path / "out", titles=["ntsc"])
    document = json.loads((tmp_path / "out/ntsc.otio").read_text("utf-8"))
    assert document["OTIO_SCHEMA"] == "Timeline.1"
    assert document["tracks"]["children"][0]["children"][0]["OTIO_SCHEMA"].startswith("Clip.")
    assert len(document["tracks"]["markers"]) == 5 + 2


def test_edit_lists_have_non_drop_timecode(catalog: Catalog, tmp_path: Path, hits: Path) -> None:
    done = export(catalog, "edl", tmp_path / "out", hits=hits)
    assert done.told["left_out_without_constant_rate"] == ["season 1/vfr", "sound"]
    lines = (tmp_path / "out/ntsc.edl").read_text("utf-8").splitlines()
    assert lines[:3] == ["TITLE: A Film", "FCM: NON-DROP FRAME", ""]
    assert lines[5].split() == ["002", "001", "V", "C", "00:00:01:17", "00:00:04:00", "01:00:01:17", "01:00:04:00"]
    markers = (tmp_path / "out/ntsc.markers.edl").read_text("utf-8")
    assert " |C:ResolveColorRed |M:hit 2 =1/2 |D:180\n" in markers
    assert markers.count("|C:ResolveColorGreen") == 2


@pytest.mark.parametrize(
    ("count", "rate", "text"),
    [
        (107_892, NTSC, "00:59:56:12"),
        (86_400, Fraction(24), "01:00:00:00"),
        (59, Fraction(60_000, 1001), "00:00:00:59"),
    ],
)
def test_timecode(count: int, rate: Fraction, text: str) -> None:
    assert Clock(rate, True).timecode(count) == text


def test_markers_are_one_table(catalog: Catalog, tmp_path: Path, hits: Path) -> None:
    done = export(catalog, "markers", tmp_path / "out", hits=hits)
    with (tmp_path / "out/markers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15 + 2 + 2
    (hit,) = (r for r in rows if r["kind"] == "hit" and r["title_id"] == "ntsc")
    assert (hit["first_frame"], hit["end_frame"], hit["rate"]) == ("120", "300", "30000/1001")
    assert done.told["without_timecode"] == ["season 1/vfr", "sound"]


def test_ffmpeg_reads_the_chapters(catalog: Catalog, tmp_path: Path) -> None:
    done = export(catalog, "chapters", tmp_path / "out")
    assert done.told["without_chapters"] == ["season 1/vfr", "sound"]
    with av.open(str(tmp_path / "out/ntsc.ffmetadata"), format="ffmetadata") as container:
        chapters = container.chapters()
    assert [c["metadata"]["title"] for c in chapters] == ["One = two; #3", "Chapter 2"]
    assert [float(c["end"] * c["time_base"]) for c in chapters] == [4.004, 15.015]
    assert "00:00:04.004 --> 00:00:15.015\nChapter 2" in (tmp_path / "out/ntsc.vtt").read_text("utf-8")


def by_title(rows: list[dict[str, object]]) -> dict[str, object]:
    return {"title": "sound", "chapters": [{k: v for k, v in row.items() if k != "title"} for row in rows]}


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: {"chapters": rows},
        lambda rows: rows,
        lambda rows: {"titles": [by_title(rows)]},
        lambda rows: [by_title(rows)],
        by_title,
    ],
)
def test_chapters_of_a_file_stand_in_for_the_films_own(
    catalog: Catalog, tmp_path: Path, form: Callable[[list[dict[str, object]]], object]
) -> None:
    given = tmp_path / "chapters.json"
    rows: list[dict[str, object]] = [
        {"title": "sound", "start_s": s, "end_s": s + 5, "name": f"part {s}"} for s in (5, 0)
    ]
    given.write_text(json.dumps(form(rows)))
    done = export(catalog, "chapters", tmp_path / "out", chapters=given, titles=["sound"])
    assert done.files == ["export.json", "sound.ffmetadata", "sound.vtt"]
    text = (tmp_path / "out/sound.vtt").read_text("utf-8")
    assert text.index("part 0") < text.index("part 5")
    with pytest.raises(CatalogError, match="None of these titles has chapters"):
        export(catalog, "chapters", tmp_path / "other", titles=["sound"])
    assert not (tmp_path / "other").exists()


def test_fiftyone_samples(catalog: Catalog, tmp_path: Path, hits: Path) -> None:
    done = export(catalog, "fiftyone", tmp_path / "out", hits=hits, features=["video", "run/past"])
    assert done.told["left_out_without_pictures"] == ["sound"]
    samples = json.loads((tmp_path / "out/samples.json").read_text("utf-8"))["samples"]
    film = samples[0]
    assert film["tags"] == ["blue", "sea"]
    shots = film["shots"]["detections"]
    assert [s["support"] for s in shots] == [[a + 1, b] for a, b in pairwise(CUTS)]
    assert film["hits"]["detections"][0]["support"] == [121, 300]
    assert film["chapters"]["detections"][1]["label"] == "chapter 2"
    packed = base64.b64decode(shots[1]["vector_video"]["$binary"]["base64"])
    vector = np.load(io.BytesIO(zlib.decompress(packed)), allow_pickle=False)
    np.testing.assert_array_equal(vector, catalog.features("ntsc").vectors["video"][1].astype(np.float32))
    whole = base64.b64decode(film["vector_run_past"]["$binary"]["base64"])
    np.testing.assert_array_equal(np.load(io.BytesIO(zlib.decompress(whole))), np.arange(6))
    assert "vector_run_past" not in samples[1]
    for sample in samples:
        assert json.loads((tmp_path / "out" / sample["frames"]).read_text()) == {"frames": {}}
