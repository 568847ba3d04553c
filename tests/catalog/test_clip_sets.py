import dataclasses
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from catalog_samples import fill, record, source, write

from mediafm.catalog import Catalog, ClipSetSpec, EmbeddingSetSpec
from mediafm.catalog.clip_sets import RESERVED
from mediafm.catalog.store import quote
from mediafm.catalog.tables import CLIP_SETS, TITLES, clips_table_name
from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.probes import features
from mediafm.probes.tasks import Split, Task

SPEC = ClipSetSpec("marengo", "marengo3.0 by TwelveLabs", 4, "twelvelabs:1")
SPANS = {"a": [(0.0, 1.5), (1 / 3, 2.0), (1.5, 3.25)], "b": [(0.25, 0.75)]}


def vectors(n: int, seed: int = 0, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def put(catalog: Catalog, title: str, spans: list[tuple[float, float]], values: np.ndarray) -> None:
    start, end = np.array(spans).T
    catalog.write_clip_vectors("marengo", title, start, end, values)


@pytest.fixture
def clips(catalog: Catalog) -> Catalog:
    """Titles a, b and c; the set marengo holds three clips of a and one of b."""
    for title_id, n in {"a": 5, "b": 3, "c": 2}.items():
        write(catalog, title_id, n)
    catalog.add_clip_set(SPEC)
    for seed, (title_id, spans) in enumerate(SPANS.items()):
        put(catalog, title_id, spans, vectors(len(spans), seed))
    return catalog


def held(catalog: Catalog, titles: list[str] | None = None) -> dict[str, tuple[list[float], list[float], bytes]]:
    return {t: (s.tolist(), e.tolist(), v.tobytes()) for t, s, e, v in catalog.clip_vectors("marengo", titles)}


def test_what_is_written_is_read_back_to_the_bit_and_to_the_microsecond(clips: Catalog) -> None:
    assert clips.clip_sets() == [SPEC]
    (title, start, end, values), *rest = clips.clip_vectors("marengo")
    assert title == "a"
    assert start.tolist() == [0.0, 0.333333, 1.5]
    assert end.tolist() == [1.5, 2.0, 3.25]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, vectors(3))
    assert [(t, v.shape) for t, _, _, v in rest] == [("b", (1, 4)), ("c", (0, 4))]
    assert [t for t, _, _, _ in clips.clip_vectors("marengo", ["c", "a"])] == ["c", "a"]
    assert clips.info()["clip_sets"] == {"marengo": {"source": SPEC.source, "dim": 4, "clips": 4}}
    assert clips.verify() == []


def test_the_order_of_writing_does_not_matter(clips: Catalog) -> None:
    other = ClipSetSpec("backwards", "", 4, "x")
    clips.add_clip_set(other)
    start, end = np.array(SPANS["a"][::-1]).T
    clips.write_clip_vectors("backwards", "a", start, end, vectors(3)[::-1])
    forwards, backwards = (next(clips.clip_vectors(s, ["a"])) for s in ("marengo", "backwards"))
    for one, two in zip(forwards[1:], backwards[1:], strict=True):
        np.testing.assert_array_equal(one, two)


def test_writing_again_changes_nothing_and_the_same_span_replaces(clips: Catalog) -> None:
    before = held(clips)
    put(clips, "a", SPANS["a"], vectors(3))
    assert held(clips) == before
    put(clips, "a", [SPANS["a"][1], (3.25, 3.3)], vectors(2, 9))
    _, start, _, values = next(clips.clip_vectors("marengo", ["a"]))
    assert start.tolist() == [0.0, 0.333333, 1.5, 3.25]
    expected = np.concatenate([vectors(3)[:1], vectors(2, 9)[:1], vectors(3)[2:], vectors(2, 9)[1:]])
    np.testing.assert_array_equal(values, expected)
    assert held(clips)["b"] == before["b"]
    assert clips.verify() == []


def test_many_titles_are_written_at_once(clips: Catalog) -> None:
    other = ClipSetSpec("copy", "", 4, "x")
    clips.add_clip_set(other)
    clips.write_clips("copy", clips.clip_vectors("marengo"))
    for one, two in zip(clips.clip_vectors("marengo"), clips.clip_vectors("copy"), strict=True):
        np.testing.assert_array_equal(one.vectors, two.vectors)


@pytest.mark.parametrize(
    "name",
    ["", "video", "text", "chance", "concat", "neighbours", "moving_average_8", "past_future_12", "run", "run/none"],
)
def test_a_name_that_means_something_else_is_refused(clips: Catalog, name: str) -> None:
    clips.add_embedding_set(EmbeddingSetSpec("run", "sha", "title", 6))
    with pytest.raises(UsageError):
        clips.add_clip_set(dataclasses.replace(SPEC, name=name))
    with pytest.raises(UsageError, match="has a clip set 'marengo'"):
        clips.add_embedding_set(EmbeddingSetSpec("marengo", "sha", "title", 6))
    assert [s.name for s in clips.clip_sets()] == ["marengo"]


def test_all_names_that_probes_use_are_reserved(catalog: Catalog) -> None:
    own = [
        features.CHANCE,
        features.METADATA,
        features.CONCAT,
        features.NEIGHBOURS,
        "moving_average_3",
        "past_future_40",
    ]
    task = Task(name="t", kind="binary", unit="shot", labels=Path(), split=Split(folds=2))
    features.check_features(catalog, own, {}, task)  # they are what probes know
    assert all(RESERVED.fullmatch(name) for name in own)


def test_one_name_stands_for_one_maker(clips: Catalog) -> None:
    clips.add_clip_set(SPEC)
    assert len(held(clips)["a"][0]) == 3
    for changed in ({"fingerprint": "twelvelabs:2"}, {"dim": 5}, {"source": "somebody"}):
        with pytest.raises(MismatchError, match=r"marengo3\.0 by TwelveLabs"):
            clips.add_clip_set(dataclasses.replace(SPEC, **changed))
    wider = dataclasses.replace(SPEC, dim=5)
    clips.add_clip_set(wider, replace=True)
    assert clips.clip_sets() == [wider]
    assert not any(start for start, _, _ in held(clips).values())


def test_a_set_that_is_not_there_is_an_error_with_a_remedy(clips: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"no clip set 'nova' .*has marengo.*--clip-set"):
        list(clips.clip_vectors("nova"))
    with pytest.raises(CatalogError, match="no title 'd'"):
        list(clips.clip_vectors("marengo", ["d"]))
    with pytest.raises(CatalogError, match="no title 'd'"):
        put(clips, "d", [(0, 1)], vectors(1))


def test_clips_that_do_not_fit_are_refused_and_nothing_is_stored(clips: Catalog) -> None:
    before, end = held(clips), clips.title_record("a").duration_s
    nan = vectors(1)
    nan[0, 2] = np.nan
    bad: list[tuple[list[tuple[float, float]], np.ndarray, str]] = [
        ([(1.0, 2.0)], vectors(2), "shape"),
        ([(1.0, 2.0)], vectors(1, dim=3), "shape"),
        ([(1.0, 2.0)], nan, "finite"),
        ([(2.0, 1.0)], vectors(1), "no span"),
        ([(-0.1, 1.0)], vectors(1), "no span"),
        ([(0.0, end + 0.06)], vectors(1), "no span"),
        ([(0.0, np.nan)], vectors(1), "not a number"),
        ([(1.0, 2.0), (1.0, 2.0)], vectors(2), "twice"),
    ]
    for spans, values, words in bad:
        with pytest.raises(CatalogError, match=words):
            put(clips, "a", spans, values)
    assert held(clips) == before
    put(clips, "a", [(0.0, end), (0.0, end + 0.04)], vectors(2))  # the whole title, and people's rounding


def test_clips_outlive_a_new_writing_of_the_same_film_but_not_another_film(clips: Catalog) -> None:
    before = held(clips)

    def again(seed: int, inputs: str) -> None:
        made_of = dataclasses.replace(source(seed), inputs_fingerprint=inputs)
        with clips.writer("a", made_of) as writer:
            fill(writer, 5, seed)
            writer.commit(record("a", 5), np.zeros(4, np.float32))

    again(0, "other subtitles")
    assert held(clips) == before
    again(7, "another film")
    assert held(clips) == {**before, "a": ([], [], b"")}
    assert clips.info()["clip_sets"]["marengo"]["clips"] == 1  # deleted, not only hidden
    assert clips.verify() == []


def test_a_title_that_is_removed_takes_its_clips_along(clips: Catalog) -> None:
    clips.record_failure("a", "a.mkv", "later")
    clips.remove_title("a")
    assert clips.title_ids() == ["b", "c"]
    assert clips.info()["clip_sets"]["marengo"]["clips"] == 1
    assert clips.failures() == []
    assert clips.verify() == []
    with pytest.raises(CatalogError, match="no title 'a'"):
        clips.remove_title("a")


def test_verify_tells_and_optimize_deletes_what_a_killed_removal_left(clips: Catalog) -> None:
    clips._store.delete(TITLES, f"title_id = {quote('a')}")
    problems = [p for p in clips.verify() if "clip set" in p]
    assert len(problems) == 3
    assert "clip set 'marengo': the clip 0-1.5 s of a belongs to no title" in problems[0]
    clips.optimize(timedelta(0))
    assert clips.verify() == []
    assert clips.info()["clip_sets"]["marengo"]["clips"] == 1


def test_verify_finds_damage(clips: Catalog) -> None:
    table = clips_table_name("marengo")
    rows = clips._store.scan(table, "title_id = 'b'")

    def changed(**columns: Any) -> None:
        names = rows.column_names
        values = [columns.get(n, rows[n].to_pylist()) for n in names]
        clips._store.add(table, type(rows).from_arrays([*map(_array, values, rows.schema.types)], schema=rows.schema))

    def _array(values: list[Any], kind: Any) -> Any:
        import pyarrow as pa

        return pa.array(values, kind)

    changed()
    changed(start_us=[10**9], end_us=[2 * 10**9])
    changed(start_us=[1], vector=[[0.0, 1.0, float("inf"), 0.0]])
    changed(start_us=[2], source_fingerprint=["other"])
    found = " ".join(clips.verify())
    for words in ("is there twice", "no span of the title", "not finite", "made of another film"):
        assert words in found
    clips.optimize(timedelta(0))
    assert "made of another film" not in " ".join(clips.verify())


def test_a_catalog_made_before_there_were_clip_sets_opens_and_gets_them(clips: Catalog, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(clips.uri, old)
    for name in (CLIP_SETS, clips_table_name("marengo")):
        shutil.rmtree(old / f"{name}.lance")
    catalog = Catalog.open(old)
    assert catalog.clip_sets() == []
    assert catalog.info()["clip_sets"] == {}
    assert catalog.verify() == []
    catalog.optimize(timedelta(0))
    write(catalog, "d", 2)
    catalog.remove_title("d")
    catalog.add_clip_set(SPEC)
    put(catalog, "a", SPANS["a"], vectors(3))
    assert held(catalog)["a"] == held(clips)["a"]
    assert Catalog.open(old).clip_sets() == [SPEC]
