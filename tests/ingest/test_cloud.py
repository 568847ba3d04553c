"""Films and catalog on object storage: the same bytes as on a disk, whatever is killed in between."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_films import make_film
from ingest_killing import differences, start_ingest
from mediafm.catalog import Catalog
from mediafm.errors import StorageError, UsageError
from mediafm.ingest import ingest
from mediafm.ingest.fetching import FilmSpool
from mediafm.ingest.jobs import title_ids, title_jobs
from mediafm.ingest.summary import IngestSummary
from mediafm.media import find_films
from mediafm.search import search
from mediafm.storage import RemoteFile
from object_storage import BUCKET, KEYS, put, put_folder, reaching, s3_server

QUICK = ("--detector", "content")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address, reaching(address):
        yield address


@pytest.fixture(scope="module")
def both(server: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """(A local catalog, the address of the same films on object storage.)"""
    folder = tmp_path_factory.mktemp("films")
    for number in range(3):
        make_film(folder / f"film{number}.mp4", seed=number, sound=number != 1)
    (folder / "broken.mp4").write_text("no film at all\n" * 40)
    reference = tmp_path_factory.mktemp("reference") / "catalog"
    summary = ingest([folder], str(reference), detector="content")
    assert (summary.titles_ok, summary.titles_failed) == (3, 1)
    return reference, put_folder(server, folder, "films")


@pytest.fixture(scope="module")
def stored(both: tuple[Path, str]) -> str:
    """A catalog on object storage, made of films on object storage."""
    catalog = f"s3://{BUCKET}/catalog"
    summary = ingest([both[1]], catalog, detector="content", workers=2)
    assert (summary.titles_ok, summary.titles_failed, summary.shots) == (3, 1, 9)
    return catalog


def left_behind() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("mediafm-films-*"))


def test_it_equals_the_local_one(both: tuple[Path, str], stored: str) -> None:
    assert differences(stored, both[0]) == []
    ((title, reason),) = ((f.title_id, f.reason) for f in Catalog.open(stored).failures())
    assert title == "broken" and f"s3://{BUCKET}/films/broken.mp4" in reason and tempfile.gettempdir() not in reason
    assert Catalog.open(stored).title_record("film0").path == f"s3://{BUCKET}/films/film0.mp4"


def test_search_finds_the_same(both: tuple[Path, str], stored: str) -> None:
    ours, theirs = (
        [(hit.title, hit.start_s, hit.score) for hit in search(Catalog.open(catalog), "where are we going")]
        for catalog in (stored, both[0])
    )
    assert ours == theirs and ours


def test_again_skips_what_is_stored_and_a_new_subtitle_is_seen(
    both: tuple[Path, str], stored: str, server: str
) -> None:
    films = both[1]
    assert ingest([films], stored, detector="content").titles_skipped == 3
    put(server, "films/film1.en.srt", b"1\n00:00:01,000 --> 00:00:02,000\nAnother word.\n")
    again = ingest([films], stored, detector="content")
    assert (again.titles_ok, again.titles_skipped) == (1, 2)
    assert "Another word." in " ".join(shot.text for shot in Catalog.open(stored).shots("film1"))


@pytest.mark.slow
def test_a_killed_ingest_is_finished_by_the_next(both: tuple[Path, str]) -> None:
    reference, films = both
    catalog = f"s3://{BUCKET}/killed"
    run = start_ingest(films, catalog, *QUICK, "--workers", "2")
    time.sleep(4)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    run = start_ingest(films, catalog, *QUICK)
    out, err = run.communicate(timeout=300)
    summary = json.loads(out)
    assert summary["titles_ok"] + summary["titles_skipped"] == 3 and "Traceback" not in err
    assert Catalog.open(catalog).verify() == [] and left_behind() == []
    assert Catalog.open(catalog).title_ids() == Catalog.open(reference).title_ids()


def test_films_are_found_below_an_address(both: tuple[Path, str], server: str) -> None:
    put(server, "films2/not-of-it.mp4", b"x")
    put(server, "films/.hidden/secret.mp4", b"x")
    found = find_films([both[1]])
    assert [film.stem for film in found] == ["broken", "film0", "film1", "film2"]
    assert [file.name for file in found[1].beside] == ["film0.en.srt"]
    assert find_films([f"{both[1]}/film0.mp4"]) == [found[1]]


def test_an_nfo_beside_a_film_is_its_metadata(server: str) -> None:
    for name, words in (
        ("shelf/a.mkv", ""),
        ("shelf/a.nfo", "<movie><title>The First</title><genre>Drama</genre></movie>"),
        ("shelf/b.mkv", ""),
        ("shelf/b.nfo", "<!DOCTYPE x><movie/>"),
        ("shelf/own/c.mkv", ""),
        ("shelf/own/movie.nfo", "<movie><title>The Third</title></movie>"),
        ("shelf/movie.nfo", "<movie><title>Nobody's</title></movie>"),
    ):
        put(server, name, words.encode())
    summary = IngestSummary()
    jobs = title_jobs(title_ids(find_films([f"s3://{BUCKET}/shelf"])), None, "", summary)
    assert [(j.title_id, j.metadata.name) for j in jobs] == [("a", "The First"), ("b", "b"), ("c", "The Third")]
    assert jobs[0].metadata.genres == ("Drama",)
    ((title, why),) = summary.notes
    assert title == "b" and f"s3://{BUCKET}/shelf/b.nfo declares a document type" in why


def test_wrong_addresses_are_named(both: tuple[Path, str], server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"no film or sound file at s3://.*/nothing"):
        find_films([f"s3://{BUCKET}/nothing"])
    with pytest.raises(StorageError, match="not there"):
        find_films(["s3://no-such-bucket/films"])
    with pytest.raises(UsageError, match="no object storage that is known"):
        find_films(["s5://bucket/films"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="does not answer"):
        find_films([both[1]])


def test_without_keys_it_says_so(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in KEYS:
        if "KEY" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    run = subprocess.run(
        [sys.executable, "-m", "mediafm", "ingest", "s3://bucket/films", "-c", str(tmp_path / "c")],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1 and "no credentials were found" in run.stderr and "AWS_ACCESS_KEY_ID" in run.stderr
    run = subprocess.run(
        [sys.executable, "-m", "mediafm", "info", "-c", "s3://bucket/c"], capture_output=True, text=True
    )
    assert run.returncode == 1 and "no credentials were found" in run.stderr and "Traceback" not in run.stderr


def test_a_film_that_changes_meanwhile_is_not_stored(both: tuple[Path, str], server: str) -> None:
    (film,) = find_films([f"{both[1]}/film2.mp4"])
    put(server, "films/film2.mp4", b"something else")
    with FilmSpool() as spool, pytest.raises(StorageError, match="changed while it was read"), spool.copy(film):
        pass
    assert left_behind() == []


def test_a_film_that_does_not_fit_is_told_so(both: tuple[Path, str]) -> None:
    (film,) = find_films([f"{both[1]}/film0.mp4"])
    with FilmSpool(limit_bytes=100) as spool, pytest.raises(StorageError, match="no room") as error, spool.copy(film):
        pass
    assert "TMPDIR" in error.value.remedy


def test_etag_and_size_are_the_fingerprint() -> None:
    file = RemoteFile("s3://bucket/a/film.mkv", 7, "etag")
    assert (file.name, file.stem, file.folder, file.fingerprint) == ("film.mkv", "film", "s3://bucket/a", "7-etag")
