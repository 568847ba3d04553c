"""The models' view in Chromium: curves that say what the run's file says, tables behind them, runs side by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from page_service import serving
from report_folders import STEPS, write_ablation, write_probe, write_run


@pytest.fixture(scope="module")
def models(page_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with two runs, a probe's result and an ablation."""
    root = tmp_path_factory.mktemp("reports")
    write_run(root / "first")
    write_run(root / "second", ("schedule.epochs=9",))
    write_probe(root / "probes" / "place")
    write_ablation(root / "grid")
    with serving(page_catalog, "--runs", str(root)) as base:
        yield base


@pytest.fixture
def model_page(open_page: Any, models: str) -> Any:
    page = open_page(models)
    page.goto("/#/model")
    page.wait_for_selector(".chart svg")
    return page


def test_curves_end_where_the_run_ended(model_page: Any, check_axe: Any) -> None:
    said = model_page.locator(".chart svg").first.get_attribute("aria-label")
    assert (
        "training ends at 0.500" in said and "validation ends at 0.750" in said and "title's mean ends at 0.850" in said
    )
    figure = model_page.locator("figure").first
    figure.locator("summary").click()
    figure.locator("tbody tr").last.wait_for()
    cells = figure.locator("tbody tr").last.locator("th, td").all_inner_texts()
    assert cells[:3] == [str(STEPS), "0.5000", "0.7500"]
    check_axe(model_page)


def test_pointing_at_a_curve_reads_it(model_page: Any) -> None:
    svg = model_page.locator(".chart svg").first
    box = svg.bounding_box()
    model_page.mouse.move(box["x"] + box["width"] - 15, box["y"] + 50)
    assert "training 0.5" in model_page.locator(".reading").first.inner_text()


def test_runs_are_compared(model_page: Any) -> None:
    model_page.get_by_label("second").check()
    model_page.wait_for_selector("h3:has-text('Runs compared')")
    table = model_page.get_by_role("region", name="Runs compared")
    epochs = table.locator("tr", has_text="schedule.epochs").inner_text()
    assert "7 packaged:" in epochs and "9 packaged:" in epochs
    rate = table.locator("tr", has_text="optimizer.rate").inner_text()
    assert "0.01 packaged:" in rate and "as packaged" in rate
    assert "run=first&run=second" in model_page.evaluate("location.hash")
    licences = model_page.get_by_role("region", name="Encoders and licences").inner_text()
    assert "Apache-2.0" in licences and "CC-BY-NC-4.0" in licences


def test_probes_and_ablations_have_their_tables(model_page: Any) -> None:
    model_page.wait_for_selector(".scores >> nth=1")
    probe = model_page.get_by_role("region", name="Probe place")
    rows = probe.locator("tbody tr").all_inner_texts()
    assert [row.split()[0] for row in rows] == ["run", "concat", "chance"]
    assert probe.locator("tr.leads th").inner_text() == "run"
    assert probe.locator("strong").all_inner_texts() == ["+0.120"]  # the only one that stands
    grid = model_page.get_by_role("region", name="Ablation, place")
    assert grid.locator("strong").all_inner_texts() == ["−0.100"]
    assert "fusion.modalities=video,audio" in grid.inner_text() and "0.755" in grid.inner_text()


def test_a_narrow_dark_screen(open_page: Any, models: str, check_axe: Any) -> None:
    page = open_page(models, width=390, height=800, color_scheme="dark")
    page.goto("/#/model")
    page.wait_for_selector(".scores >> nth=1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_axe(page)


def test_without_runs_the_commands_are_shown(page: Any, check_axe: Any) -> None:
    page.goto("/#/model")
    page.wait_for_selector("text=No run is at hand")
    assert page.locator("pre", has_text="mediafm ablate").is_visible()
    check_axe(page)
