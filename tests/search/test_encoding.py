from fractions import Fraction

import numpy as np
import pytest
from PIL import Image as Still

from encoders.tiny_models import save_clap, save_clip, save_clip_vision
from mediafm.encoders import load_preset
from mediafm.errors import CatalogError, MediaError, MismatchError, UsageError
from mediafm.media import write_film
from mediafm.search import Image, Options, QueryEncoders, SoundFile, Words, find
from mediafm.types import ShotInput
from search.mixed_catalog import make_catalog

RATE = 48_000


def preset_file(folder, video="", audio=""):
    tables = {"video": ("clip", video), "audio": ("clap", audio)}
    text = 'name = "tiny"\n[detector]\nname = "fixed"\n'
    text += "".join(
        f'[encoders.{m}]\nkind = "{kind}"\nmodel = "{path}"\n' for m, (kind, path) in tables.items() if path
    )
    (folder / "tiny.toml").write_text(text)
    return str(folder / "tiny.toml")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A catalog whose pictures and sounds share spaces with words, and its preset."""
    folder = tmp_path_factory.mktemp("preset")
    path = preset_file(folder, save_clip(folder / "clip"), save_clap(folder / "clap"))
    catalog, preset = make_catalog(dim=24), load_preset(path)
    for modality in ("video", "audio"):
        catalog.spec.encoders[modality].fingerprint = preset.encoder(modality).fingerprint
    catalog.spec.encoders["text"].fingerprint = "import:column"
    return catalog, path, preset


def test_words_go_to_pictures_and_sounds(shared):
    catalog, path, preset = shared
    answer = find(catalog, [Words("a dog")], k=15, encoders=QueryEncoders(catalog, path), options=Options(explain=True))
    ways = {one["way"]: one for one in answer.hits[0].why["rankings"]}
    assert {"picture", "sound"} <= set(ways) and len(answer.hits) == 14  # one is folded
    assert "no encoder at hand made" in answer.notes[0]
    wanted = preset.encoder("video").encode_texts(["a dog"])[0]
    answer = find(catalog, [Words("a dog")], features=["video"], encoders=QueryEncoders(catalog, path), k=1)
    expected = max(float(rows @ wanted) for t in catalog.title_ids() for rows in catalog.features(t).vectors["video"])
    assert answer.hits[0].score == pytest.approx(expected, abs=5e-4)  # the index keeps rows in half precision


def test_a_picture_finds_the_shot_it_is(shared, tmp_path):
    catalog, path, preset = shared
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Still.fromarray(pixels).save(tmp_path / "still.png")
    shot = ShotInput((np.asarray(Still.fromarray(pixels).resize((48, 32), Still.Resampling.BOX)),), (0.0,), None, "", 1)
    catalog.features("sea").vectors["video"][2] = preset.encoder("video").encode([shot]).vectors[0]
    hit = find(catalog, [Image(tmp_path / "still.png")], k=1, encoders=QueryEncoders(catalog, path)).hits[0]
    assert (hit.title, hit.first_shot) == ("sea", 2) and hit.score > 0.98


def test_a_sound_finds_the_shot_it_is(shared, tmp_path):
    catalog, path, preset = shared
    samples = np.random.default_rng(0).normal(scale=0.1, size=RATE).astype(np.float32)
    write_film(tmp_path / "sound.wav", Fraction(25), (0, 0), None, samples, RATE)
    shot = ShotInput((), (), samples, "", 1.0, RATE)
    catalog.features("sea").vectors["audio"][3] = preset.encoder("audio").encode([shot]).vectors[0]
    hit = find(catalog, [SoundFile(tmp_path / "sound.wav")], k=1, encoders=QueryEncoders(catalog, path)).hits[0]
    assert (hit.title, hit.first_shot) == ("sea", 3) and hit.score > 0.98


def test_other_encoders_are_refused(shared, tmp_path):
    catalog, _, _ = shared
    other = preset_file(tmp_path, save_clip(tmp_path / "clip", seed=5))
    Still.new("RGB", (40, 40)).save(tmp_path / "still.png")
    for query in (Words("a dog"), Image(tmp_path / "still.png")):
        with pytest.raises(MismatchError, match="picture was encoded by video-encoder"):
            find(catalog, [query], encoders=QueryEncoders(catalog, other))


def test_a_picture_encoder_without_words_is_passed_by(tmp_path):
    path = preset_file(tmp_path, save_clip_vision(tmp_path / "clip"))
    catalog = make_catalog(dim=24)
    catalog.spec.encoders["video"].fingerprint = load_preset(path).encoder("video").fingerprint
    assert QueryEncoders(catalog, path).words_as("video", "a dog") is None
    with pytest.raises(UsageError, match="no other encoder of the catalog shares a space with words"):
        find(catalog, [Words("dog")], features=["video"], encoders=QueryEncoders(catalog, path))


def test_files_that_are_none(shared, tmp_path):
    catalog, path, _ = shared
    (tmp_path / "text.png").write_text("no picture")
    frames = np.zeros((5, 32, 32, 3), dtype=np.uint8)
    write_film(tmp_path / "mute.mp4", 25, (32, 32), frames, None)
    for query, kind, message in (
        (Image(tmp_path / "text.png"), MediaError, "cannot be read as a picture"),
        (Image(tmp_path / "gone.png"), UsageError, "There is no picture file"),
        (SoundFile(tmp_path / "gone.wav"), UsageError, "There is no sound file"),
        (SoundFile(tmp_path / "mute.mp4"), UsageError, "There is no sound in"),
        (SoundFile(tmp_path / "text.png"), MediaError, "text.png"),
    ):
        with pytest.raises(kind, match=message):
            find(catalog, [query], encoders=QueryEncoders(catalog, path))


def test_imported_vectors_and_missing_ones_take_no_files(tmp_path):
    Still.new("RGB", (40, 40)).save(tmp_path / "still.png")
    catalog = make_catalog()
    catalog.spec.encoders["video"].fingerprint = "import:gaze"
    with pytest.raises(UsageError, match="were imported"):
        find(catalog, [Image(tmp_path / "still.png")])
    del catalog.spec.encoders["audio"]
    with pytest.raises(CatalogError, match="holds no sound vectors"):
        find(catalog, [SoundFile(tmp_path / "still.png")])
