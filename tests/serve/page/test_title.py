"""The title in real Chromium: player, strip, ribbons, matrices, what a shot is like; by mouse, by keys, by axe."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_films import make_film
from mediafm.catalog import Catalog, import_features
from mediafm.ingest import ingest
from mediafm.probes.fitting import LinearProbe
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tasks import Task
from page_service import serving, until

TITLE = "/#/title/big_buck_bunny"
LABELS = ("busy", "calm", "night", "warm_light")


@pytest.fixture(scope="module")
def probes(page_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved probes of `smooth`: `busy` varies most, then `calm`, `night`, `warm_light`; one of vectors long gone."""
    catalog, folder = Catalog.open(page_catalog), tmp_path_factory.mktemp("probes")
    (spec,) = catalog.embedding_sets()
    rows = np.concatenate([shots for _, shots, _ in catalog.iter_embeddings("smooth")])
    _, _, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    weights = np.outer(axes[0], [40, 12, 4, 1]).astype(np.float32)
    middle = (-rows.mean(axis=0) @ weights).astype(np.float32)
    document = {"name": "mood", "kind": "multilabel", "unit": "shot", "columns": list(LABELS), "labels": "."}
    task = Task.model_validate({**document, "split": {"folds": 2}})
    probe = LinearProbe(weights, middle, np.ones(4), np.zeros(4, np.float32), 0.0)
    made_by, encoders = spec.checkpoint_fingerprint, {str(m): f for m, f in catalog.spec.fingerprints.items()}
    saved = SavedProbe(task, "smooth", made_by, encoders, LABELS, probe, "none", None)
    saved.save(folder / "mood" / "probes" / "smooth")
    gone = SavedProbe(
        task.model_copy(update={"name": "old"}), "smooth", "0" * 64, encoders, LABELS, probe, "none", None
    )
    gone.save(folder / "old" / "probes" / "smooth")
    return folder


@pytest.fixture(scope="module")
def titles(page_catalog: Path, probes: Path) -> Iterator[str]:
    """Base URL of a service with probes."""
    with serving(page_catalog, "--probes", str(probes)) as base:
        yield base


@pytest.fixture
def title(open_page: Callable[..., Any], titles: str) -> Any:
    """The page of Big Buck Bunny, all of it there."""
    return opened(open_page(titles))


def opened(page: Any, address: str = TITLE) -> Any:
    page.goto(address)
    page.wait_for_selector(".panel canvas:visible >> nth=1")
    page.wait_for_selector(".summary:not(:empty)")
    return page


def shots_of(page: Any) -> list[dict[str, Any]]:
    return list(asked_of(page, "shots")["shots"])


def asked_of(page: Any, what: str, title: str = "big_buck_bunny") -> dict[str, Any]:
    """What the service itself says of a title."""
    return dict(page.evaluate("(path) => fetch(path).then((a) => a.json())", f"/v1/titles/{title}/{what}"))


def seconds(page: Any) -> float:
    return float(page.evaluate("document.querySelector('video').currentTime"))


def lit(page: Any, selector: str) -> int:
    """How many colours a canvas shows: one where nothing was drawn."""
    script = (
        "(c) => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    )
    return int(page.locator(selector).first.evaluate(script))


# the whole ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_stands_in_anyones_way(
    open_page: Callable[..., Any], titles: str, check_axe: Any, scheme: str, width: int
) -> None:
    page = opened(open_page(titles, width=width, color_scheme=scheme))
    page.click("text=Tags as a table")
    check_axe(page)
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over == 0, "the page scrolls sideways"


def test_what_is_drawn_is_there(title: Any) -> None:
    assert lit(title, ".timeline canvas") > 1
    assert lit(title, "#ribbons canvas") > 2
    assert lit(title, ".panel canvas") > 5
    assert title.locator("h1").inner_text() == "Big Buck Bunny"


# player and strip ---------------------------------------------------------------------------------------------------


def test_a_click_on_a_shot_goes_there(title: Any) -> None:
    shots = shots_of(title)
    title.locator(".strip .shot").nth(2).click()
    title.wait_for_selector(".strip .shot.now[aria-posinset='3']")
    assert shots[2]["start_s"] <= seconds(title) < shots[2]["end_s"]
    assert f"t={shots[2]['start_s']:.2f}" in title.url


def test_keys_go_from_shot_to_shot_and_play(title: Any) -> None:
    shots = shots_of(title)
    title.keyboard.press("ArrowRight")
    title.keyboard.press("ArrowRight")
    title.wait_for_selector(".strip .shot.now[aria-posinset='3']")
    title.keyboard.press("ArrowLeft")
    title.wait_for_selector(".strip .shot.now[aria-posinset='2']")
    assert seconds(title) == pytest.approx(shots[1]["start_s"], abs=0.05)
    title.locator(".strip").focus()
    title.keyboard.press("End")
    title.wait_for_selector(f".strip .shot.now[aria-posinset='{len(shots)}']")
    active = title.get_attribute(".strip", "aria-activedescendant")
    assert title.get_attribute(f"#{active}", "aria-selected") == "true"
    title.keyboard.press("Home")
    title.evaluate("document.querySelector('video').muted = true")
    title.keyboard.press(" ")
    title.wait_for_selector("video")
    until(title, "!document.querySelector('video').paused && document.querySelector('video').currentTime > 0")
    title.keyboard.press(" ")
    until(title, "document.querySelector('video').paused")


def test_keys_typed_into_a_box_stay_there(title: Any) -> None:
    title.locator("[aria-label='Filter tags']").fill("a b")
    title.keyboard.press("ArrowLeft")
    title.keyboard.press(" ")
    assert title.input_value("[aria-label='Filter tags']") == "a  b"
    assert title.get_attribute(".strip .shot.now", "aria-posinset") == "1"


def test_an_address_with_a_time_begins_there(open_page: Callable[..., Any], titles: str) -> None:
    page = opened(open_page(titles), f"{TITLE}?t=9.5")
    page.wait_for_timeout(300)
    assert seconds(page) == pytest.approx(9.5, abs=0.05)


def test_words_are_said_beside_the_player(open_page: Callable[..., Any], titles: str) -> None:
    page = open_page(titles)
    page.goto("/#/title/sintel_trailer")
    line = page.locator(".lines button").first
    line.wait_for()
    line.click()
    page.wait_for_selector(".lines button.now")
    assert page.evaluate("document.querySelector('video').textTracks.length") == 1


# over time ----------------------------------------------------------------------------------------------------------


def test_ribbons_come_by_how_much_they_vary(title: Any) -> None:
    title.locator("#ribbons .label").first.wait_for()
    names = title.locator("#ribbons .label").all_inner_texts()
    tags = asked_of(title, "tags")["tags"]
    assert [name.split("\n")[0] for name in names] == [tag["label"].replace("_", " ") for tag in tags]
    assert sorted(tag["label"] for tag in tags) == sorted(LABELS)
    title.locator("[aria-label='Filter tags']").fill("warm")
    assert title.locator("#ribbons .track").count() == 1
    assert title.locator(".timeline [role=status]").inner_text() == "1 of 4 tags"


def test_pointing_at_a_ribbon_reads_its_value(title: Any) -> None:
    tags = asked_of(title, "tags")["tags"]
    shots = shots_of(title)
    lane = title.locator("#ribbons .lane").first
    lane.scroll_into_view_if_needed()
    box = lane.bounding_box()
    middle = (shots[3]["start_s"] + shots[3]["end_s"]) / 2 / shots[-1]["end_s"]
    title.mouse.move(box["x"] + middle * box["width"], box["y"] + 5)
    read = title.locator("#ribbons .value").first.inner_text()
    assert float(read) == pytest.approx(tags[0]["scores"][3], abs=0.006)
    assert "shot 3" in title.locator(".peek").inner_text()
    title.mouse.down()
    title.mouse.up()
    title.wait_for_selector(".strip .shot.now[aria-posinset='4']")


def test_the_table_says_what_the_ribbons_show(title: Any) -> None:
    tags = asked_of(title, "tags")["tags"]
    title.click("text=Tags as a table")
    best = int(np.argmax(tags[0]["scores"]))
    row = title.locator(".as-table tbody tr").first
    assert f"{max(tags[0]['scores']):.3f}" in row.inner_text()
    row.locator("button").click()
    title.wait_for_selector(f".strip .shot.now[aria-posinset='{best + 1}']")


def test_a_probe_that_does_not_fit_says_why(title: Any) -> None:
    told = title.locator(".timeline .missing").inner_text()
    assert told.startswith("old: ") and "was made by 000000000000" in told


# likeness -----------------------------------------------------------------------------------------------------------


def test_pointing_at_a_matrix_shows_both_shots_and_both_values(title: Any) -> None:
    n = len(shots_of(title))
    rows = np.array(asked_of(title, "embeddings?features=smooth")["vectors"])
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    canvas = title.locator(".panel canvas").nth(1)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    title.mouse.move(box["x"] + 4.5 / n * box["width"], box["y"] + 1.5 / n * box["height"])
    after = title.locator(".compared strong").nth(1)
    after.wait_for()
    assert float(after.inner_text()) == pytest.approx(unit[1] @ unit[4], abs=0.011)
    captions = title.locator(".readout figcaption").all_inner_texts()
    assert captions[0].startswith("Shot 1,") and captions[1].startswith("Shot 4,")
    title.mouse.down()
    title.mouse.up()
    title.wait_for_selector(".strip .shot.now[aria-posinset='5']")


def test_a_matrix_by_keys(title: Any) -> None:
    canvas = title.locator(".panel canvas").first
    canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        title.keyboard.press(key)
    said = title.locator(".likeness > [role=status]")
    said.filter(has_text="Shot 1 at").wait_for(state="attached")
    assert " and shot 2 at " in said.inner_text() and "before " in said.inner_text()
    assert title.locator("text=Whole title").is_disabled()
    title.keyboard.press("+")
    assert title.locator("text=Whole title").is_enabled()
    title.keyboard.press("0")
    assert title.locator("text=Whole title").is_disabled()
    title.keyboard.press("Enter")
    title.wait_for_selector(".strip .shot.now[aria-posinset='3']")


def test_the_wheel_zooms_both(title: Any) -> None:
    canvases = title.locator(".panel canvas")
    before = [canvases.nth(i).evaluate("(c) => c.toDataURL()") for i in (0, 1)]
    canvases.first.scroll_into_view_if_needed()
    box = canvases.first.bounding_box()
    title.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.6)
    title.mouse.wheel(0, -600)
    title.locator("button:not([disabled])", has_text="Whole title").wait_for()
    title.mouse.move(0, 0)
    title.wait_for_timeout(200)
    after = [canvases.nth(i).evaluate("(c) => c.toDataURL()") for i in (0, 1)]
    assert before[0] != after[0] and before[1] != after[1]


def test_two_fingers_zoom_the_matrix_and_not_the_page(open_page: Callable[..., Any], titles: str) -> None:
    page = opened(open_page(titles, width=390, height=844, has_touch=True, is_mobile=True))
    canvas = page.locator(".panel canvas").first
    canvas.evaluate("(c) => c.scrollIntoView({ block: 'center' })")
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", 0)):
        places = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    page.locator("button:not([disabled])", has_text="Whole title").wait_for()
    assert page.evaluate("visualViewport.scale") == 1


def test_another_feature_set_is_compared_by(title: Any) -> None:
    legend = title.locator(".panel .key").first
    before = legend.inner_text()
    title.locator("[aria-label='Before context: compare by']").select_option("video")
    legend.filter(has_not_text=before).wait_for()
    low, high = legend.locator("span").first.inner_text(), legend.locator("span").last.inner_text()
    script = "(path) => fetch(path).then((a) => a.headers.get('x-matrix'))"
    facts = json.loads(title.evaluate(script, "/v1/titles/big_buck_bunny/matrix?features=video"))
    assert facts["low"] - 0.01 <= float(low) < float(high) <= facts["high"] + 0.01


# likeness elsewhere -------------------------------------------------------------------------------------------------


def test_what_a_shot_is_like_by_itself_and_in_context(title: Any, check_axe: Any) -> None:
    title.click("text=Find shots like it")
    title.wait_for_selector(".pair > div >> nth=1")
    assert title.locator(".pair h3").all_text_contents() == ["By itselfconcat", "In its contextsmooth"]
    title.locator(".pair .hit").first.wait_for()
    assert title.locator(".pair .hit a[href*=big_buck_bunny]").count() == 0
    title.click("text=also in this title")
    title.wait_for_selector(".pair .hit a[href*=big_buck_bunny]")
    check_axe(title)


# titles that lack something -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service without probes or embedding set, of a title whose film is gone and of one whose film is another now."""
    folder = tmp_path_factory.mktemp("lacking")
    away, changed = make_film(folder / "away.mp4", 1, cues=False), make_film(folder / "changed.mp4", 2, cues=False)
    ingest([folder], str(folder / "catalog"), detector="content")
    away.unlink()
    make_film(changed, 3, cues=False)
    with serving(folder / "catalog") as base:
        yield base


def test_a_title_without_film_set_or_probes_says_what_would_make_them(
    open_page: Callable[..., Any], lacking: str, check_axe: Any
) -> None:
    page = open_page(lacking)
    page.goto("/#/title/away")
    page.wait_for_selector(".panel canvas:visible")
    assert "The film is not at hand" in page.locator(".screen").inner_text()
    until(page, "document.querySelector('.screen img.still').naturalWidth > 0")
    assert "Serve with --probes DIR" in page.locator(".timeline .missing").inner_text()
    told = page.locator(".panel .missing:visible").inner_text()
    assert "mediafm embed --catalog CATALOG --model RUN" in told
    first = page.get_attribute(".screen img.still", "src")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".strip .shot.now[aria-posinset='2']")
    assert page.get_attribute(".screen img.still", "src") != first
    check_axe(page)


def test_an_unknown_title_is_told(open_page: Callable[..., Any], titles: str) -> None:
    page = open_page(titles)
    page.watch.allow = ["404"]
    page.goto("/#/title/big_buck_buny")
    page.wait_for_selector("[role=alert]")
    assert "Did you mean big_buck_bunny?" in page.locator("[role=alert]").inner_text()


def test_a_film_that_changed_gives_way_to_its_pictures(open_page: Callable[..., Any], lacking: str) -> None:
    page = open_page(lacking)
    page.watch.allow = ["404"]
    page.goto("/#/title/changed")
    page.wait_for_selector(".screen .away")
    assert "cannot be played here" in page.locator(".screen").inner_text()
    assert page.locator(".screen img.still").count() == 1


# long titles --------------------------------------------------------------------------------------------------------

SHOTS, PARTS = 6000, 8


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of a title of thousands of shots in eight parts, imported: features, words, no film and no pictures."""
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(PARTS, 16)), SHOTS // PARTS, axis=0) + 0.3 * rng.normal(size=(SHOTS, 16))
    table = {
        "title_id": ["long"] * SHOTS, "shot": np.arange(SHOTS), "start_s": 2.0 * np.arange(SHOTS),
        "end_s": 2.0 * np.arange(SHOTS) + 2, "look": list(rows.astype(np.float32)),
        "words": [f"line {i} is said" if i % 2 else "" for i in range(SHOTS)],
    }  # fmt: skip
    pq.write_table(pa.table(table), folder / "shots.parquet")
    import_features(folder / "shots.parquet", None, str(folder / "catalog"), {"video": "look"}, text_column="words")
    with serving(folder / "catalog") as base:
        yield base


def opened_long(open_page: Callable[..., Any], base: str) -> Any:
    page = opened_first(open_page(base), "/#/title/long")
    page.wait_for_selector(".summary:not(:empty)", timeout=60_000)
    return page


def opened_first(page: Any, address: str) -> Any:
    page.goto(address)
    page.wait_for_selector(".panel canvas:visible")
    return page


def test_a_long_title_keeps_the_page_small(open_page: Callable[..., Any], long: str) -> None:
    page = opened_long(open_page, long)
    assert page.evaluate("document.querySelectorAll('*').length") < 1500
    page.locator(".strip").evaluate("(strip) => { strip.scrollLeft = 3000 * 136; }")
    page.locator(".strip .shot[aria-posinset='3005']").click()
    page.wait_for_selector(".lines button.now >> text=line 3005 is said", state="detached")
    page.wait_for_selector(".strip .shot.now[aria-posinset='3005']")
    assert page.locator(".strip .shot").count() < 40 and page.locator(".lines button").count() < 60


def test_chapters_are_drawn_in_and_lead_there(open_page: Callable[..., Any], long: str, check_axe: Any) -> None:
    page = opened_long(open_page, long)
    found = asked_of(page, "chapters", "long")["chapters"]
    assert [chapter["first_shot"] for chapter in found] == list(range(0, SHOTS, SHOTS // PARTS))
    assert page.locator(".lane .chapter-part").all_inner_texts()[0].startswith("1")
    assert page.locator(".lane .chapter-part").count() == PARTS
    page.get_by_role("tab", name="Chapters").click()
    page.locator(".lines .with-picture", has_text="Chapter 4").click()
    page.wait_for_selector(f".strip .shot.now[aria-posinset='{found[3]['first_shot'] + 1}']")
    assert page.locator(".strip .shot.now .chapter").inner_text() == "4"
    said = page.locator(".summary").inner_text()
    within, across = [float(word) for word in said.replace(";", "").rstrip(".").split() if word[0] in "-0123456789"]
    assert within > 0.8 > across
    page.click("text=Chapters as a table")
    page.wait_for_selector(f".likeness .as-table tbody tr >> nth={PARTS - 1}")
    assert page.locator(".likeness .as-table tbody tr").count() == PARTS
    check_axe(page)


def test_a_closer_look_is_asked_for(open_page: Callable[..., Any], long: str) -> None:
    page = opened_long(open_page, long)
    with page.expect_response(lambda answer: "row_start=" in answer.url) as answer:
        for _ in range(8):
            page.click("[aria-label='Zoom in']")
    facts = json.loads(answer.value.headers["x-matrix"])
    assert facts["rows"] == facts["row_end"] - facts["row_start"] <= 448  # a cell a shot


def test_without_any_embedding_set_it_says_how_to_make_one(open_page: Callable[..., Any], long: str) -> None:
    page = opened_long(open_page, long)
    assert "mediafm pretrain --catalog CATALOG" in page.locator(".panel .missing:visible").inner_text()
    assert "Shown is what is said" in page.locator(".screen").inner_text()
