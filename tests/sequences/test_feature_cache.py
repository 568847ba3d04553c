"""The feature cache: what it holds, when it is built, and what becomes of it when something goes wrong."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fake_catalog import FakeCatalog
from mediafm.caches import cache_folder
from mediafm.errors import CatalogError, MismatchError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.sequences import FeatureCache, Span, encoder_facts, mapping
from mediafm.sequences import cache as cache_module
from mediafm.types import Features

TESTS = Path(__file__).parents[1]


class Counted(FakeCatalog):
    """Knows its own version; counts how often it is read."""

    version, read, broken = "one", 0, False

    def content_version(self) -> str:
        return self.version

    def iter_features(self) -> Iterator[tuple[str, Features]]:
        assert not self.broken, "read though the cache is current"
        self.read += 1
        return super().iter_features()


def whole_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "lock")


def assert_holds(cache: FeatureCache, catalog: FakeCatalog) -> None:
    """Bit for bit, in half precision."""
    assert cache.title_ids == sorted(catalog.held)
    for title, features in catalog.held.items():
        stored = cache.features(title)
        assert list(stored.vectors) == list(features.vectors)
        for modality, vectors in features.vectors.items():
            assert stored.vectors[modality].tobytes() == vectors.astype(np.float16).tobytes()
            assert (stored.present[modality] == features.present[modality]).all()
        times = np.stack(catalog.spans(title), axis=1).astype(np.float32)
        assert (cache.times(Span(title, 0, len(features))) == times).all()
        vector = catalog.globals[title]
        assert (cache.global_vector(title) == (np.zeros(cache.global_dim) if vector is None else vector)).all()


def test_it_holds_what_the_catalog_gave_bit_for_bit(tmp_path: Path) -> None:
    catalog = FakeCatalog(titles=7, shots=30)
    cache = FeatureCache.open(catalog, tmp_path)
    assert cache.lengths == dict.fromkeys(cache.title_ids, 30)
    assert cache.dims == {"video": 12, "text": 8}
    assert cache.global_dim == 8
    assert_holds(cache, catalog)
    assert_holds(FeatureCache.open(catalog, tmp_path), catalog)
    part = cache.features("t02", 5, 9)
    assert (part.vectors["video"] == catalog.held["t02"].vectors["video"][5:9]).all()


def test_titles_may_come_in_any_order_and_length(tmp_path: Path) -> None:
    catalog, longer = FakeCatalog(titles=4, shots=30), FakeCatalog(titles=2, shots=77, seed=1)
    catalog.held = {"z": longer.held["t00"], **catalog.held, "a": longer.held["t01"]}
    catalog.globals |= {"z": np.ones(8, np.float32), "a": None}
    assert_holds(FeatureCache.open(catalog, tmp_path), catalog)


def test_gathered_rows_are_the_spans_under_each_other(tmp_path: Path) -> None:
    cache = FeatureCache.open(FakeCatalog(titles=4, shots=30), tmp_path)
    spans = [Span("t03", 4, 30), Span("t00", 0, 1), Span("t03", 0, 4)]
    features, times = cache.gather(spans)
    for modality in cache.dims:
        parts = [cache.features(s.title, s.start, s.stop) for s in spans]
        assert (features.vectors[modality] == np.concatenate([p.vectors[modality] for p in parts])).all()
        assert (features.present[modality] == np.concatenate([p.present[modality] for p in parts])).all()
    assert (times == np.concatenate([cache.times(s) for s in spans])).all()


def test_fused_spans_are_slices_of_the_fused_title(tmp_path: Path) -> None:
    cache = FeatureCache.open(FakeCatalog(titles=4, shots=30), tmp_path)
    stats = FusionStats.fit(cache.iter_features(cache.wholes(cache.title_ids)), FusionSpec(cache.dims, "mean"))
    whole = fuse(cache.features("t01"), stats)[0]
    np.testing.assert_array_equal(cache.fused(Span("t01", 7, 20), stats), whole[7:20])


def test_stored_rows_cannot_be_written(tmp_path: Path) -> None:
    rows = FeatureCache.open(FakeCatalog(), tmp_path).features("t00").vectors["video"]
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = 1


def test_fingerprint_follows_content(tmp_path: Path) -> None:
    before = FeatureCache.open(FakeCatalog(), tmp_path).fingerprint
    assert FeatureCache.open(FakeCatalog(), tmp_path / "elsewhere").fingerprint == before
    changed, absent, renamed, other_global, later = (FakeCatalog() for _ in range(5))
    changed.held["t03"].vectors["text"][2, 0] += 1
    absent.held["t03"].present["video"][5] = False
    renamed.held["new"] = renamed.held.pop("t03")
    renamed.globals["new"] = renamed.globals["t03"]
    other_global.globals["t02"] = np.zeros(8, np.float32)
    later.spans = lambda title: (np.arange(60) + 1.0, np.arange(60) + 2.0)  # type: ignore[method-assign]
    others = [FeatureCache.open(c, tmp_path).fingerprint for c in (changed, absent, renamed, other_global, later)]
    assert len({*others, before}) == 6
    backwards = FakeCatalog()
    backwards.held = dict(reversed(backwards.held.items()))
    assert FeatureCache.open(backwards, tmp_path).fingerprint == before


def test_a_second_open_reads_nothing_of_the_catalog(tmp_path: Path) -> None:
    catalog = Counted()
    first = FeatureCache.open(catalog, tmp_path)
    catalog.broken = True
    second = FeatureCache.open(catalog, tmp_path)
    assert second.fingerprint == first.fingerprint
    assert_holds(second, catalog)


def test_a_changed_catalog_takes_the_place_of_the_old(tmp_path: Path) -> None:
    catalog = Counted(titles=3)
    first, old = FeatureCache.open(catalog, tmp_path), dict(catalog.held)
    before = whole_files(tmp_path)
    del catalog.held["t01"]
    assert FeatureCache.open(catalog, tmp_path).title_ids == ["t00", "t01", "t02"]  # not told of a change
    catalog.version = "two"
    second = FeatureCache.open(catalog, tmp_path)
    assert_holds(second, catalog)
    assert second.fingerprint != first.fingerprint
    assert len(whole_files(tmp_path)) == len(before)
    assert not set(whole_files(tmp_path)) & set(before)
    # Who has the old one open goes on reading it.
    assert (first.features("t01").vectors["video"] == old["t01"].vectors["video"]).all()


def test_a_catalog_that_knows_no_version_is_hashed(tmp_path: Path) -> None:
    catalog = FakeCatalog()
    FeatureCache.open(catalog, tmp_path)
    before = [p.stat().st_mtime_ns for p in whole_files(tmp_path)]
    FeatureCache.open(catalog, tmp_path)
    assert [p.stat().st_mtime_ns for p in whole_files(tmp_path)] == before
    catalog.held["t03"].vectors["text"][2, 0] += 1
    assert_holds(FeatureCache.open(catalog, tmp_path), catalog)


def test_catalogs_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    one, two = Counted(), Counted(seed=1)
    two.uri = "elsewhere"
    for catalog in (one, two, one, two):
        assert_holds(FeatureCache.open(catalog, tmp_path), catalog)
    assert (one.read, two.read) == (1, 1)


def damage_schema(index: Path) -> None:
    index.write_text(json.dumps({**json.loads(index.read_text()), "schema_version": 0}))


def damage_version(index: Path) -> None:
    index.write_text(json.dumps({**json.loads(index.read_text()), "version": "another"}))


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, cut_short) for name in ("rows.f16", "present.u8", "times.f32", "globals.f32", "index.json")),
        *((name, Path.unlink) for name in ("rows.f16", "index.json")),
        ("index.json", damage_schema),
        ("index.json", damage_version),
        ("index.json", lambda path: path.write_text("[]")),
        ("index.json", lambda path: path.write_bytes(b"\xff\xfe")),
    ],
)
def test_what_is_damaged_is_built_anew(tmp_path: Path, name: str, damage) -> None:
    catalog = Counted()
    FeatureCache.open(catalog, tmp_path)
    damage(next(p for p in whole_files(tmp_path) if p.name == name))
    assert_holds(FeatureCache.open(catalog, tmp_path), catalog)
    assert catalog.read == 2


def test_a_folder_that_is_none_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CatalogError, match=r"could not be written: Not a directory.*MEDIAFM_CACHE"):
        FeatureCache.open(FakeCatalog(), tmp_path / "file")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    catalog = FakeCatalog()
    with largest_file(2000), pytest.raises(CatalogError, match=r"File too large.*[Ff]ree some space"):
        FeatureCache.open(catalog, tmp_path)
    assert whole_files(tmp_path) == []
    assert_holds(FeatureCache.open(catalog, tmp_path), catalog)


def test_an_error_of_the_catalog_passes_through_and_leaves_nothing(tmp_path: Path) -> None:
    class Damaged(FakeCatalog):
        def iter_features(self) -> Iterator[tuple[str, Features]]:
            yield next(super().iter_features())
            raise CatalogError("damaged")

        def content_version(self) -> str:
            return ""

    with pytest.raises(CatalogError, match="damaged"):
        FeatureCache.open(Damaged(), tmp_path)
    assert whole_files(tmp_path) == []


SLOW = """
import sys, time
from pathlib import Path
from fake_catalog import FakeCatalog
from mediafm.sequences import FeatureCache

class Slow(FakeCatalog):
    def content_version(self):
        return "one"

    def iter_features(self):
        with Path(sys.argv[2]).open("a") as log:
            log.write("begun\\n")
        for title in super().iter_features():
            yield title
            time.sleep(float(sys.argv[3]))

print(FeatureCache.open(Slow(), sys.argv[1]).fingerprint)
"""


def build_elsewhere(folder: Path, log: Path, pause: float) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, str(folder), str(log), str(pause)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_build_killed_midway_is_not_taken_for_whole(tmp_path: Path) -> None:
    folder, log = tmp_path / "cache", tmp_path / "log"
    child = build_elsewhere(folder, log, pause=60)
    wait_for(log)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert whole_files(folder), "the child was killed while it wrote"
    catalog = Counted()
    assert_holds(FeatureCache.open(catalog, folder), catalog)
    assert catalog.read == 1
    assert len(whole_files(folder)) == 5  # nothing of the killed build


def test_two_builders_at_once_build_once(tmp_path: Path) -> None:
    folder, log = tmp_path / "cache", tmp_path / "log"
    children = [build_elsewhere(folder, log, pause=0.05) for _ in range(2)]
    fingerprints = {child.communicate(timeout=60)[0].strip() for child in children}
    assert fingerprints == {FeatureCache.open(FakeCatalog(), tmp_path / "own").fingerprint}
    assert log.read_text() == "begun\n"
    assert len(whole_files(folder)) == 5


def test_it_is_built_title_by_title(tmp_path: Path) -> None:
    alive: list[weakref.ref] = []

    class Streamed(FakeCatalog):
        def content_version(self) -> str:
            return ""

        def iter_features(self) -> Iterator[tuple[str, Features]]:
            for number in range(20):
                assert sum(ref() is not None for ref in alive) <= 1
                vectors = np.full((50, 12), number, np.float16)
                alive.append(weakref.ref(vectors))
                yield f"t{number:02d}", Features({"video": vectors}, {"video": np.ones(50, bool)})
                del vectors

        def spans(self, title_id: str) -> tuple[np.ndarray, np.ndarray]:
            return np.arange(50.0), np.arange(50.0) + 1

        def global_vector(self, title_id: str) -> None:
            return None

    cache = FeatureCache.open(Streamed(), tmp_path)
    assert len(alive) == 20
    assert (cache.features("t07").vectors["video"] == 7).all()
    assert cache.global_dim == 0
    assert cache.global_vector("t07").shape == (0,)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_resident_memory_stays_bounded_while_walking_over_it_all(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(mapping, "_GIVE_BACK", 2 << 20)
    cache = FeatureCache.open(FakeCatalog(titles=20, shots=40_000), tmp_path)
    assert next(tmp_path.rglob("rows.f16")).stat().st_size > 30 << 20
    before, growth = mapped_bytes(), []
    for title in cache.title_ids:
        for start in range(0, 40_000, 5000):
            cache.gather([Span(title, start, start + 5000)])
            growth.append(mapped_bytes() - before)
    assert max(growth) < 10 << 20


def mapped_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssFile:")[1].split()[0]) << 10


def test_an_empty_catalog_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    for _ in range(2):
        cache = FeatureCache.open(FakeCatalog(titles=0), tmp_path)
        assert cache.title_ids == []
        with pytest.raises(CatalogError, match="Ingest or import"):
            _ = cache.dims


def test_titles_without_shots_take_no_part(tmp_path: Path) -> None:
    catalog = FakeCatalog(titles=2)
    catalog.held["t00"] = Features(
        {m: v[:0] for m, v in catalog.held["t00"].vectors.items()},
        {m: p[:0] for m, p in catalog.held["t00"].present.items()},
    )
    assert FeatureCache.open(catalog, tmp_path).title_ids == ["t01"]


def test_titles_that_do_not_fit_are_named(tmp_path: Path) -> None:
    short, wide, global_ = FakeCatalog(), FakeCatalog(), FakeCatalog()
    short.spans = lambda title: (np.arange(3.0), np.arange(3.0) + 1)  # type: ignore[method-assign]
    with pytest.raises(CatalogError, match=r"'t00' has 60 shots .* times of 3"):
        FeatureCache.open(short, tmp_path)
    held = wide.held["t05"]
    wide.held["t05"] = Features({"text": held.vectors["text"]}, {"text": held.present["text"]})
    with pytest.raises(MismatchError, match=r"features of title 't05'"):
        FeatureCache.open(Versioned(wide), tmp_path)
    global_.globals["t03"] = np.zeros(9, np.float32)
    with pytest.raises(MismatchError, match=r"metadata of title 't03'"):
        FeatureCache.open(Versioned(global_), tmp_path)
    assert whole_files(tmp_path) == []


class Versioned:
    """Another source as it is, with a version."""

    def __init__(self, source: FakeCatalog) -> None:
        self._source = source

    def content_version(self) -> str:
        return "any"

    def __getattr__(self, name: str):
        return getattr(self._source, name)


def test_caches_lie_where_the_environment_says(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "named"))
    FeatureCache.open(FakeCatalog())
    assert whole_files(tmp_path / "named" / "features")
    monkeypatch.delenv("MEDIAFM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder("features") == tmp_path / "xdg" / "mediafm" / "features"


def test_a_cache_that_goes_away_while_it_is_opened_is_built_anew(tmp_path: Path, monkeypatch) -> None:
    catalog, real = Counted(), cache_module.ensure_built

    def built_and_replaced(*arguments):
        path, index = real(*arguments)
        if catalog.read == 1:
            shutil.rmtree(path)
        return path, index

    monkeypatch.setattr(cache_module, "ensure_built", built_and_replaced)
    assert_holds(FeatureCache.open(catalog, tmp_path), catalog)
    assert catalog.read == 2


def test_encoders_are_remembered_by_fingerprint() -> None:
    facts = encoder_facts(FakeCatalog())
    assert facts["text"] == {"name": "fake-text", "dim": 8, "fingerprint": "text", "licence": "MIT"}
