import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from catalog_samples import SPEC, write

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec
from mediafm.catalog.store import Store
from mediafm.errors import CatalogError, MismatchError, UsageError


def test_what_was_created_opens_with_the_same_spec(tmp_path: Path) -> None:
    Catalog.create(tmp_path / "c", SPEC)
    assert Catalog.open(str(tmp_path / "c")).spec == SPEC
    assert Catalog.open(f"file://{tmp_path}/c").spec == SPEC


def test_modalities_are_kept_in_the_order_of_the_house() -> None:
    spec = CatalogSpec("p", "d", {m: EncoderSpec(m, 2, m) for m in ("text", "video")})
    assert list(spec.encoders) == ["video", "text"]
    assert CatalogSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("encoders", [{}, {"smell": EncoderSpec("x", 2, "x")}, {"video": EncoderSpec("x", 0, "x")}])
def test_a_spec_that_cannot_work_is_refused(encoders: dict) -> None:
    with pytest.raises(UsageError):
        CatalogSpec("p", "d", encoders)


def test_opening_nothing_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no catalog at .*mediafm ingest"):
        Catalog.open(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_opening_a_folder_of_films_says_so_and_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "film.mkv").write_bytes(b"film")
    for attempt in (Catalog.open, lambda uri: Catalog.create(uri, SPEC), lambda uri: Catalog.open_or_create(uri, SPEC)):
        with pytest.raises(CatalogError):
            attempt(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["film.mkv"]


def test_creating_twice_is_refused(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="already"):
        Catalog.create(catalog.uri, SPEC)


@pytest.mark.parametrize("step", range(8))
def test_a_create_that_was_killed_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Step 0 is the table that makes the folder a catalog; after it, whoever opens it makes the rest."""
    real, made = Store.create_missing, []

    def dying(self: Store, name: str, *args: object, **kw: object) -> None:
        if len(made) == step:
            (tmp_path / "c" / f"{name}.lance" / "data").mkdir(parents=True)  # half made
            raise KeyboardInterrupt
        made.append(name)
        real(self, name, *args, **kw)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "create_missing", dying)
        with pytest.raises(KeyboardInterrupt):
            Catalog.create(tmp_path / "c", SPEC)
    if step == 0:
        with pytest.raises(CatalogError, match="no catalog"):
            Catalog.open(tmp_path / "c")
        catalog = Catalog.open_or_create(tmp_path / "c", SPEC)
    else:
        catalog = Catalog.open(tmp_path / "c")
    write(catalog, "a", 2)
    catalog.optimize()
    assert Catalog.open(tmp_path / "c").title_ids() == ["a"]
    assert catalog.verify() == []


def test_a_newer_schema_is_refused(catalog: Catalog) -> None:
    row = pa.table([["schema_version"], [json.dumps(99)]], names=["key", "value"])
    Store(catalog.uri).upsert("meta", row, "key")
    with pytest.raises(CatalogError, match=r"schema version 99.*Update mediafm"):
        Catalog.open(catalog.uri)


def test_a_damaged_meta_table_is_named(catalog: Catalog) -> None:
    Store(catalog.uri).delete("meta", "key = 'spec'")
    with pytest.raises(CatalogError, match=r"meta .*damaged"):
        Catalog.open(catalog.uri)


def test_other_encoders_are_refused_naming_both_sides(catalog: Catalog) -> None:
    other = {**SPEC.encoders, "video": EncoderSpec("clip", 512, "clip-7")}
    with pytest.raises(MismatchError) as caught:
        Catalog.open_or_create(catalog.uri, CatalogSpec("open", "transnet-2", other))
    for part in ("content-1", "transnet-2", "video", "lab", "lab-1", "clip", "clip-7", "'offline'", "'open'"):
        assert part in str(caught.value)
    assert "mel" not in str(caught.value)


def test_a_missing_modality_is_a_mismatch(catalog: Catalog) -> None:
    fewer = {m: e for m, e in SPEC.encoders.items() if m != "audio"}
    with pytest.raises(MismatchError, match=r"audio: mel .* in the catalog, no encoder asked for"):
        Catalog.open_or_create(catalog.uri, dataclasses.replace(SPEC, encoders=fewer))


def test_only_the_preset_name_differing_is_no_mismatch(catalog: Catalog) -> None:
    assert Catalog.open_or_create(catalog.uri, dataclasses.replace(SPEC, preset="mine.toml")).spec.preset == "offline"


def test_a_process_that_reads_and_writes_is_quiet_and_ends(tmp_path: Path) -> None:
    script = (
        "from catalog_samples import SPEC, write; from mediafm.catalog import Catalog\n"
        f"c = Catalog.open_or_create({str(tmp_path / 'c')!r}, SPEC); write(c, 'a', 4); c.features('a'); c.optimize()\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], env=_env(), capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_gets_an_error_and_no_crash(tmp_path: Path) -> None:
    script = (
        "import os, sys; from catalog_samples import SPEC, write; from mediafm.catalog import Catalog\n"
        "from mediafm.errors import CatalogError\n"
        f"c = Catalog.create({str(tmp_path / 'c')!r}, SPEC); write(c, 'a', 4)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    try: c.features('a')\n"
        "    except CatalogError as error: os._exit(7 if 'spawn' in str(error) else 8)\n"
        "    os._exit(9)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=_env(), capture_output=True, timeout=60)
    assert done.returncode == 7, done.stderr


def _env() -> dict[str, str]:
    here = Path(__file__).parent
    return {**os.environ, "PYTHONPATH": f"{here.parents[1] / 'src'}{os.pathsep}{here}"}
