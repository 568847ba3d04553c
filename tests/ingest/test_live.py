"""Following events: what can be seen while they go on, how they end, and that the end is the ingest of the whole."""

import os
import shutil
import signal
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ingest.following import Recorder, assert_equal, command_following, extras, put_segments
from ingest_films import CUTS, FPS, SIZE, shot_pictures, tone
from mediafm.catalog import Catalog
from mediafm.cli.app import app
from mediafm.errors import UsageError
from mediafm.ingest import ingest, ingest_live
from mediafm.media import FilmOptions, write_film, write_subtitles
from mediafm.types import Cue

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
CUES = [Cue(100, 900, "Where are we going?"), Cue(1500, 2600, "Home."), Cue(3000, 3900, "At last.")]
SECONDS = CUTS[-1] / FPS


def make_event(path: Path) -> Path:
    """Three shots with a tone, keyframes often, so that a recording can be cut anywhere."""
    options = FilmOptions(codec_options={"preset": "ultrafast", "g": "12", "bf": "0"})
    write_film(path, Fraction(FPS), SIZE, shot_pictures(3), tone(SECONDS), options=options)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Catalog]:
    """A finished recording with its cues, and the catalog that ingest makes of it."""
    folder = tmp_path_factory.mktemp("whole")
    film = make_event(folder / "event.ts")
    write_subtitles(folder / "event.en.vtt", CUES)
    ingest([film], str(folder / "catalog"), detector="content")
    return film, Catalog.open(str(folder / "catalog"))


def follow(path: Path, catalog: Path, **more: object):
    return ingest_live(path, str(catalog), detector="content", **{"idle_s": 1.5, **more})


def test_a_growing_file_ends_as_ingest_of_the_whole(whole: tuple[Path, Catalog], tmp_path: Path) -> None:
    film, offline = whole
    path = tmp_path / "event.ts"
    with Recorder(path, film.read_bytes(), pieces=12, pause_s=0.1):
        late = threading.Timer(1.0, lambda: shutil.copy(film.with_name("event.en.vtt"), tmp_path))
        late.start()
        summary = follow(path, tmp_path / "catalog")
        late.join()
    assert summary.live == {"title": "event", "ended": "idle", "shots": 3, "end_s": pytest.approx(SECONDS, abs=0.2)}
    live = Catalog.open(str(tmp_path / "catalog"))
    assert_equal(live, offline, "event")
    assert extras(live, ["event"]) == extras(offline, ["event"])
    assert live.verify() == [] and not live.title_record("event").live
    # It is the same title to ingest, and to whoever follows it again.
    assert ingest([path], str(tmp_path / "catalog"), detector="content").titles_skipped == 1
    assert follow(path, tmp_path / "catalog").titles_skipped == 1


@pytest.mark.parametrize(("suffix", "options"), [(".mkv", {}), (".mp4", FRAGMENTS)])
def test_other_forms_can_be_followed_too(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    import av

    source, film = make_event(tmp_path / "source.mkv"), tmp_path / f"event{suffix}"
    with av.open(str(source)) as read, av.open(str(film), "w", options=options) as written:
        streams = {s.index: written.add_stream_from_template(s) for s in read.streams}
        for packet in read.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                written.mux(packet)
    ingest([film], str(tmp_path / "offline"), detector="content")
    growing = tmp_path / "live" / film.name
    growing.parent.mkdir()
    with Recorder(growing, film.read_bytes(), pieces=8, pause_s=0.05):
        follow(growing, tmp_path / "catalog")
    assert_equal(Catalog.open(str(tmp_path / "catalog")), Catalog.open(str(tmp_path / "offline")), "event")


def test_segments_are_one_event(whole: tuple[Path, Catalog], tmp_path: Path) -> None:
    film, offline = whole
    folder = tmp_path / "event"
    segments = put_segments(tmp_path / "all", film.read_bytes(), 12)
    folder.mkdir()
    shutil.copy(film.with_name("event.en.vtt"), tmp_path)

    def record() -> None:
        listed = ["#EXTM3U", "#EXT-X-TARGETDURATION:1"]
        for segment in segments:
            shutil.copy(segment, folder)
            listed += ["#EXTINF:0.4,", segment.name]
            (folder / "live.m3u8").write_text("\n".join(listed))
            time.sleep(0.05)
        (folder / "live.m3u8").write_text("\n".join([*listed, "#EXT-X-ENDLIST"]))

    recorder = threading.Thread(target=record)
    recorder.start()
    summary = follow(folder, tmp_path / "catalog", idle_s=60)
    recorder.join()
    assert summary.live is not None and summary.live["ended"] == "endlist"
    assert_equal(Catalog.open(str(tmp_path / "catalog")), offline, "event")
    assert follow(folder, tmp_path / "catalog").titles_skipped == 1


def test_a_done_file_ends_an_event_at_once(whole: tuple[Path, Catalog], tmp_path: Path) -> None:
    path = Path(shutil.copy(whole[0], tmp_path / "event.ts"))
    (tmp_path / "event.ts.done").touch()
    began = time.monotonic()
    summary = follow(path, tmp_path / "catalog", idle_s=300)
    assert summary.live is not None and summary.live["ended"] == "done"
    assert time.monotonic() - began < 60


def watch(catalog: Path, seen: list[tuple[int, bool, list[str]]], stop: threading.Event) -> None:
    """Note what a reader of the catalog sees of the event as it goes on."""
    while not stop.is_set():
        time.sleep(0.1)
        try:
            opened = Catalog.open(str(catalog))
            if opened.title_ids():
                record, shots = opened.title_record("event"), opened.shots("event")
                assert len(opened.features("event")) >= record.n_shots
                seen.append((len(shots), record.live, opened.verify()))
        except Exception as error:  # for the test to show
            if "no catalog at" not in str(error):
                seen.append((-1, False, [repr(error)]))


def test_it_can_be_seen_while_it_goes_on_and_ctrl_c_keeps_what_is_certain(
    whole: tuple[Path, Catalog], tmp_path: Path
) -> None:
    film, offline = whole
    data, path, catalog = film.read_bytes(), tmp_path / "event.ts", tmp_path / "catalog"
    shutil.copy(film.with_name("event.en.vtt"), tmp_path)
    path.write_bytes(data[: len(data) * 9 // 10])
    with command_following(path, catalog) as process:
        found = Catalog.open(str(catalog))
        record = found.title_record("event")
        assert record.live and found.info()["live"] == ["event"]
        assert found.shots("event") == offline.shots("event")[: record.n_shots]
        assert found.verify() == []
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "the event had not ended" in said
    assert Catalog.open(str(catalog)).title_record("event").live
    # Started again it reads from the beginning, and what was stored stands until it has come as far.
    path.write_bytes(data)
    seen: list[tuple[int, bool, list[str]]] = []
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(catalog, seen, stop))
    watcher.start()
    follow(path, catalog)
    stop.set()
    watcher.join()
    assert all(shots >= record.n_shots for shots, _, _ in seen), seen
    assert [problems for _, _, problems in seen if problems] == []
    assert_equal(Catalog.open(str(catalog)), offline, "event")


def test_a_killed_command_ends_equal_when_started_again(whole: tuple[Path, Catalog], tmp_path: Path) -> None:
    film, offline = whole
    path, catalog = Path(shutil.copy(film, tmp_path / "event.ts")), tmp_path / "catalog"
    shutil.copy(film.with_name("event.en.vtt"), tmp_path)
    os.utime(path)
    with command_following(path, catalog) as process:
        process.kill()
    assert Catalog.open(str(catalog)).title_record("event").live
    follow(path, catalog)
    live = Catalog.open(str(catalog))
    assert_equal(live, offline, "event")
    assert live.verify() == []


@pytest.mark.slow
def test_sound_alone_ends_equal_with_words_or_without(tmp_path: Path) -> None:
    """Spans of radio hang on its words; where those come late the finished sound is read once more."""
    rng = np.random.default_rng(5)
    sound = rng.uniform(-0.2, 0.2, 25 * 16_000).astype(np.float32)
    for name, cues in (("plain", None), ("spoken", [Cue(500, 8_000, "One."), Cue(9_500, 14_000, "Two, and three.")])):
        film = tmp_path / f"{name}.mkv"
        write_film(film, 25, SIZE, None, sound, 16_000)
        folder = tmp_path / name
        folder.mkdir()
        growing = Path(shutil.copy(film, folder))
        if cues:
            write_subtitles(film.with_suffix(".en.srt"), cues)
            write_subtitles(growing.with_suffix(".en.srt"), cues)
        ingest([film], str(tmp_path / "offline"))
        (folder / f"{name}.mkv.done").touch()
        ingest_live(growing, str(tmp_path / "catalog"))
        assert_equal(Catalog.open(str(tmp_path / "catalog")), Catalog.open(str(tmp_path / "offline")), name)


def test_an_ordinary_mp4_is_refused_with_a_remedy(tmp_path: Path) -> None:
    write_film(tmp_path / "event.mp4", 25, SIZE, shot_pictures(1), None)
    summary = follow(tmp_path / "event.mp4", tmp_path / "catalog")
    ((title, reason),) = summary.failures
    assert title == "event" and "its index comes at its end" in reason and "MPEG-TS" in reason
    assert Catalog.open(str(tmp_path / "catalog")).title_ids() == []


def test_wrong_use_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist yet"):
        follow(tmp_path / "event.ts", tmp_path / "catalog")
    (tmp_path / "event.ts").touch()
    with pytest.raises(UsageError, match="--idle is 0"):
        follow(tmp_path / "event.ts", tmp_path / "catalog", idle_s=0)
    summary = follow(tmp_path / "event.ts", tmp_path / "catalog", idle_s=1)
    assert "holds nothing, and nothing came" in summary.failures[0][1]


def test_one_event_at_a_time(tmp_path: Path) -> None:
    both = [str(tmp_path / name) for name in ("a.ts", "b.ts")]
    with pytest.raises(UsageError, match="--live follows one event, and 2 are named"):
        CliRunner().invoke(
            app, ["ingest", "--live", *both, "--catalog", str(tmp_path / "catalog")], catch_exceptions=False
        )
