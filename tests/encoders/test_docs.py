"""docs/encoders.md says what every number is; here it is held to the code."""

import re
from pathlib import Path

import pytest

from mediafm.encoders.blocks import Block
from mediafm.encoders.hosted.texts import DIMENSIONS, PRICES
from mediafm.encoders.offline_video import VIDEO_BLOCKS
from mediafm.encoders.sound_stats import SOUND_BLOCKS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "encoders.md").read_text(encoding="utf-8")


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


def test_prices_and_sizes_of_paid_text_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (text-embedding-[\w-]+) \| ([\d.]+) \| (\d+) \| ([\d-]+), (\S+) \|", PAGE, re.MULTILINE)
    told = {model: (float(usd), int(size), as_of, source) for model, usd, size, as_of, source in rows}
    known = {m: (p.usd_per_million, DIMENSIONS[m], p.as_of, p.source) for m, p in PRICES.items()}
    assert told == known
