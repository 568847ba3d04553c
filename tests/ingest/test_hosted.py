"""Clips of real (small) films through a server that speaks the services' forms, into a clip set."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hosted_server import ENVIRONMENT, NOVA, VERTEX, FastClock, HostedServer, Reply, hosted_server, vector_of
from mediafm.catalog import (
    Catalog,
    CatalogSpec,
    ClipSetSpec,
    EncoderSpec,
    ShotRecord,
    TitleRecord,
    TitleSource,
    source_fingerprint,
)
from mediafm.encoders.hosted import HostedCache, HostedService, TwelveLabs, load_service
from mediafm.errors import CatalogError, ImportDataError, MismatchError, UsageError
from mediafm.ingest.hosted import HostedSummary, embed_hosted, plan_hosted
from mediafm.media import Picture, open_title, write_film
from mediafm.types import Features, Shot

FPS, SIZE, SECONDS = 10, (96, 64), 8
PRICE = 0.00084  # of nova, a second


def make_film(path: Path, seed: int, seconds: int = SECONDS, sound: bool = True) -> Path:
    still = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    t = np.arange(seconds * 48_000) / 48_000
    samples = (0.2 * np.sin(2 * np.pi * 440 * t)).astype(np.float32) if sound else None
    write_film(path, FPS, SIZE, (np.roll(still, k, axis=1) for k in range(seconds * FPS)), samples)
    return path


def store(catalog: Catalog, title: str, film: Path, seconds: int = SECONDS) -> None:
    """A title of one shot, as ingest would leave it."""
    time_base = Fraction(1, 1000)
    shot = ShotRecord.from_shot(Shot(0, 0, seconds * 1000, 0, seconds * FPS), time_base)
    features = Features({"video": np.ones((1, 2), np.float32)}, {"video": np.ones(1, bool)})
    with catalog.writer(title, TitleSource(str(film), source_fingerprint(film))) as writer:
        writer.append([shot], features)
        writer.commit(TitleRecord(title_id=title, time_base=time_base, end_pts=seconds * 1000, has_video=True))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "a.mp4", 1)
    make_film(folder / "b.mp4", 2)
    make_film(folder / "silent.mp4", 3, sound=False)
    return folder


class Bench:
    """A server, a catalog of three films, an empty cache."""

    def __init__(self, server: HostedServer, films: Path, folder: Path) -> None:
        self.server, self.films, self.folder = server, films, folder
        self.cache = HostedCache(folder / "cache")
        self.catalog = Catalog.create(folder / "catalog", CatalogSpec("p", "d", {"video": EncoderSpec("e", 2, "e")}))
        for title in ("a", "b", "silent"):
            store(self.catalog, title, films / f"{title}.mp4")

    def table(self, *clips: tuple[Any, ...]) -> Path:
        rows = ["title,start,end,a_label", *(",".join([*map(str, clip), "1"]) for clip in clips)]
        (self.folder / "clips.csv").write_text("\n".join(rows))
        return self.folder / "clips.csv"

    def run(self, clips: Path, service: str | HostedService = "nova", **options: Any) -> HostedSummary:
        chosen = load_service(service) if isinstance(service, str) else service
        given = {"max_usd": 1.0, "workers": 2, "cache": self.cache, "clock": FastClock()}
        given |= {"environment": ENVIRONMENT, "base_url": self.server.url, **options}
        return embed_hosted(clips, self.catalog.uri, chosen, given.pop("clip_set", "theirs"), **given)

    def held(self, name: str = "theirs") -> dict[tuple[str, float, float], np.ndarray]:
        found = self.catalog.clip_vectors(name)
        return {(t, a, b): v for t, start, end, vs in found for a, b, v in zip(start, end, vs, strict=True)}


@pytest.fixture
def bench(films: Path, tmp_path: Path) -> Iterator[Bench]:
    with hosted_server() as server:
        yield Bench(server, films, tmp_path)


CLIPS = [("a", 1, 3), ("b", 0.5, 2), ("a", 2, 6.4), ("b", 7, 8), ("a", 0, 1)]


@pytest.mark.parametrize(
    ("name", "path", "dim"), [("vertex", VERTEX, 1408), ("nova", NOVA, 3072), ("twelvelabs", "/embed-v2", 512)]
)
def test_what_arrives_is_a_playable_clip_of_the_right_length(
    bench: Bench, tmp_path: Path, name: str, path: str, dim: int
) -> None:
    clips = bench.table(("a", 1.2, 6.2), ("silent", 0, 4.4))
    done = bench.run(clips, name)
    assert (done.embedded, done.not_evaluated, done.failed, done.left) == (2, [], [], 0)
    assert {r.path for r in bench.server.received} == {path}
    held, seconds = bench.held(), {}
    for number, received in enumerate(bench.server.received):
        file = tmp_path / f"{number}.mp4"
        file.write_bytes(received.clip)
        with open_title(file) as reader:
            pictures = [item for item in reader if isinstance(item, Picture)]
            assert not reader.failure
            track = reader.info.video
            assert track is not None
            assert (track.codec, float((pictures[-1].pts + pictures[-1].duration_pts) * reader.time_base)) == (
                "h264",
                pytest.approx(len(pictures) / FPS, abs=1e-3),
            )
            assert min(track.display_width, track.display_height) == (360 if name == "twelvelabs" else 64)
            clip = ("a", 1.2, 6.2) if reader.audio_index is not None else ("silent", 0.0, 4.4)
        seconds[clip] = len(pictures) / FPS
        np.testing.assert_array_equal(held[clip], np.float32(vector_of(received.clip, dim)))
    assert seconds == {("a", 1.2, 6.2): 5.0, ("silent", 0.0, 4.4): 4.4}
    assert bench.catalog.verify() == []
    assert bench.catalog.clip_sets()[0].source == load_service(name).source


def test_nothing_is_sent_twice(bench: Bench) -> None:
    first = bench.run(bench.table(*CLIPS))
    assert (first.embedded, first.from_cache, first.already_there) == (5, 0, 0)
    assert first.spent_usd == pytest.approx((2 + 2 + 5 + 1 + 1) * PRICE)
    before = bench.held()
    again = bench.run(bench.table(*CLIPS, ("b", 3, 4)))
    assert (again.embedded, again.from_cache, again.already_there) == (1, 0, 5)
    other = bench.run(bench.table(*CLIPS), clip_set="another")
    assert (other.embedded, other.from_cache, other.spent_usd) == (0, 5, 0)
    assert len(bench.server.embedded) == 6
    for clip, vector in bench.held("another").items():
        np.testing.assert_array_equal(vector, before[clip])


def test_the_result_is_the_same_whatever_comes_first(bench: Bench) -> None:
    one = bench.run(bench.table(*CLIPS), clip_set="one", workers=1)
    bench.server.replies = [Reply(503), Reply(delay_s=0.2, drop=True), Reply(429, headers={"Retry-After": "3"})]
    many = bench.run(bench.table(*CLIPS[::-1]), clip_set="many", workers=4, cache=HostedCache(bench.folder / "other"))
    assert one.embedded == many.embedded == 5
    assert many.unconfirmed_usd > 0
    first, second = bench.held("one"), bench.held("many")
    assert list(first) == list(second)
    for clip, vector in first.items():
        np.testing.assert_array_equal(vector, second[clip])


def test_other_models_and_addresses_have_their_own_answers(bench: Bench) -> None:
    clips = bench.table(("a", 0, 5))
    bench.run(clips, "twelvelabs", clip_set="three")
    bench.run(clips, load_service("twelvelabs", "marengo3.5"), clip_set="three-five")
    bench.run(clips, "twelvelabs", clip_set="elsewhere", base_url=bench.server.url.replace("127.0.0.1", "localhost"))
    assert len(bench.server.embedded) == 3
    with pytest.raises(MismatchError, match=r"marengo3\.0 by TwelveLabs .*marengo3\.5 by TwelveLabs"):
        bench.run(clips, load_service("twelvelabs", "marengo3.5"), clip_set="three")
    assert len(bench.server.embedded) == 3


def test_the_cap_is_kept_and_the_next_run_goes_on(bench: Bench) -> None:
    clips = bench.table(*CLIPS)  # in the order they are cut: a 0-1, a 1-3, a 2-6.4, b 0.5-2, b 7-8
    for workers in (1, 4):
        bench.cache = HostedCache(bench.folder / f"cache-{workers}")
        done = bench.run(clips, max_usd=4 * PRICE, workers=workers, clip_set=f"set-{workers}")
        assert (done.embedded, done.left, done.failed) == (2, 3, [])
        assert done.spent_usd == pytest.approx(3 * PRICE)
        assert list(bench.held(f"set-{workers}")) == [("a", 0.0, 1.0), ("a", 1.0, 3.0)]
    more = bench.run(clips, max_usd=1.0, workers=4, clip_set="set-4")
    assert (more.embedded, more.already_there, more.left) == (3, 2, 0)
    assert more.spent_usd == pytest.approx(8 * PRICE)


def test_calls_that_cost_nothing_make_room_under_the_cap(bench: Bench) -> None:
    bench.server.replies = [Reply(400, {"message": "no"}), Reply(413, {"message": "no"})]
    done = bench.run(bench.table(("a", 0, 1), ("a", 1, 2), ("a", 2, 3)), max_usd=PRICE, workers=3)
    assert (done.embedded, done.left, len(done.not_evaluated)) == (1, 0, 2)
    assert done.spent_usd == pytest.approx(PRICE)


def test_what_cannot_be_had_is_listed_with_its_reason(bench: Bench, tmp_path: Path) -> None:
    gone = make_film(tmp_path / "gone.mp4", 5)
    changed = make_film(tmp_path / "changed.mp4", 6)
    for title, film in (("gone", gone), ("changed", changed)):
        store(bench.catalog, title, film)
    table = tmp_path / "shots.parquet"
    table.write_bytes(b"features")
    store(bench.catalog, "imported", table)
    long = make_film(tmp_path / "long.mp4", 7, seconds=40)
    store(bench.catalog, "long", long, 40)
    gone.unlink()
    make_film(changed, 8)
    rows = [
        ("gone", 0, 2),
        ("changed", 0, 2),
        ("imported", 0, 2),
        ("long", 0, 31),
        ("a", 0, 2),
        ("b", 0, 2),
        ("b", 2, 4),
    ]
    bench.server.replies = [Reply(200, {"embeddings": []}), Reply(422, {"message": "too dull"})]
    done = bench.run(bench.table(*rows), workers=1)
    document = done.as_json()
    assert (document["embedded"], document["clips"]) == (1, 7)
    failed = {c["row"]: c["reason"] for c in document["failed"]}
    refused = {c["row"]: c["reason"] for c in document["not_evaluated"]}
    assert list(failed) == [1, 2, 3, 5]
    assert "gone.mp4 is gone" in failed[1]
    assert "changed.mp4 was changed since it was ingested" in failed[2]
    assert "no film of it is known" in failed[3]
    assert "holds 0 embeddings instead of one" in failed[5]
    assert list(refused) == [4, 6]
    assert "31 s is longer than the 30 s" in refused[4]
    assert "too dull" in refused[6]
    assert document["spent_usd"] == pytest.approx(4 * PRICE)
    assert document["not_evaluated"][0] == {"row": 4, "title": "long", "start_s": 0, "end_s": 31, "reason": refused[4]}
    json.dumps(document)
    assert list(bench.held()) == [("b", 2.0, 4.0)]


def test_a_whole_title_is_a_clip_like_another(bench: Bench) -> None:
    (bench.folder / "whole.jsonl").write_text('{"title": "a"}\n{"title": "b"}\n')
    assert bench.run(bench.folder / "whole.jsonl").embedded == 2
    assert list(bench.held()) == [("a", 0.0, 8.0), ("b", 0.0, 8.0)]


def test_one_film_under_two_titles_is_paid_once(bench: Bench) -> None:
    store(bench.catalog, "twin", bench.films / "a.mp4")
    done = bench.run(bench.table(("a", 0, 2), ("twin", 0, 2)), workers=4)
    assert (done.embedded, done.from_cache, len(bench.server.embedded)) == (1, 1, 1)
    held = bench.held()
    np.testing.assert_array_equal(held["a", 0.0, 2.0], held["twin", 0.0, 2.0])


def test_a_key_that_is_refused_stops_the_run_and_keeps_what_was_paid(bench: Bench) -> None:
    clips = bench.table(*CLIPS)
    good = [Reply(200, {"embeddings": [{"embedding": [float(k)] * 3072}]}) for k in (1, 2)]
    bench.server.replies = [*good, Reply(401, {"message": "expired"})]
    with pytest.raises(UsageError, match="does not let this key in"):
        bench.run(clips, workers=1)
    assert list(bench.held()) == [("a", 0.0, 1.0), ("a", 1.0, 3.0)]
    assert bench.run(clips).embedded == 3


def test_a_missing_key_is_named_before_anything_is_read(bench: Bench) -> None:
    with pytest.raises(UsageError, match="AWS_BEARER_TOKEN_BEDROCK"):
        bench.run(bench.folder / "absent.csv", environment={})


def test_rows_that_do_not_fit_stop_it_before_anything_is_sent(bench: Bench) -> None:
    with pytest.raises(ImportDataError, match=r"does not hold \(c\): row 2"):
        bench.run(bench.table(("a", 0, 1), ("c", 0, 1)))
    with pytest.raises(ImportDataError, match="outside their title: row 1"):
        bench.run(bench.table(("a", 0, 9)))
    for options in ({"max_usd": 0}, {"max_usd": float("nan")}, {"workers": 0}):
        with pytest.raises(UsageError):
            bench.run(bench.table(("a", 0, 1)), **options)
    with pytest.raises(UsageError, match="called 'video'"):
        bench.run(bench.table(("a", 0, 1)), clip_set="video")
    (bench.folder / "file").write_text("")
    with pytest.raises(CatalogError, match="cannot be written"):
        bench.run(bench.table(("a", 0, 1)), cache=HostedCache(bench.folder / "file"))
    assert bench.server.received == []


def test_a_plan_sends_nothing_and_needs_no_key(bench: Bench) -> None:
    bench.run(bench.table(("a", 0, 1)))
    bench.run(bench.table(("a", 1, 2)), clip_set="another")
    clips = bench.table(("a", 0, 1), ("a", 1, 2), ("a", 2, 4.5), ("silent", 0, 8), ("b", 0, 0.3))
    sent = len(bench.server.received)
    plan = plan_hosted(
        clips, bench.catalog.uri, load_service("nova"), "theirs", base_url=bench.server.url, cache=bench.cache
    )
    document = plan.as_json()
    assert len(bench.server.received) == sent
    counts = {k: document[k] for k in ("clips", "to_embed", "from_cache", "already_there")}
    assert counts == {"clips": 5, "to_embed": 3, "from_cache": 1, "already_there": 1}
    assert document["usd"] == pytest.approx((3 + 8 + 1) * PRICE)
    assert document["video_s"] == pytest.approx(10.8)
    assert document["price"]["usd_per_minute"] == pytest.approx(0.0504)
    vertex = plan_hosted(clips, bench.catalog.uri, load_service("vertex", usd_per_s=1.0), cache=bench.cache)
    assert vertex.usd == pytest.approx(1 + 1 + 3 + 8)
    assert [c.reason for c in vertex.of("refused")] == ["0.3 s is shorter than the 1 s it takes at least"]
    bench.catalog.add_clip_set(ClipSetSpec("mine", "me", 3, "x"))
    with pytest.raises(MismatchError, match="by me"):
        plan_hosted(clips, bench.catalog.uri, load_service("nova"), "mine", cache=bench.cache)


def test_a_task_begun_by_an_earlier_run_is_planned_and_fetched_for_nothing(bench: Bench) -> None:
    service, clips = TwelveLabs(sync_max_s=4), bench.table(("a", 0, 5))

    class Leaps(FastClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(300 * seconds)

    bench.server.task_states = [Reply(200, {"_id": "task-1", "status": "processing"})] * 9
    first = bench.run(clips, service, clock=Leaps())
    assert "not ready after" in first.failed[0].reason
    assert first.spent_usd == pytest.approx(5 * 0.0007)
    bench.server.task_states = []
    plan = plan_hosted(clips, bench.catalog.uri, service, "theirs", base_url=bench.server.url, cache=bench.cache)
    assert (plan.usd, len(plan.of("send"))) == (0, 1)
    second = bench.run(clips, service, max_usd=1e-6)
    assert (second.embedded, second.spent_usd, second.left) == (1, 0, 0)
    assert len(bench.server.embedded) == 1


_CHILD = """
import sys
from pathlib import Path
from mediafm.encoders.hosted import load_service
from mediafm.ingest.hosted import embed_hosted
embed_hosted(Path(sys.argv[1]), sys.argv[2], load_service("nova"), "theirs", 1.0, workers=1, base_url=sys.argv[3])
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_or_interrupted_keeps_what_was_paid(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MEDIAFM_CACHE", str(bench.folder))
    bench.cache = HostedCache(bench.folder / "hosted")
    clips = bench.table(*CLIPS)
    good = [Reply(200, {"embeddings": [{"embedding": [float(k)] * 3072}]}) for k in (1, 2)]
    bench.server.replies = [*good, Reply(503, headers={"Retry-After": "100"}), *[Reply(503)] * 9]
    command = [sys.executable, "-c", _CHILD, str(clips), bench.catalog.uri, bench.server.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as child:
        while len(bench.server.embedded) < 3:
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(0.05)
        child.send_signal(end)
        child.communicate(timeout=20)
    kept = [("a", 0.0, 1.0), ("a", 1.0, 3.0)]
    if end == signal.SIGINT:
        assert list(bench.held()) == kept
    bench.server.replies, sent = [], len(bench.server.embedded)
    done = bench.run(clips)
    assert (done.embedded, done.from_cache + done.already_there) == (3, 2)
    assert len(bench.server.embedded) == sent + 3
    assert [bench.held()[clip][0] for clip in kept] == [1, 2]


def test_no_key_and_no_clip_is_left_behind(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    bench.server.replies = [Reply(400, {"message": ENVIRONMENT["TWELVE_LABS_API_KEY"]})]
    done = bench.run(bench.table(*CLIPS))
    assert list((tmp_path / "temp").iterdir()) == []
    secret = ENVIRONMENT["AWS_BEARER_TOKEN_BEDROCK"].encode()
    assert secret.decode() not in json.dumps(done.as_json())
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert files
    assert not any(secret in p.read_bytes() for p in files)
    sent = {hashlib.sha256(r.clip).digest() for r in bench.server.received}
    assert not any(hashlib.sha256(p.read_bytes()).digest() in sent for p in files)
