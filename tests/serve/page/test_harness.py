"""The harness itself: the catalogue stands there, and what a page must not do is noticed."""

from typing import Any

import pytest

from page_service import Watch, violations


def test_the_catalogue_is_there(page: Any, check_axe: Any) -> None:
    page.goto("/")
    page.wait_for_selector(".poster >> nth=1")
    assert page.title().startswith("Catalogue")
    check_axe(page)


def test_errors_and_outside_requests_are_noticed(page: Any, watch: Watch) -> None:
    page.goto("/")
    page.evaluate("console.error('from the test'); fetch('http://example.invalid/').catch(() => {})")
    page.evaluate("setTimeout(() => { throw new Error('thrown in the test') })")
    page.wait_for_timeout(100)
    told = "\n".join(watch.troubles)
    assert "from the test" in told and "Content Security Policy" in told and "thrown in the test" in told
    watch.allow += ["from the test", "Content Security Policy", "Fetch API cannot load", "thrown in the test"]
    assert watch.troubles == []


def test_what_axe_finds_is_told(page: Any, check_axe: Any) -> None:
    page.goto("/")
    page.wait_for_selector(".poster")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any("button-name" in told for told in violations(page, ("critical",)))
    with pytest.raises(AssertionError, match="button-name"):
        check_axe(page)


def test_a_view_that_comes_late_does_not_draw_over_the_next(page: Any) -> None:
    held: list[Any] = []
    page.route("**/v1/facets", lambda route: route.continue_() if held else held.append(route))
    page.goto("/#/")
    page.get_by_role("link", name="Search").click()
    told = page.get_by_text("Look for what is said or meant")
    told.wait_for()
    with page.expect_response("**/v1/facets"):
        held[0].continue_()
    page.wait_for_timeout(300)
    assert told.is_visible() and page.title() == "Search – mediafm"
