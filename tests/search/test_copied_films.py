from fractions import Fraction

import pytest

from ingest_films import CUTS, FPS, SIZE, make_film, shot_pictures, tone
from mediafm.catalog import Catalog
from mediafm.ingest import ingest
from mediafm.media import FilmOptions, write_film
from mediafm.search import Like, Options, find, find_copies


@pytest.mark.slow
def test_a_copy_at_a_low_rate_finds_its_original(tmp_path):
    films = [make_film(tmp_path / f"film{seed}.mp4", seed, cues=False) for seed in (1, 2)]
    copy = tmp_path / "copy.mp4"
    low = FilmOptions(codec_options={"preset": "veryfast", "crf": "38"})
    write_film(copy, Fraction(FPS), SIZE, shot_pictures(2), tone(CUTS[-1] / FPS), options=low)
    ingest([*films, copy], str(tmp_path / "catalog"), detector="content")
    catalog = Catalog.open(tmp_path / "catalog")
    matches = find_copies(catalog, "copy", "video")
    assert len(matches) == len(CUTS) - 1
    assert all((m.other, m.other_shot) == ("film2", m.shot) for m in matches)
    (hit,) = find(catalog, [Like("copy#1")], k=1, features=["video"], options=Options(titles=["film*"])).hits
    assert (hit.title, hit.first_shot) == ("film2", 1)
