"""The pages in a real browser: on a phone and a desk, light and dark. Skipped where there is none."""

import shutil

import pytest

from mediafm.probes.report import write_page
from probes.report_results import KINDS, LABELS, PictureCatalog, make_predictions, make_result, make_titles

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
LONG = "a_name_that_is_far_too_long_for_any_column_of_a_table_on_a_phone" * 2


@pytest.fixture(scope="module")
def browser():
    if shutil.which(CHROMIUM) is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    titles = make_titles(6)
    for kind in KINDS:
        predictions = None if kind == "similarity" else make_predictions(kind, LABELS[kind], titles)
        write_page(
            folder / f"{kind}.html", make_result(kind, LABELS[kind], titles), predictions, PictureCatalog(titles)
        )
    titles = [LONG, *titles]
    labels = [f"{LONG} {number}" for number in range(40)]
    sets = ["chance", "concat", LONG]
    write_page(
        folder / "long.html",
        make_result("multilabel", labels, titles, sets=sets, task=LONG, notes=[LONG], verdict=[LONG], leaders=[LONG]),
        make_predictions("multilabel", labels, titles, sets=sets),
        PictureCatalog(titles, names={LONG: LONG}),
    )
    return folder


def open_page(browser, path, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, said, asked


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*KINDS, "long"])
def test_fits_a_phone_and_is_quiet(browser, pages, name, scheme):
    page, said, asked = open_page(browser, pages / f"{name}.html", 360, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room == 360
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [(pages / f"{name}.html").as_uri()]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    page.close()


def test_fits_a_printed_page_and_is_light_there(browser, pages):
    page, *_ = open_page(browser, pages / "multilabel.html", 702, "dark")  # A4 less its margins, at 96 dots an inch
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 702
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    folded = "document.querySelector('details:not([open]) table').getBoundingClientRect().height"
    assert page.evaluate(folded) > 50  # nobody can open it on paper
    page.close()


def test_a_label_is_picked_without_a_script(browser, pages):
    page, *_ = open_page(browser, pages / "multilabel.html", 1200, "light")

    def shown():
        return page.evaluate(
            "[...document.querySelectorAll('.pick ul.view')].filter(e => getComputedStyle(e).display != 'none')"
            ".map(e => e.className)"
        )

    assert shown() == ["legend view v0"] * 2
    page.select_option("select", "3")
    assert shown() == ["legend view v3"] * 2
    drawn = page.evaluate("getComputedStyle(document.querySelector('g.view.v0')).display")
    assert drawn == "none"
    page.close()


def test_the_fragment_sits_in_another_page(browser, tmp_path):
    from mediafm.probes.report import probe_table_html

    fragment = probe_table_html(make_result("multilabel", LABELS["multilabel"], make_titles(6)))
    (tmp_path / "host.html").write_text(f"<!doctype html><meta charset=utf-8><title>host</title><p>host</p>{fragment}")
    page, said, _ = open_page(browser, tmp_path / "host.html", 360, "dark")
    assert said == [] and page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("getComputedStyle(document.querySelector('body > p')).fontSize") == "16px"
    page.close()
