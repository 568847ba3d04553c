"""The page in real Chromium, before a real service of a catalog of real films (small drawn ones where they are absent).

`service` is the base URL; `page` fails its test on any console error, warning or request to another host (patterns in
`watch.allow` excuse what a test provokes); `open_page` makes more of them (width, height, color_scheme, ...);
`check_axe` fails on what axe-core finds. `page_catalog` holds an embedding set `smooth` of context (each shot averaged
with those around it); tests that change a catalog copy it and serve the copy with `page_service.serving`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest_films import make_film
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.ingest import ingest
from page_service import Watch, cut_film, serving, violations

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python, which brings axe-core, is not installed")
playwright.expect.set_options(timeout=20_000)  # milliseconds: two cores may do much else meanwhile
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BUNNY_S = 40.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test waits for films to be ingested and a service to start: minutes on a busy machine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(900))


def _shared_films() -> Path | None:
    folders = (parent / "shared" / "data" / "films" for parent in Path(__file__).resolve().parents)
    return next((folder for folder in folders if folder.is_dir()), None)


@pytest.fixture(scope="session")
def page_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of films: Sintel's trailer with subtitles and the first minute of Big Buck Bunny, or two drawn ones."""
    folder, real = tmp_path_factory.mktemp("page_films"), _shared_films()
    if real is None:
        for seed, name in enumerate(("sintel_trailer", "big_buck_bunny")):
            make_film(folder / f"{name}.mp4", seed)
        return folder
    for name in ("sintel_trailer.webm", "sintel_trailer.en.vtt"):
        shutil.copy(real / name, folder / name)
    cut_film(real / "big_buck_bunny.mp4", folder / "big_buck_bunny.mp4", BUNNY_S)
    return folder


@pytest.fixture(scope="session")
def page_catalog(page_films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog of these films. Not to be changed."""
    uri = tmp_path_factory.mktemp("page") / "catalog"
    metadata = uri.with_name("metadata.csv")
    metadata.write_text(
        "title,name,genres,tags\n"
        "sintel_trailer,Sintel (trailer),fantasy;adventure,dragon\n"
        "big_buck_bunny,Big Buck Bunny,comedy,rabbit\n"
    )
    ingest([page_films], str(uri), detector="content", metadata=metadata)
    _embed_smoothly(Catalog.open(uri))
    return uri


def _embed_smoothly(catalog: Catalog) -> None:
    """An embedding set in which a shot is seen with the two on either side of it."""
    rows = {title: catalog.features(title) for title in catalog.title_ids()}
    stats = FusionStats.fit(list(rows.values()), FusionSpec(catalog.spec.dims))
    vectors = {title: fuse(found, stats)[0] for title, found in rows.items()}
    dim = next(iter(vectors.values())).shape[1]
    catalog.add_embedding_set(EmbeddingSetSpec("smooth", "5" * 64, "title", dim))
    for title, own in vectors.items():
        around = np.stack([own[max(0, i - 2) : i + 3].mean(axis=0) for i in range(len(own))]).astype(np.float32)
        catalog.write_embeddings("smooth", title, around, around.mean(axis=0))


@pytest.fixture(scope="session")
def service(page_catalog: Path, page_films: Path) -> Iterator[str]:
    """Base URL of a real `mediafm serve` process; its jobs may ingest the films of `page_films`."""
    with serving(page_catalog, "--films", str(page_films)) as base:
        yield base


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. A module's own: Playwright keeps an event loop in this thread, where later tests start theirs."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with playwright.sync_playwright() as driver:
        if path is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("no Chromium: install one, or run `playwright install chromium`")
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes pages; options are those of a browser context. Each is watched, as `page` is."""
    watches: list[Watch] = []
    contexts: list[Any] = []

    def make(base: str | None = None, width: int = 1280, height: int = 900, **options: Any) -> Any:
        options = {"viewport": {"width": width, "height": height}, "reduced_motion": "reduce", **options}
        address = base or request.getfixturevalue("service")
        context = browser.new_context(base_url=address, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.watch = Watch(page, address)
        watches.append(page.watch)
        return page

    yield make
    for context in contexts:
        context.close()
    troubles = [told for watch in watches for told in watch.troubles]
    assert not troubles, "the page must not do that:\n" + "\n".join(troubles)


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    """A page of the service: `page.goto("/#/")`."""
    return open_page()


@pytest.fixture
def watch(page: Any) -> Watch:
    """What `page` is watched by."""
    found: Watch = page.watch
    return found


@pytest.fixture
def check_axe() -> Callable[..., None]:
    """Fails on what axe-core finds on a page as it is now, of these impacts."""

    def check(page: Any, impacts: tuple[str, ...] = ("critical", "serious", "moderate")) -> None:
        found = violations(page, impacts)
        assert not found, "\n".join(found)

    return check
