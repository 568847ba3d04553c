"""A station by itself, without Ray: many threads hand it titles, each hears what became of its own."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest_films import make_film
from ingest_killing import differences
from mediafm.catalog import Catalog
from mediafm.errors import CatalogError, MediafmError
from mediafm.ingest import IngestSummary, ingest, title_ids, title_jobs
from mediafm.media import find_films
from mediafm.reading import Limits
from mediafm.scale.station import Station


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of films, and the catalog that the local engine makes of it."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(3):
        make_film(folder / f"film{number}.mp4", seed=number, sound=number != 1)
    (folder / "broken.mp4").write_text("no film at all\n" * 40)
    reference = tmp_path_factory.mktemp("reference") / "catalog"
    assert ingest([folder], str(reference), detector="content").titles_ok == 3
    return folder, reference


def station(workers: int = 2) -> Station:
    return Station("offline", "content", workers, Limits(), 2, {})


def test_it_does_what_the_local_engine_does(films: tuple[Path, Path], tmp_path: Path) -> None:
    folder, reference = films
    jobs = title_jobs(title_ids(find_films([folder])), None, "", IngestSummary())
    sizes = [(str(job.path), Path(job.path).stat().st_size) for job in jobs]
    one, catalog = station(), str(tmp_path / "catalog")
    _, identity = one.open(catalog, True, sizes)
    assert identity == Catalog.open(catalog).identity != Catalog.open(reference).identity
    with ThreadPoolExecutor(4) as threads:
        outcomes = {o.title_id: o for o in threads.map(lambda job: one.ingest_title(job, False), jobs)}
        stored = set(Catalog.open(catalog).title_ids())  # before the end: an outcome is certain
        again = list(threads.map(lambda job: one.ingest_title(job, True), jobs))
    assert stored == {"film0", "film1", "film2"} and differences(catalog, reference) == []
    assert outcomes["broken"].record is None and "broken.mp4" in outcomes["broken"].reason
    assert not outcomes["broken"].passing
    assert sorted(o.title_id for o in again if o.kept) == ["film0", "film1", "film2"]
    unconfined, memory = one.close()
    assert memory > 0 and (unconfined == "" or "could not close" in unconfined)


def test_it_says_what_it_does_not_see(films: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="There is no catalog"):
        station().open(str(tmp_path / "catalog"), False, [])
    assert not (tmp_path / "catalog").exists()
    with pytest.raises(MediafmError, match=r"film gone.mp4 is not there"):
        station().open(str(tmp_path / "catalog"), True, [("gone.mp4", 5)])


def test_storage_that_fails_is_heard_by_all_who_wait(films: tuple[Path, Path], tmp_path: Path) -> None:
    one, catalog = station(), tmp_path / "catalog"
    one.open(str(catalog), True, [])
    jobs = title_jobs(title_ids(find_films([films[0]])), None, "", IngestSummary())
    for table in catalog.glob("shots.lance/**/*"):
        if table.is_file():
            table.unlink()
    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(one.ingest_title, job, False) for job in jobs if job.title_id != "broken"]
        for answer in answers:
            with pytest.raises(CatalogError):
                answer.result(timeout=60)
    with pytest.raises(CatalogError):
        one.ingest_title(jobs[0], False)  # nobody waits for ever
    one.close()
