"""docs/encoders.md says what every number is, own-encoder.md how to write one; here both are held to the code."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from ingest_films import make_film
from mediafm.catalog import Catalog
from mediafm.encoders import checked, load_preset
from mediafm.encoders.blocks import Block
from mediafm.encoders.hosted.texts import DIMENSIONS, PRICES
from mediafm.encoders.offline_video import VIDEO_BLOCKS
from mediafm.encoders.presets import EncoderChoice
from mediafm.encoders.sound_stats import SOUND_BLOCKS
from mediafm.errors import MismatchError
from mediafm.ingest import ingest
from mediafm.types import ShotInput

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "encoders.md").read_text(encoding="utf-8")
OWN = (DOCS / "own-encoder.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("blocks", [VIDEO_BLOCKS, SOUND_BLOCKS], ids=["picture", "sound"])
def test_tables_name_every_block_where_it_lies(blocks: tuple[Block, ...]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+)-(\d+) \| (\w+) \| ([\d.]+) \|", PAGE, flags=re.MULTILINE)
    told = {name: (int(first), int(last), kind, float(weight)) for name, first, last, kind, weight in rows}
    start = 0
    for block in blocks:
        last = start + block.dim - 1
        assert told[block.name] == (start, last, type(block).__name__.lower(), block.weight)
        start += block.dim
    assert f"{start} numbers" in PAGE


def blocks(language: str) -> dict[str, str]:
    """File name -> the page's code under it."""
    found = re.findall(rf"^```{language}\n# ([\w.]+)\n(.*?)^```$", OWN, flags=re.MULTILINE | re.DOTALL)
    return dict(found)


def test_the_encoder_that_the_page_shows_works(tmp_path: Path, shots: list[ShotInput]) -> None:
    """Written out as the page has it, with its preset; a film goes through it from end to end."""
    files = blocks("python") | blocks("toml")
    assert 20 <= len(files["palette.py"].splitlines()) <= 35
    for name in ("palette.py", "mine.toml"):
        (tmp_path / name).write_text(files[name])
    film = make_film(tmp_path / "film.mp4")
    summary = ingest([film], str(tmp_path / "catalog"), str(tmp_path / "mine.toml"))
    assert (summary.titles_ok, summary.failures) == (1, [])
    catalog = Catalog.open(str(tmp_path / "catalog"))
    spec = catalog.spec.encoders["video"]
    assert (spec.name, spec.dim, spec.licence) == ("palette", 28, "MIT")
    vectors = catalog.features("film").vectors["video"].astype(np.float32)
    assert vectors.shape == (3, 28) and np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=2e-3)
    assert checked(load_preset(tmp_path / "mine.toml").encoder("video"), shots).present.sum() > 3
    four = (tmp_path / "mine.toml").read_text().replace("cells = 3", "cells = 4")
    (tmp_path / "mine.toml").write_text(four)
    with pytest.raises(MismatchError, match="palette"):
        ingest([film], str(tmp_path / "catalog"), str(tmp_path / "mine.toml"))


def test_the_pages_table_names_every_kind() -> None:
    told = set(re.findall(r"^\| (?:video|audio|text|any) \| `(\w+)` \|", PAGE, flags=re.MULTILINE))
    kinds = {get_args(choice.model_fields["kind"].annotation)[0] for choice in get_args(EncoderChoice)}
    assert told == kinds - {"installed"}


def test_prices_and_sizes_of_paid_text_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (text-embedding-[\w-]+) \| ([\d.]+) \| (\d+) \| ([\d-]+), (\S+) \|", PAGE, re.MULTILINE)
    told = {model: (float(usd), int(size), as_of, source) for model, usd, size, as_of, source in rows}
    known = {m: (p.usd_per_million, DIMENSIONS[m], p.as_of, p.source) for m, p in PRICES.items()}
    assert told == known
