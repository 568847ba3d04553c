"""The catalogue in Chromium: posters, filters in the address, keys, work and failures, a list of any length."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediafm.catalog import Catalog, TitleSource
from page_service import serving, until

expect = pytest.importorskip("playwright.sync_api").expect
ASIDE = 80  # titles of the long list


@pytest.fixture(scope="module")
def long_catalog(page_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One title many times over, and one that failed."""
    from dataclasses import replace

    uri = tmp_path_factory.mktemp("long") / "catalog"
    shutil.copytree(page_catalog, uri)
    catalog = Catalog.open(uri)
    record, shots = catalog.title_record("sintel_trailer"), catalog.shots("sintel_trailer")
    features, pictures = catalog.features("sintel_trailer"), catalog.keyframes("sintel_trailer")
    with catalog.batch_writer() as batch:
        for number in range(ASIDE):
            name = f"copy {number:03}"
            with batch.writer(name, TitleSource("/gone.mkv", f"{number}")) as writer:
                writer.append(shots, features, pictures)
                writer.commit(
                    replace(record, title_id=name, metadata=replace(record.metadata, name=f"Copy {number:03}"))
                )
    catalog.record_failure("broken", "/gone/broken.mkv", "broken.mkv ends after 3 s. Fetch it again.")
    return uri


def test_posters_lead_to_titles(page: Any, check_axe: Callable[..., None]) -> None:
    page.goto("/#/")
    posters = page.locator(".poster")
    expect(posters).to_have_count(2)
    expect(page.get_by_role("status").filter(has_text="2 titles")).to_be_visible()
    expect(page.get_by_role("listitem").first).to_have_attribute("aria-setsize", "2")
    until(page, "[...document.querySelectorAll('.poster img')].every((p) => p.naturalWidth > 0)")
    check_axe(page)
    posters.filter(has_text="Sintel").click()
    expect(page).to_have_url(re.compile("#/title/sintel_trailer$"))


def test_filters_stand_in_the_address_and_come_back(page: Any, check_axe: Callable[..., None]) -> None:
    page.goto("/#/")
    page.get_by_label("Find a title").fill("bunny")
    expect(page.locator(".poster")).to_have_count(1)
    expect(page).to_have_url(re.compile("words=bunny"))
    page.get_by_label("All genres").select_option("fantasy")
    expect(page.get_by_text("No title fits all of these filters.")).to_be_visible()
    check_axe(page)
    page.reload()
    expect(page.get_by_label("Find a title")).to_have_value("bunny")
    page.get_by_role("button", name="Show all titles").click()
    expect(page.locator(".poster")).to_have_count(2)


def test_order_and_looks(page: Any, check_axe: Callable[..., None]) -> None:
    page.goto("/#/")
    names = page.locator(".place strong")
    expect(names).to_have_text(["Big Buck Bunny", "Sintel (trailer)"])
    page.get_by_label("Order", exact=True).select_option("longest")
    page.get_by_role("button", name="List").click()
    expect(page.locator(".row")).to_have_count(2)
    lengths = page.evaluate(
        "fetch('/v1/catalogue?order=longest').then((a) => a.json()).then((a) => a.titles.map((t) => t.name))"
    )
    expect(names).to_have_text(lengths)
    expect(page.get_by_role("button", name="List")).to_have_attribute("aria-pressed", "true")
    check_axe(page)


def test_a_long_list_is_walked_by_keys_and_holds_few_elements(
    open_page: Callable[..., Any], long_catalog: Path
) -> None:
    with serving(long_catalog) as base:
        page = open_page(base, width=700, height=600)
        page.goto("/#/")
        expect(page.get_by_role("status").filter(has_text="82 titles")).to_be_visible()
        assert page.locator(".place").count() < 30
        page.locator(".poster").first.focus()
        page.keyboard.press("End")
        expect(page.locator(":focus")).to_contain_text("Sintel (trailer)")  # beyond the first page of sixty
        expect(page.locator(".place", has=page.locator(":focus"))).to_have_attribute("aria-posinset", "82")
        page.keyboard.press("ArrowLeft")
        expect(page.locator(":focus")).to_contain_text("Copy 079")
        assert page.locator(".place").count() < 40
        page.keyboard.press("Home")
        expect(page.locator(":focus")).to_contain_text("Big Buck Bunny")
        page.get_by_text(re.compile("not ingested in full")).first.click()
        expect(page.get_by_role("row").filter(has_text="Fetch it again.")).to_be_visible()


@pytest.mark.slow
def test_films_are_ingested_from_the_page(
    open_page: Callable[..., Any], page_catalog: Path, page_films: Path, tmp_path: Path, check_axe: Callable[..., None]
) -> None:
    """The job fails, for the catalogue was made with another detector than jobs use: the page says so."""
    shutil.copytree(page_catalog, tmp_path / "catalog")
    with serving(tmp_path / "catalog", "--films", str(page_films)) as base:
        page = open_page(base)
        page.goto("/#/")
        page.get_by_role("button", name="Ingest films…").click()
        page.get_by_label("Filter films").fill("sintel")
        page.get_by_role("button", name="Choose all").click()
        check_axe(page)
        page.get_by_role("button", name="Start").click()
        job = page.get_by_role("list", name="Jobs").get_by_role("listitem")
        expect(job).to_contain_text(re.compile("queued|running|failed"))
        expect(job).to_contain_text("failed", timeout=90_000)
        expect(job).to_contain_text("preset")
        check_axe(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_any_width_and_scheme(
    open_page: Callable[..., Any], scheme: str, width: int, check_axe: Callable[..., None]
) -> None:
    page = open_page(width=width, color_scheme=scheme)
    page.goto("/#/")
    expect(page.locator(".poster")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_axe(page)
