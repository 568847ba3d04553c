"""Every page run as it stands: the tutorial first, the others in copies of the folder that it makes."""

import shutil
from pathlib import Path

import pytest

from docs_pages import DOCS, PAGES, blocks, page_id, why_not_run
from docs_runner import FailedError, run_page

TUTORIAL = DOCS / "tutorial.md"
RUN = [
    page
    for page in PAGES
    if page.is_relative_to(DOCS)
    and page != TUTORIAL
    and not why_not_run(page)
    and any(b.is_run and (b.is_commands or b.language == "python") for b in blocks(page))
]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of somebody who has done the tutorial, and the cache beside it."""
    folder = tmp_path_factory.mktemp("reader") / "films"
    cache = tmp_path_factory.mktemp("cache")
    folder.mkdir()
    run_page(TUTORIAL, folder, cache)
    return folder, cache


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_tutorial_runs(finished: tuple[Path, Path]) -> None:
    folder, _ = finished
    assert (folder / "my.catalog").is_dir() and (folder / "runs/first/model.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", RUN, ids=page_id)
def test_a_page_runs_after_the_tutorial(page: Path, finished: tuple[Path, Path], tmp_path: Path) -> None:
    folder, cache = finished
    copy = tmp_path / "films"
    shutil.copytree(folder, copy)
    assert run_page(page, copy, cache), "nothing of the page was run"


def a_page(tmp_path: Path, *parts: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text("\n\n".join(parts), encoding="utf-8")
    return page


def test_blocks_run_in_order_in_one_folder_and_marks_are_kept(tmp_path: Path) -> None:
    page = a_page(
        tmp_path,
        "<!-- file: a.csv -->\n```\ntitle\nfilm\n```",
        "```sh\ncp a.csv b.csv\n```",
        "```python\nfrom pathlib import Path\nx = Path('b.csv').read_text().split()\n```",
        "<!-- not run: it would fail -->\n```sh\ncp missing c.csv\n```",
        "<!-- exits 1 -->\n```sh\ncp missing c.csv\n```",
        "```python\nprint(x)\n```",
        "```text\ncp is no command here\n```",
    )
    ran = run_page(page, tmp_path, tmp_path / "cache")
    assert [(r.status, r.block.language) for r in ran] == [(0, "sh"), (0, "python"), (1, "sh"), (0, "python")]
    assert "['title', 'film']" in ran[-1].output


@pytest.mark.parametrize(
    "part", ["```sh\nls missing\n```", "```python\n1 / 0\n```", "<!-- exits 2 -->\n```sh\nls .\n```"]
)
def test_a_block_that_ends_otherwise_fails_the_page(tmp_path: Path, part: str) -> None:
    with pytest.raises(FailedError, match=r"page\.md:\d"):
        run_page(a_page(tmp_path, part), tmp_path, tmp_path / "cache")
