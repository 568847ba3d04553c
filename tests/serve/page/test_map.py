"""The map in Chromium: drawn on request, looked through by pointer and by keys, and readable without seeing it."""

import re
from pathlib import Path
from typing import Any

import pytest

from mediafm.catalog import Catalog
from mediafm.maps import DrawnMap, build_map
from page_service import Watch, until

expect = pytest.importorskip("playwright.sync_api").expect
POINTS = ".plane canvas.points"


@pytest.fixture(scope="module")
def drawn(page_catalog: Path) -> dict[str, DrawnMap]:
    """The maps of the service's catalog: both units of the embedding set, shots of the raw features."""
    catalog = Catalog.open(page_catalog)
    maps = {"smooth": build_map(catalog, "smooth"), "concat": build_map(catalog, "concat")}
    return {**maps, "titles": build_map(catalog, "smooth", "title")}


@pytest.fixture
def map_page(page: Any, drawn: dict[str, DrawnMap]) -> Any:
    page.goto("/#/map?features=smooth")
    page.wait_for_selector(".legend li")
    return page


def lassoed(page: Any) -> None:
    """Draw a line around everything."""
    box = page.locator(".plane").bounding_box()
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.02)]
    at = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.keyboard.down("Shift")
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")


def inked(page: Any) -> int:
    """How many pixels of the plane's picture are not of its ground."""
    page.wait_for_timeout(200)
    return len(page.locator(POINTS).screenshot())


def test_legend_counts_every_shot_and_filters(map_page: Any, drawn: dict[str, DrawnMap], check_axe: Any) -> None:
    n = len(drawn["smooth"])
    counts = map_page.locator(".legend .count").all_inner_texts()
    assert sum(int(c.replace(",", "")) for c in counts) == n
    assert f"{n} shots of 2 titles" in map_page.locator(".about-map").inner_text()
    check_axe(map_page)
    full = inked(map_page)
    map_page.get_by_role("button", name="None").click()
    assert inked(map_page) < full
    lassoed(map_page)  # what is hidden is not chosen
    assert map_page.locator(".chosen h2").inner_text() == "Selection"
    map_page.locator(".legend input").first.check()
    lassoed(map_page)
    assert map_page.locator(".chosen h2").inner_text() == f"{counts[0]} selected"


@pytest.mark.parametrize("by", ["title", "genre", "tag"])
def test_colours_by_what_titles_are(page: Any, drawn: dict[str, DrawnMap], by: str) -> None:
    page.goto(f"/#/map?features=smooth&by={by}")
    page.wait_for_selector(".legend li")
    names = set(page.locator(".legend .name").all_inner_texts())
    bunny, sintel = {
        "title": ("Big Buck Bunny", "Sintel (trailer)"),
        "genre": ("comedy", "fantasy"),
        "tag": ("rabbit", "dragon"),
    }[by]
    assert names == {bunny, sintel}
    keys = {key[0]: key[1] for key in drawn["smooth"].keys}
    row = page.locator(".legend li", has_text=bunny)
    assert int(row.locator(".count").inner_text()) == keys["big_buck_bunny"]


def test_pointing_shows_a_shot_and_a_click_opens_it(map_page: Any, drawn: dict[str, DrawnMap]) -> None:
    where = map_page.locator(".plane").bounding_box()
    map_page.locator(".plane").focus()
    map_page.keyboard.press("0")  # the cross points at what is nearest the middle
    for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown") * 3:
        if map_page.locator(".card").is_visible():
            break
        map_page.keyboard.press(f"Shift+{key}")
    map_page.locator(".card").wait_for()
    assert map_page.locator("#status").inner_text().split(",")[0] in ("Big Buck Bunny", "Sintel (trailer)")
    until(map_page, "document.querySelector('.card img')?.naturalWidth > 0")
    assert where["width"] > 400
    map_page.keyboard.press("Enter")
    map_page.wait_for_url("**/#/title/**t=*")
    expect(map_page.get_by_role("heading", level=1)).to_have_text(re.compile("Big Buck Bunny|Sintel"))


def test_a_selection_stays_from_context_to_raw(map_page: Any, drawn: dict[str, DrawnMap]) -> None:
    n = len(drawn["smooth"])
    lassoed(map_page)
    assert map_page.locator(".chosen h2").inner_text() == f"{n} selected"
    assert map_page.locator(".chosen li").count() == min(n, 120)
    map_page.get_by_label("Features").select_option("concat")
    until(map_page, "location.hash.includes('features=concat')")
    map_page.wait_for_selector(f".chosen h2:has-text('{n} selected')")
    map_page.get_by_role("button", name="Clear").click()
    assert map_page.locator(".chosen h2").inner_text() == "Selection"


def test_zoom_by_wheel_and_keys_comes_back(map_page: Any) -> None:
    first = map_page.locator(POINTS).screenshot()
    box = map_page.locator(".plane").bounding_box()
    map_page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.6)
    map_page.mouse.wheel(0, -400)
    map_page.wait_for_timeout(200)
    assert map_page.locator(POINTS).screenshot() != first
    map_page.mouse.move(5, 5)
    map_page.get_by_role("button", name="All", exact=True).first.click()
    map_page.mouse.move(5, 5)
    map_page.wait_for_timeout(200)
    assert map_page.locator(POINTS).screenshot() == first


def test_clusters_are_a_list_that_can_be_read(map_page: Any, drawn: dict[str, DrawnMap]) -> None:
    clusters = drawn["smooth"].clusters
    assert map_page.locator(".clusters > ol > li").count() == len(clusters)
    link = map_page.locator(".clusters a").first
    title, shot = clusters[0].typical[0]
    assert f"#/title/{title}?t=" in link.get_attribute("href")
    assert shot >= 0 and "Arrow keys" in map_page.locator(".plane").get_attribute("aria-label")


def test_titles_and_a_narrow_dark_screen(open_page: Any, drawn: dict[str, DrawnMap], check_axe: Any) -> None:
    page = open_page(width=390, height=800, color_scheme="dark", has_touch=True)
    page.goto("/#/map?features=smooth&unit=title")
    page.wait_for_selector(".legend li")
    assert "2 titles of 2 titles" in page.locator(".about-map").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_axe(page)


@pytest.mark.slow
def test_a_map_is_drawn_when_asked_for(page: Any, watch: Watch, check_axe: Any) -> None:
    watch.allow += ["404"]  # which is how the service says that there is none
    page.goto("/#/map?features=video&unit=title")  # no other test draws it
    page.wait_for_selector(".not-drawn h2")
    assert "mediafm map --catalog CATALOG --features video --unit title" in page.locator(".not-drawn pre").inner_text()
    check_axe(page)
    page.get_by_role("button", name="Draw this map").click()
    page.wait_for_selector(".legend li", timeout=120_000)
    assert page.locator(".not-drawn").is_hidden()
