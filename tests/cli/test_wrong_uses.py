"""Wrong use of what finds and uses things: each has a message that names it and says what to do."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.catalog_samples import SPEC
from index.index_samples import embed, make_catalog
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.cli.app import app
from mediafm.errors import MediafmError

WRONG = {
    "search --catalog {full} --like nosuch@1-2": "no title 'nosuch'",
    "search --catalog {full} --like a@9000-9001 --features run": "lies outside title 'a'",
    "search --catalog {full} --like a#99 --features run": "no shot 99",
    "search --catalog {full} words -k 1000000": "Cannot give 1000000 hits",
    "search --catalog {full} words --where colour=red": "No title has a field 'colour'",
    "search --catalog {empty} words": "holds no titles",
    "index --catalog {full} --features nosuch": "no features 'nosuch'",
    "index --catalog {empty}": "holds no titles",
    "recommend nosuch --catalog {full}": "no title 'nosuch'",
    "recommend a --catalog {full} -k 1000000": "Cannot give 1000000 titles",
    "recommend --all --catalog {empty}": "holds no titles",
    "recommend a --catalog {full} --interactions {folder}/nosuch.csv": "There is no table",
    "cold-start --catalog {full} --interactions {folder}/nosuch.csv --out {folder}/o": "There is no table",
    "cold-start --catalog {empty} --interactions {likes} --out {folder}/o": "holds no titles",
    "promos a --catalog {full} --probe {folder}": "holds no saved probe",
    "breaks nosuch --catalog {full}": "no title 'nosuch'",
    "chapters nosuch --catalog {full}": "no title 'nosuch'",
    "chapters a --catalog {full} --features run --count 1000000": "a",
    "chapters --catalog {empty}": "holds no titles",
    "tag --catalog {full} --probe {folder} --out {folder}/t.csv": "holds no saved probe",
    "migrate nosuch run --catalog {full}": "no features 'nosuch'",
    "migrate run run --catalog {full}": "are both 'run'",
    "migrate run other --catalog {full} --sample 1000000": "A sample of 1000000 titles cannot be drawn",
    "migrate run other --catalog {full} --from-catalog {folder}/nosuch": "There is no catalog",
    "search-across a#1 --by run --features other --catalog {full}": "cannot be compared with those of 'other'",
    "search-across a#1 --by run --features other --catalog {full} --map {folder}/nosuch": "There is no map",
    "export --catalog {full} --to nosuch --out {folder}/e": "no export of kind 'nosuch'",
    "export --catalog {full} --to csv --out {file}/e": "cannot be written",
    "export --catalog {full} --to csv --out {folder}/e --title nosuch": "no title 'nosuch'",
    "export --catalog {full} --to csv --out {folder}/e --hits {folder}/nosuch.json": "cannot be read",
    "export --catalog {empty} --to csv --out {folder}/e": "holds no titles",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A catalog of three titles in two embedding sets, an empty one, a file where a folder is wanted, some likes."""
    folder = tmp_path_factory.mktemp("wrong")
    full = make_catalog(folder / "full")
    other = EmbeddingSetSpec("other", "checkpoint-2", "title", 6)
    for seed, title in enumerate(("a", "b", "c")):
        embed(full, title, seed + 10, other)
    Catalog.create(folder / "empty", SPEC)
    (folder / "file").write_text("no folder")
    (folder / "likes.csv").write_text("user,item\n1,a\n2,b\n")
    names = {"full": "full", "empty": "empty", "file": "file", "likes": "likes.csv"}
    return {"folder": folder} | {key: folder / name for key, name in names.items()}


@pytest.mark.parametrize("command", WRONG)
def test_wrong_use_is_told_in_words(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    done = CliRunner().invoke(app, shlex.split(command.format(**places)))
    assert isinstance(done.exception, MediafmError), done.output
    message, remedy = done.exception.message, done.exception.remedy
    assert WRONG[command] in message
    assert remedy
