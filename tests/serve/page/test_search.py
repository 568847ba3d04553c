"""Search in Chromium: words, shots, pictures and sounds, in a mix; what is found plays, says why and leads on."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediafm.catalog import Catalog
from page_service import until

expect = pytest.importorskip("playwright.sync_api").expect
DROP = """
async ([bytes, name, type]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type }));
  document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""

WATCH = """
const send = window.fetch;
window.asked = [];
window.fetch = (path, options) => {
  if (options?.body instanceof FormData) window.asked.push(JSON.parse(options.body.get('request')));
  return send(path, options);
};
"""


def spoken(page_catalog: Path) -> tuple[str, str]:
    """(A line of a film, its longest word)."""
    catalog = Catalog.open(page_catalog)
    line = next(s.text for t in catalog.title_ids() for s in catalog.shots(t) if len(s.text.split()) > 2)
    return line, max(re.findall(r"\w+", line), key=len)


def test_words_are_found_marked_and_kept_in_the_address(
    page: Any, page_catalog: Path, check_axe: Callable[..., None]
) -> None:
    line, word = spoken(page_catalog)
    page.goto("/#/search")
    box = page.get_by_label("Words to look for")
    expect(box).to_be_focused()
    box.fill(word)
    box.press("Enter")
    first = page.locator(".hit").first
    expect(first.locator("mark").first).to_have_text(re.compile(word, re.IGNORECASE), timeout=90_000)
    expect(first).to_contain_text(line[:20])
    expect(first.locator(".why")).to_contain_text("Words said")
    expect(page).to_have_url(re.compile(f"words={word}"))
    check_axe(page)
    page.reload()
    expect(page.get_by_label("Words to look for")).to_have_value(word)
    expect(first.locator("mark").first).to_be_visible()


def test_results_are_walked_by_keys_and_lead_to_the_moment(page: Any) -> None:
    page.goto("/#/search?like=sintel_trailer%230")
    expect(page.locator(".hit").nth(2)).to_be_visible()
    page.get_by_label("Words to look for").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hit").first.locator("a.frame")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".hit").nth(1).locator("a.frame")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Words to look for")).to_be_focused()
    page.locator(".hit a.frame").nth(1).click()
    expect(page).to_have_url(re.compile(r"#/title/.+\?t=\d"))
    page.go_back()
    expect(page.locator(".hit").first).to_be_visible()


def test_like_a_shot_in_context_by_itself_and_side_by_side(page: Any, check_axe: Callable[..., None]) -> None:
    page.goto("/#/search?like=sintel_trailer%231")
    expect(page.locator(".parts")).to_contain_text("sintel_trailer#1")
    expect(page.locator(".hit").first.locator(".why")).to_contain_text("Picture")
    page.get_by_label("Side by side").check(force=True)
    expect(page.get_by_role("heading", name=re.compile("In its context"))).to_be_visible()
    expect(page.get_by_role("list", name="Results by itself").get_by_role("listitem").first).to_be_visible()
    check_axe(page)
    page.get_by_role("link", name=re.compile("More like this shot")).first.click()
    expect(page.locator(".parts")).not_to_contain_text(re.compile(r"sintel_trailer#1(?!\d)"))
    expect(page.locator(".parts li")).to_have_count(1)
    page.get_by_role("button", name=re.compile("Take out")).click()
    expect(page.get_by_text("Look for what is said or meant")).to_be_visible()


def test_a_picture_is_dropped_mixed_with_words_and_weighed(
    page: Any, page_catalog: Path, check_axe: Callable[..., None]
) -> None:
    picture = Catalog.open(page_catalog).keyframe("big_buck_bunny", 1)
    assert picture is not None
    page.add_init_script(WATCH)
    page.goto("/#/search")
    expect(page.get_by_text("Look for what is said or meant")).to_be_visible()
    page.evaluate(DROP, [list(picture), "still.jpg", "image/jpeg"])
    expect(page.locator(".parts li")).to_contain_text("still.jpg")
    expect(page.locator(".hit").first).to_contain_text("Big Buck Bunny", timeout=90_000)
    expect(page.locator(".hit").first.locator(".why")).to_contain_text("Your picture")
    page.get_by_label("Words to look for").fill("dragon")
    page.keyboard.press("Enter")
    weight = page.get_by_label("Weight of picture")
    expect(weight).to_be_visible()
    weight.fill("-2")
    expect(page).to_have_url(re.compile(r"w\.image=-2"))
    until(page, "asked.at(-1).weights?.image === -2 && asked.at(-1).words === 'dragon'")
    expect(page.locator(".hit").first).to_be_visible()
    check_axe(page)


def test_a_sound_is_chosen(page: Any, page_films: Path) -> None:
    film = page_films / "big_buck_bunny.mp4"
    page.goto("/#/search")
    page.get_by_label("Search by a sound").last.set_input_files(film)
    expect(page.locator(".parts")).to_contain_text("big_buck_bunny.mp4")
    expect(page.locator(".hit").first.locator(".why")).to_contain_text("Your sound", timeout=90_000)


def test_what_is_wrong_is_said(page: Any, watch: Any) -> None:
    watch.allow.append("status of 4")
    page.goto("/#/search?words=dragon&title=nothing*")
    expect(page.get_by_role("alert")).to_contain_text("holds no title")
    page.goto("/#/search")
    expect(page.get_by_text("Look for what is said or meant")).to_be_visible()
    page.evaluate(DROP, [[1, 2, 3], "broken.jpg", "image/jpeg"])
    expect(page.get_by_role("alert")).to_contain_text("cannot be read as a picture", timeout=60_000)
    page.evaluate(DROP, [[1], "notes.txt", "text/plain"])
    expect(page.get_by_role("alert")).to_contain_text("neither a picture nor a sound")


def test_filters_narrow_and_clips_and_titles_are_units(page: Any, check_axe: Callable[..., None]) -> None:
    page.goto("/#/search?like=sintel_trailer%231&by=own")
    expect(page.locator(".hit").first).to_be_visible()
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Genre").select_option("comedy")
    expect(page).to_have_url(re.compile("genre=comedy"))
    expect(page.locator(".hit", has_text="Sintel")).to_have_count(0)
    check_axe(page)
    page.get_by_label("Titles", exact=True).check(force=True)
    expect(page.get_by_role("status").filter(has_text="1 title")).to_be_visible()


def test_a_hit_plays_while_it_is_pointed_at(open_page: Callable[..., Any]) -> None:
    page = open_page(reduced_motion="no-preference")
    page.goto("/#/search?like=sintel_trailer%231")
    frame = page.locator(".hit", has_text="Sintel").first.locator("a.frame")
    frame.hover()
    expect(frame.locator("video")).to_be_attached()
    until(page, "document.querySelector('.hit video')?.currentTime > 0")
    page.mouse.move(2, 2)
    expect(frame.locator("video")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1600])
def test_any_width_and_scheme(open_page: Callable[..., Any], width: int, check_axe: Callable[..., None]) -> None:
    page = open_page(width=width, color_scheme="dark")
    page.goto("/#/search?like=sintel_trailer%231&by=both")
    expect(page.locator(".hit").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_axe(page)
