"""Films and sound files through encoders that look at more than one thing, or want their sound otherwise."""

from pathlib import Path

import numpy as np
import pytest

from encoders import tiny_models
from ingest_films import CUTS, FPS, make_film, tone
from mediafm.catalog import Catalog
from mediafm.encoders import checked, load_preset
from mediafm.errors import UsageError
from mediafm.ingest import ingest
from mediafm.ingest.encoding import frames_wanted, sample_rate_wanted
from mediafm.media import write_film, write_subtitles
from mediafm.reading import ReadRequest, ReadShot, read_title
from mediafm.types import Cue

HEAD = 'name = "tiny"\n[detector]\nname = "content"\n'


@pytest.fixture(scope="module")
def omni(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A preset of a tiny omni model alone."""
    folder = tmp_path_factory.mktemp("omni")
    tiny_models.save_omni(folder / "model")
    (folder / "omni.toml").write_text(f'{HEAD}[encoders.video]\nkind = "omni"\nmodel = "model"\nframes = 2\n')
    return folder / "omni.toml"


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A preset of a tiny CLAP model beside the offline picture encoder."""
    folder = tmp_path_factory.mktemp("clap")
    tiny_models.save_clap(folder / "model")
    video = '[encoders.video]\nkind = "offline"\n'
    (folder / "clap.toml").write_text(f'{HEAD}{video}[encoders.audio]\nkind = "clap"\nmodel = "model"\n')
    return folder / "clap.toml"


def shots_as_read(path: Path, preset_file: Path) -> list[ReadShot]:
    preset = load_preset(preset_file)
    (frames, side), rate = frames_wanted(preset), sample_rate_wanted(preset)
    events = read_title(ReadRequest(path, "content", {}, frames, side, "", 1, rate))
    return [event for event in events if isinstance(event, ReadShot)]


def stored(catalog: Path, title: str, modality: str) -> tuple[np.ndarray, list[bool]]:
    features = Catalog.open(str(catalog)).features(title)
    return features.vectors[modality].astype(np.float32), features.present[modality].tolist()


def test_omni_sees_hears_and_reads_films_podcasts_and_silence(omni: Path, tmp_path: Path) -> None:
    make_film(tmp_path / "film.mp4")
    make_film(tmp_path / "silent.mp4", sound=False, cues=False)
    write_film(tmp_path / "podcast.flac", 24, (0, 0), None, tone(23.0))
    write_subtitles(tmp_path / "podcast.en.srt", [Cue(1000, 6000, "Good evening.")])
    titles = {"film": "film.mp4", "silent": "silent.mp4", "podcast": "podcast.flac"}
    summary = ingest([tmp_path / name for name in titles.values()], str(tmp_path / "catalog"), str(omni))
    assert (summary.titles_ok, summary.failures) == (3, [])
    encoder = load_preset(omni).encoder("video")
    for title, name in titles.items():
        reads = shots_as_read(tmp_path / name, omni)
        alone = checked(encoder, [read.input for read in reads])
        vectors, present = stored(tmp_path / "catalog", title, "video")
        assert all(present) and len(present) == len(reads) > 1
        assert vectors == pytest.approx(alone.vectors, abs=2e-3)  # stored in half precision
    record = Catalog.open(str(tmp_path / "catalog")).title_record("podcast")
    assert (record.has_video, record.has_audio, record.has_text) == (False, True, True)
    assert Catalog.open(str(tmp_path / "catalog")).keyframe("podcast", 0) is None
    assert Catalog.open(str(tmp_path / "catalog")).verify() == []


def test_new_words_change_an_omni_vector(omni: Path, tmp_path: Path) -> None:
    film, catalog = make_film(tmp_path / "film.mp4", cues=False), tmp_path / "catalog"
    ingest([film], str(catalog), str(omni))
    before, _ = stored(catalog, "film", "video")
    write_subtitles(film.with_suffix(".srt"), [Cue(100, 900, "the dog says hello")])
    assert ingest([film], str(catalog), str(omni)).titles_ok == 1
    after, _ = stored(catalog, "film", "video")
    assert np.abs(after[0] - before[0]).max() > 1e-3  # spoken in
    assert np.array_equal(after[1:], before[1:])
    assert ingest([film], str(catalog), str(omni)).titles_skipped == 1


def test_clap_hears_at_48_khz_in_confined_processes(clap: Path, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    assert ingest([film], str(tmp_path / "catalog"), str(clap)).titles_ok == 1
    reads = shots_as_read(film, clap)
    assert [len(r.input.samples) for r in reads] == pytest.approx(np.diff(CUTS) / FPS * 48_000, abs=2100)  # type: ignore[arg-type]
    alone = checked(load_preset(clap).encoder("audio"), [read.input for read in reads])
    vectors, present = stored(tmp_path / "catalog", "film", "audio")
    assert all(present) and vectors == pytest.approx(alone.vectors, abs=2e-3)


def test_other_rate_changes_no_other_vector(clap: Path, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    (tmp_path / "video.toml").write_text(f'{HEAD}[encoders.video]\nkind = "offline"\n')
    ingest([film], str(tmp_path / "both"), str(clap))
    ingest([film], str(tmp_path / "one"), str(tmp_path / "video.toml"))
    assert np.array_equal(stored(tmp_path / "both", "film", "video")[0], stored(tmp_path / "one", "film", "video")[0])


def test_encoders_that_cannot_share_a_film_are_refused_before_a_catalog_is_made(
    omni: Path, clap: Path, tmp_path: Path
) -> None:
    film, catalog = make_film(tmp_path / "film.mp4"), tmp_path / "catalog"
    tables = f'[encoders.video]\nkind = "omni"\nmodel = "{omni.parent / "model"}"\n'
    tables += f'[encoders.audio]\nkind = "clap"\nmodel = "{clap.parent / "model"}"\n'
    (tmp_path / "both.toml").write_text(HEAD + tables)
    with pytest.raises(
        UsageError, match=r"omni \(video\) wants sound at 16000 Hz, clap \(audio\) wants sound at 48000"
    ):
        ingest([film], str(catalog), str(tmp_path / "both.toml"))
    assert not catalog.exists()


LOOKER = """
import numpy as np
from mediafm.encoders import Encoded, Encoder

class Looker(Encoder):
    name, modality, dim, fingerprint, licence = "looker", "text", 3, "looker:1", "MIT"
    inputs = ("video", "text")

    def __init__(self, frames=6):
        self.frames = frames

    def encode(self, batch):
        rows = np.zeros((len(batch), 3), np.float32)
        rows[:, 0] = 1
        return Encoded(rows, np.ones(len(batch), bool))
"""


@pytest.mark.parametrize("frames", [6, 7])
def test_two_that_look_must_look_at_the_same(frames: int, tmp_path: Path) -> None:
    (tmp_path / "looker.py").write_text(LOOKER)
    table = f'[encoders.text]\nkind = "python"\nobject = "looker:Looker"\noptions = {{ frames = {frames} }}\n'
    (tmp_path / "two.toml").write_text(f'{HEAD}[encoders.video]\nkind = "offline"\n{table}')
    preset = load_preset(tmp_path / "two.toml")
    if frames == 6:
        assert frames_wanted(preset) == (6, 180)
        return
    with pytest.raises(UsageError, match=r"offline-video .* wants 6 pictures .* looker .* wants 7 pictures"):
        frames_wanted(preset)


def test_a_failing_encoder_of_ones_own_fails_its_titles_and_says_why(tmp_path: Path) -> None:
    check = """        if any("Where" in shot.text for shot in batch):
            raise RuntimeError("out of paint")
"""
    (tmp_path / "looker.py").write_text(LOOKER.replace("        rows = np", f"{check}        rows = np"))
    table = '[encoders.text]\nkind = "python"\nobject = "looker:Looker"\n'
    (tmp_path / "one.toml").write_text(HEAD + table)
    films = [make_film(tmp_path / "spoken.mp4"), make_film(tmp_path / "mute.mp4", cues=False)]
    summary = ingest(films, str(tmp_path / "catalog"), str(tmp_path / "one.toml"))
    assert summary.titles_ok == 1
    ((title, reason),) = summary.failures
    assert title == "spoken" and "'looker' failed (RuntimeError: out of paint)" in reason
