"""Another encoder for one modality: that one as a fresh ingest makes it, the others what they were, byte for byte."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders import tiny_models
from hosted_server import SECRET
from ingest_films import make_film
from ingest_killing import differences
from mediafm.catalog import Catalog, EmbeddingSetSpec, ReEncoding
from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.ingest import ingest, reencode
from openai_server import openai_server, write_preset

PARTS = {
    "video": 'kind = "offline"',
    "audio": 'kind = "offline"',
    "text": 'kind = "minilm"',
    "new-video": 'kind = "clip"\nmodel = "{models}/clip"\nframes = 3',
    "new-audio": 'kind = "wav2vec2"\nmodel = "{models}/wav2vec2"',
    "new-text": 'kind = "sentence"\nmodel = "{models}/sentence"',
}
METADATA = '{"title": "a", "name": "A", "synopsis": "Noise drifts past."}\n'


class World:
    """Films, presets, and the catalog that the preset `old` makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.films, self.old_catalog = folder, folder / "films", folder / "old"
        self.films.mkdir()
        make_film(self.films / "a.mp4", seed=1)
        make_film(self.films / "mute.mp4", seed=2, sound=False, cues=False)
        make_film(self.films / "c.mp4", seed=3)
        (folder / "metadata.jsonl").write_text(METADATA)
        for kind in ("clip", "wav2vec2", "sentence"):
            getattr(tiny_models, f"save_{kind}")(folder / "models" / kind)
        assert self.ingest(self.old_catalog, self.preset("video", "audio", "text")).titles_ok == 3

    def preset(self, *parts: str, detector: str = "content") -> Path:
        """A preset file of these encoders."""
        path = self.folder / f"{'_'.join(parts)}.toml"
        tables = [
            f"[encoders.{p.removeprefix('new-')}]\n{PARTS[p].format(models=self.folder / 'models')}" for p in parts
        ]
        path.write_text(f'name = "{path.stem}"\n[detector]\nname = "{detector}"\n' + "\n".join(tables) + "\n")
        return path

    def ingest(self, catalog: Path, preset: Path) -> Any:
        return ingest([self.films], str(catalog), str(preset), metadata=self.folder / "metadata.jsonl")

    def fresh(self, *parts: str) -> Path:
        """The catalog that an ingest with another preset makes."""
        catalog = self.folder / f"fresh-{'_'.join(parts)}"
        if not catalog.exists():
            self.ingest(catalog, self.preset(*parts))
        return catalog


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def catalog(world: World, tmp_path: Path) -> Path:
    """A copy of the old catalog."""
    return Path(shutil.copytree(world.old_catalog, tmp_path / "catalog"))


def seen(catalog: Path) -> dict[str, Any]:
    """All that readers see, in a form that == compares."""
    opened, found = Catalog.open(catalog), {}
    for title in opened.title_ids():
        features, vector = opened.features(title), opened.global_vector(title)
        found[title] = {
            "shots": opened.shots(title),
            "keyframes": opened.keyframes(title),
            "global": None if vector is None else vector.tobytes(),
            **{m: (v.tobytes(), features.present[m].tobytes()) for m, v in features.vectors.items()},
        }
    return found


@pytest.mark.parametrize(
    ("parts", "changed"),
    [
        (("video", "audio", "new-text"), {"text", "global"}),
        (("video", "new-audio", "text"), {"audio"}),
        pytest.param(("new-video", "audio", "text"), {"video", "keyframes"}, marks=pytest.mark.slow),
        (("new-video", "new-audio", "new-text"), {"video", "audio", "text", "global", "keyframes"}),
    ],
)
def test_the_one_is_as_freshly_made_and_the_others_are_what_they_were(
    world: World, catalog: Path, parts: tuple[str, ...], changed: set[str]
) -> None:
    before = seen(catalog)
    summary = reencode(str(catalog), str(world.preset(*parts)))
    assert (summary.switched, summary.failures, summary.titles_ok) == (True, {}, 3)
    assert set(summary.redone) == {p.removeprefix("new-") for p in parts if p.startswith("new-")}
    fresh = world.fresh(*parts)
    assert differences(catalog, fresh) == []
    after = seen(catalog)
    assert after == seen(fresh)
    for title, kept in before.items():
        for what in set(kept) - changed:
            assert after[title][what] == kept[what], (title, what)
    opened = Catalog.open(catalog)
    assert opened.spec.changed(Catalog.open(fresh).spec) == [] and opened.spec.preset == "_".join(parts)
    assert world.ingest(catalog, world.preset(*parts)).titles_skipped == 3  # it is theirs in every respect


def test_text_needs_no_film_and_sound_or_picture_fail_with_a_row_and_a_reason(world: World, catalog: Path) -> None:
    before = seen(catalog)
    hidden = world.films.rename(world.folder / "elsewhere")
    try:
        assert reencode(str(catalog), str(world.preset("video", "audio", "new-text"))).switched
        audio = str(world.preset("video", "new-audio", "new-text"))
        summary = reencode(str(catalog), audio)
        assert not summary.switched and summary.titles_left == 2 and summary.titles_ok == 1  # one has no sound
        assert set(summary.failures) == {"a", "c"}
        opened = Catalog.open(catalog)
        rows = {f.title_id: f.reason for f in opened.failures()}
        assert rows.keys() == {"a", "c"} and all("cannot be read" in r and "not re-encoded" in r for r in rows.values())
        assert seen(catalog)["a"]["audio"] == before["a"]["audio"] and opened.verify() == []
        under_way = opened.info()["re_encoding"]
        assert (under_way["modalities"], under_way["titles_done"], under_way["titles"]) == (["audio"], 1, 3)
        assert reencode(str(catalog), audio, films=[hidden]).switched  # where they are now
        assert Catalog.open(catalog).failures() == []
        assert Catalog.open(catalog).title_record("a").path == str(hidden / "a.mp4")
    finally:
        hidden.rename(world.films)
    assert differences(catalog, world.fresh("video", "new-audio", "new-text")) == []


def test_titles_that_cannot_be_redone_may_be_left_out(world: World, catalog: Path) -> None:
    film = world.films / "c.mp4"
    film.rename(world.folder / "c.mp4")
    try:
        preset = str(world.preset("new-video", "audio", "text"))
        assert not reencode(str(catalog), preset).switched
        assert reencode(str(catalog), preset, leave_out=True).switched
    finally:
        (world.folder / "c.mp4").rename(film)
    opened = Catalog.open(catalog)
    assert opened.title_ids() == ["a", "mute"] and opened.verify() == []
    assert [f.title_id for f in opened.failures()] == ["c"]


def test_a_film_that_is_another_one_by_now_is_not_taken_for_it(world: World, catalog: Path, tmp_path: Path) -> None:
    make_film(tmp_path / "a.mp4", seed=9)
    summary = reencode(str(catalog), str(world.preset("video", "new-audio", "text")), films=[tmp_path / "a.mp4"])
    assert set(summary.failures) == {"a"} and "not the film that is stored" in summary.failures["a"]
    assert not summary.switched


def test_modalities_are_added_and_dropped(world: World, catalog: Path) -> None:
    dropped = reencode(str(catalog), str(world.preset("video", "text")))
    assert (dropped.switched, dropped.dropped, dropped.redone, dropped.added) == (True, ["audio"], [], [])
    assert seen(catalog) == seen(world.fresh("video", "text"))
    assert Catalog.open(catalog).verify() == []
    added = reencode(str(catalog), str(world.preset("video", "new-audio", "text")))
    assert (added.switched, added.added, added.redone) == (True, ["audio"], [])
    assert seen(catalog) == seen(world.fresh("video", "new-audio", "text"))


def test_one_modality_may_be_taken_from_a_preset(world: World, catalog: Path) -> None:
    all_new = str(world.preset("new-video", "new-audio", "new-text"))
    summary = reencode(str(catalog), all_new, ["audio"])
    assert (summary.redone, summary.switched) == (["audio"], True)
    assert seen(catalog) == seen(world.fresh("video", "new-audio", "text"))
    assert Catalog.open(catalog).spec.preset == "video_audio_text"  # whose text encoder embeds queries
    with pytest.raises(UsageError, match="no modality smell"):
        reencode(str(catalog), all_new, ["smell"])


def test_a_preset_with_another_detector_keeps_the_shots(world: World, catalog: Path) -> None:
    before = seen(catalog)
    preset = world.preset("new-video", "audio", "text", detector="fixed")
    assert reencode(str(catalog), str(preset)).switched
    after = seen(catalog)
    assert all(after[t]["shots"] == before[t]["shots"] for t in before)
    assert after == seen(world.fresh("new-video", "audio", "text"))


def test_nothing_to_do_changes_nothing(world: World, catalog: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in catalog.rglob("*")}
    summary = reencode(str(catalog), str(world.preset("video", "audio", "text")))
    assert summary.switched and not summary.redone and summary.titles_ok == 0
    assert {p: p.stat().st_mtime_ns for p in catalog.rglob("*")} == before


def test_context_embeddings_of_the_old_vectors_go_and_other_presets_hear_of_the_command(
    world: World, catalog: Path
) -> None:
    opened = Catalog.open(catalog)
    opened.add_embedding_set(EmbeddingSetSpec("run1", "c1", "title", 4))
    n = opened.title_record("a").n_shots
    opened.write_embeddings("run1", "a", np.ones((n, 4), np.float32), np.ones(4, np.float32))
    preset = world.preset("video", "audio", "new-text")
    with pytest.raises(MismatchError) as raised:
        world.ingest(catalog, preset)
    assert "mediafm reencode" in raised.value.remedy and "re-does text" in raised.value.remedy
    reencode(str(catalog), str(preset))
    assert Catalog.open(catalog).embedding_sets() == []


# kills, and others at work --------------------------------------------------------------------------------------------


def start(catalog: Path, preset: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "mediafm",
        "reencode",
        "--catalog",
        str(catalog),
        "--preset",
        str(preset),
        "--json",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_a_kill_in_the_middle_changes_nothing_and_pays_nothing_twice(
    world: World, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    before = seen(catalog)
    with openai_server() as server:
        monkeypatch.setattr("openai_server.PRESET", _text_by_service())
        preset = write_preset(tmp_path / "api.toml", server.url)
        server.hold_from = 2
        run = start(catalog, preset)
        while len(server.received) < 2 and run.poll() is None:
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        assert seen(catalog) == before and Catalog.open(catalog).verify() == []
        under_way = set(server.received[1].body["input"])
        server.free.set()
        server.hold_from = 10**9
        summary = reencode(str(catalog), str(preset))
        assert summary.switched
        assert {text for text, n in server.asked.items() if n > 1} <= under_way
    after = seen(catalog)
    for title in before:
        assert all(after[title][what] == before[title][what] for what in ("video", "audio", "keyframes", "shots"))
    opened = Catalog.open(catalog)
    assert opened.spec.dims["text"] == 16 and opened.features("a").present["text"].any()
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())


def _text_by_service() -> str:
    from openai_server import PRESET

    old = '[encoders.video]\nkind = "offline"\n[encoders.audio]\nkind = "offline"\n[encoders.text]'
    return PRESET.replace("[encoders.text]", old)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_kills_at_any_moment_leave_the_old_catalog_or_the_new_one(world: World, catalog: Path, seed: int) -> None:
    preset, fresh = world.preset("new-video", "audio", "text"), seen(world.fresh("new-video", "audio", "text"))
    before, rng = seen(catalog), random.Random(seed)
    for _ in range(3):
        run = start(catalog, preset)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(rng.uniform(0, 7))
        run.kill()
        run.communicate()
        assert seen(catalog) in (before, fresh)
    out, err = start(catalog, preset).communicate(timeout=120)
    assert json.loads(out)["switched"], err
    assert seen(catalog) == fresh and Catalog.open(catalog).verify() == []


@pytest.mark.slow
def test_two_at_once_end_well(world: World, catalog: Path) -> None:
    preset = world.preset("video", "new-audio", "text")
    both = [start(catalog, preset) for _ in range(2)]
    for run in both:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0 and json.loads(out)["switched"], err
    assert seen(catalog) == seen(world.fresh("video", "new-audio", "text"))
    assert Catalog.open(catalog).verify() == []


def test_an_interrupted_run_goes_on_where_it_stood(
    world: World, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, preset = seen(catalog), str(world.preset("new-video", "audio", "text"))
    written: list[str] = []
    plain = ReEncoding.write

    def write(self: ReEncoding, writer: Any, title: Any) -> None:
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(title.record.title_id)
        plain(self, writer, title)
        writer.flush()

    monkeypatch.setattr(ReEncoding, "write", write)
    with pytest.raises(KeyboardInterrupt):
        reencode(str(catalog), preset)
    monkeypatch.undo()
    assert seen(catalog) == before
    assert Catalog.open(catalog).re_encoding()["titles_done"] == 1
    with pytest.raises(MismatchError, match="under way"):
        reencode(str(catalog), str(world.preset("video", "audio", "new-text")))
    summary = reencode(str(catalog), preset)
    assert (summary.switched, summary.titles_ok) == (True, 2)
    assert seen(catalog) == seen(world.fresh("new-video", "audio", "text"))


def test_a_title_stored_anew_meanwhile_is_redone_once_more(world: World, catalog: Path, tmp_path: Path) -> None:
    target = world.fresh("video", "audio", "new-text")
    opened = Catalog.open(catalog)
    run = ReEncoding.begin(opened, Catalog.open(target).spec)
    assert [r.title_id for r in run.due()] == ["a", "c", "mute"] and not run.switch()
    reencode(str(catalog), str(world.preset("video", "audio", "new-text")))
    with pytest.raises(CatalogError, match="re-encoded while this command wrote"):
        _store_again(opened)  # it still writes to the old tables
    assert seen(catalog) == seen(target)


def _store_again(opened: Catalog) -> None:
    record = opened.title_record("a")
    with opened.writer("a") as writer:
        writer.append(opened.shots("a"), opened.features("a"), opened.keyframes("a"))
        writer.commit(record, opened.global_vector("a"))


def test_a_late_commit_is_caught_up_with(world: World, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, again = ReEncoding.switch, []

    def switch(self: ReEncoding, leave_out: bool = False) -> bool:
        if not again:  # another process stores a title between the last look and the switch
            again.append(True)
            _store_again(self.catalog)
        return plain(self, leave_out=True)

    monkeypatch.setattr(ReEncoding, "switch", switch)
    summary = reencode(str(catalog), str(world.preset("video", "audio", "new-text")))
    assert summary.switched and summary.titles_ok == 4
    assert seen(catalog) == seen(world.fresh("video", "audio", "new-text"))


def test_a_reencoding_can_be_given_up(world: World, catalog: Path) -> None:
    before, names = seen(catalog), {p.name for p in catalog.iterdir()}
    opened = Catalog.open(catalog)
    ReEncoding.begin(opened, Catalog.open(world.fresh("video", "audio", "new-text")).spec)
    assert {p.name for p in catalog.iterdir()} > names
    assert ReEncoding.abandon(opened) and not ReEncoding.abandon(opened)
    assert {p.name for p in catalog.iterdir()} == names and seen(catalog) == before
    assert opened.re_encoding() == {}


def test_the_old_tables_go_with_optimize_after_its_grace(world: World, catalog: Path) -> None:
    from datetime import timedelta

    tables = len(list(catalog.iterdir()))
    reencode(str(catalog), str(world.preset("video", "audio", "new-text")))
    kept = seen(catalog)
    assert len(list(catalog.iterdir())) > tables
    Catalog.open(catalog).optimize(timedelta(0))
    assert len(list(catalog.iterdir())) == tables
    assert seen(catalog) == kept
    reencode(str(catalog), str(world.preset("video", "audio", "text")))  # and back
    Catalog.open(catalog).optimize(timedelta(0))
    assert seen(catalog) == seen(world.old_catalog)
