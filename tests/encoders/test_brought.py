"""Encoders of one's own: by module and class in a preset file, or from an installed package; and what may be wrong."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec
from mediafm.encoders import Encoder, Preset, TextEncoder, checked, load_preset
from mediafm.encoders.brought import installed
from mediafm.errors import EncoderError, UsageError
from mediafm.search.encoding import QueryEncoders
from mediafm.types import Modality, ShotInput

GOOD = """
from dataclasses import dataclass  # looks its own module up by name
import numpy as np
from mediafm.encoders import Encoded, Encoder

@dataclass(frozen=True)
class Settings:
    seed: int = 0

class Mine(Encoder):
    name, modality, dim, licence, frames = "mine", "video", 5, "MIT", 2

    def __init__(self, seed=0, device=None):
        self.settings, self.device = Settings(seed), device
        self.fingerprint = "mine:1"

    def encode(self, batch):
        rng = np.random.default_rng(self.settings.seed)
        grid = rng.standard_normal((3, self.dim))
        means = [np.mean([f.mean(axis=(0, 1)) for f in s.frames], axis=0) if s.frames else None for s in batch]
        rows = [None if mean is None else mean @ grid + 1 for mean in means]
        vectors = np.zeros((len(batch), self.dim), np.float32)
        for i, row in enumerate(rows):
            if row is not None:
                vectors[i] = row / np.linalg.norm(row)
        return Encoded(vectors, np.array([row is not None for row in rows], bool))
"""


@pytest.fixture
def preset_with(tmp_path: Path) -> Callable[..., Preset]:
    """Writes mine.py and a preset that names it; loads the preset."""

    def write(code: str = GOOD, target: str = "mine:Mine", slot: str = "video", options: str = "{}") -> Preset:
        (tmp_path / "mine.py").write_text(code)
        table = f'[encoders.{slot}]\nkind = "python"\nobject = "{target}"\noptions = {options}\n'
        (tmp_path / "mine.toml").write_text(f'name = "mine"\ndetector = {{ name = "fixed" }}\n{table}')
        return load_preset(tmp_path / "mine.toml", device="cpu")

    return write


def test_a_class_beside_the_preset_file(preset_with: Callable[..., Preset], shots: list[ShotInput]) -> None:
    path, modules = list(sys.path), set(sys.modules)
    preset = preset_with(options="{ seed = 3 }")
    assert preset.licences == {"video": "NOASSERTION"} and set(sys.modules) == modules  # nothing has run so far
    encoder = preset.encoder("video")
    assert (encoder.name, encoder.dim, encoder.frames, encoder.inputs) == ("mine", 5, 2, ("video",))
    assert preset.licences == {"video": "MIT"}
    encoded = checked(encoder, shots)
    assert encoded.present.tolist() == [bool(shot.frames) for shot in shots]
    assert not isinstance(encoder, TextEncoder)
    assert sys.path == path and "mine" not in sys.modules


def test_fingerprint_covers_options_and_what_the_encoder_says(
    preset_with: Callable[..., Preset], tmp_path: Path
) -> None:
    (tmp_path / "newer.py").write_text(GOOD.replace('"mine:1"', '"mine:2"'))
    changes = ({}, {"options": "{ seed = 1 }"}, {"target": "newer:Mine"}, {"options": "{ seed = 2 }"})
    assert len({preset_with(**change).fingerprint for change in changes}) == 4
    assert preset_with().fingerprint == preset_with().fingerprint


def test_modules_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    dims = []
    for dim in (5, 7):
        folder = tmp_path / str(dim)
        folder.mkdir()
        (folder / "mine.py").write_text(GOOD.replace("5,", f"{dim},"))
        (folder / "p.toml").write_text(
            'name = "p"\ndetector = { name = "fixed" }\n[encoders.video]\nkind = "python"\nobject = "mine:Mine"\n'
        )
        dims.append(load_preset(folder / "p.toml").encoder("video").dim)
    assert dims == [5, 7]


def test_a_module_that_python_finds_and_one_that_imports_its_neighbour(
    preset_with: Callable[..., Preset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "some_package_of_mine.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert preset_with(target="some_package_of_mine:Mine").encoder("video").dim == 5
    (tmp_path / "neighbour_of_mine.py").write_text("SIZE = 5\n")
    code = "from neighbour_of_mine import SIZE\n" + GOOD.replace("5,", "SIZE,")
    (tmp_path / "other.py").write_text(code)
    assert preset_with(target="other:Mine").encoder("video").dim == 5


def test_words_too_where_it_embeds_them(preset_with: Callable[..., Preset], tmp_path: Path) -> None:
    code = GOOD + (
        "\n    def encode_texts(self, texts):\n        return np.array([[len(t)] * self.dim for t in texts], float)\n"
    )
    encoder = preset_with(code).encoder("video")
    assert isinstance(encoder, TextEncoder)
    word, empty = encoder.encode_texts(["dog", ""])
    assert np.linalg.norm(word) == pytest.approx(1) and not empty.any() and word.dtype == np.float32
    (tmp_path / "short.py").write_text(code.replace("* self.dim", "* 3"))
    short = preset_with(target="short:Mine").encoder("video")
    assert isinstance(short, TextEncoder)
    with pytest.raises(EncoderError, match=r"\(2, 3\) for texts where finite \(2, 5\)"):
        short.encode_texts(["dog", ""])


def wrong(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (wrong('self.fingerprint = "mine:1"', "pass"), "must say its fingerprint"),
        (wrong('"mine:1"', '" "'), "must say its fingerprint"),
        (wrong('"mine", "video"', '"", "video"'), "must say its name"),
        (wrong('"MIT"', "None"), "must say its licence"),
        (wrong("5,", "0,"), "must say its dim"),
        (wrong("5,", "5.0,"), "must say its dim"),
        (wrong("5,", "True,"), "must say its dim"),
        (wrong(", 2\n", ", 0\n"), "must say its frames"),
        (wrong('"video"', '"audio"'), "is for 'audio' and cannot fill the slot 'video'"),
        (wrong("    def __init__", "    inputs = ('smell',)\n    def __init__"), "must look at some of video"),
        (wrong("    def __init__", "    sample_rate = 7\n    def __init__"), "must say its sample_rate"),
        (wrong("    def __init__", "    batch = 0\n    def __init__"), "must say its batch"),
        (wrong("def encode(", "def embed("), "failed (TypeError"),
        (wrong("(Encoder)", ""), "no subclass of mediafm.encoders.Encoder"),
        (wrong("Settings(seed)", "1 / 0"), "failed (ZeroDivisionError"),
        ("raise ValueError('no luck')\n" + GOOD, "failed (ValueError: no luck)"),
        ("def (\n", "failed (SyntaxError"),
        ("import sys; sys.exit()\n" + GOOD, "failed (SystemExit"),
        ("import nowhere_to_be_found\n" + GOOD, "failed (ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    ],
)
def test_an_encoder_that_says_too_little_is_refused(code: str, words: str, preset_with: Callable[..., Preset]) -> None:
    with pytest.raises(EncoderError) as caught:
        preset_with(code).encoder("video")
    assert words in caught.value.message and "mine:Mine" in caught.value.message and caught.value.remedy


@pytest.mark.parametrize(
    ("target", "options", "error", "words"),
    [
        ("nowhere_to_be_found:Mine", "{}", UsageError, "cannot be imported"),
        ("nowhere_to_be_found.part:Mine", "{}", UsageError, "cannot be imported"),
        ("mine:Yours", "{}", UsageError, "has no Yours"),
        ("mine", "{}", UsageError, "encoders.video.python.object"),
        ("mine:Mine()", "{}", UsageError, "encoders.video.python.object"),
        ("../mine:Mine", "{}", UsageError, "encoders.video.python.object"),
        ("mine:Mine", "{ sed = 1 }", EncoderError, "unexpected keyword argument 'sed'"),
    ],
)
def test_a_wrong_name_or_option(
    target: str, options: str, error: type, words: str, preset_with: Callable[..., Preset]
) -> None:
    with pytest.raises(error) as caught:
        preset_with(target=target, options=options).encoder("video")
    assert words in caught.value.message and caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return Encoded(", "return (", "must return Encoded"),
        ("return Encoded(vectors", "return Encoded(vectors.tolist()", "must return Encoded"),
        ("return Encoded(vectors", "return Encoded(vectors * 2", "not unit-norm"),
        ("return Encoded(vectors", "return Encoded(vectors.astype(float)", "float64"),
        ("return Encoded(vectors", "return Encoded(vectors * np.nan", "not finite"),
        ("row is not None for row in rows", "True for row in rows", "not unit-norm"),
        ("rng = np", "raise KeyError('lost'); rng = np", "failed (KeyError: 'lost')"),
    ],
)
def test_what_it_returns_is_held_to_the_contract(
    old: str, new: str, words: str, preset_with: Callable[..., Preset], shots: list[ShotInput]
) -> None:
    encoder = preset_with(wrong(old, new)).encoder("video")
    with pytest.raises(EncoderError, match="'mine'") as caught:
        checked(encoder, shots)
    assert words in caught.value.message


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings an encoder `colour`."""
    site = tmp_path / "site"
    (site / "colours-1.0.dist-info").mkdir(parents=True)
    (site / "colours_of_films.py").write_text(GOOD)
    (site / "colours-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.0\n")
    lines = "[mediafm.encoders]\ncolour = colours_of_films:Mine\nclip = colours_of_films:Mine\nlost = nowhere:Mine\n"
    (site / "colours-1.0.dist-info" / "entry_points.txt").write_text(lines)
    monkeypatch.syspath_prepend(str(site))


def by_kind(tmp_path: Path, kind: str, more: str = "") -> Encoder:
    file = tmp_path / "by_kind.toml"
    file.write_text(f'name = "k"\ndetector = {{ name = "fixed" }}\n[encoders.video]\nkind = "{kind}"\n{more}')
    return load_preset(file).encoder("video")


@pytest.mark.usefixtures("package")
def test_an_installed_encoder_is_a_kind_like_ours(tmp_path: Path, shots: list[ShotInput]) -> None:
    assert set(installed()) == {"colour", "clip", "lost"}
    encoder = by_kind(tmp_path, "colour", "options = { seed = 4 }\n")
    assert checked(encoder, shots).vectors.shape == (len(shots), 5)
    with pytest.raises(UsageError, match=r"encoders\.video\.clip\.model"):  # ours stay ours
        by_kind(tmp_path, "clip")
    with pytest.raises(EncoderError, match="'lost' failed"):
        by_kind(tmp_path, "lost")
    with pytest.raises(UsageError, match=r"encoders\.video"):
        by_kind(tmp_path, "colours")


def test_a_catalog_cannot_name_code(tmp_path: Path, preset_with: Callable[..., Preset]) -> None:
    """A catalog says which preset made it; a search that goes by that runs nothing of it."""
    preset_with(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + GOOD)
    encoders: dict[Modality, EncoderSpec] = {"text": EncoderSpec("mine", 5, "mine:1", "MIT")}
    spec = CatalogSpec(str(tmp_path / "mine.toml"), "fixed:1", encoders)
    catalog = Catalog.open_or_create(str(tmp_path / "catalog"), spec)
    with pytest.raises(UsageError, match="made with a preset file"):
        QueryEncoders(catalog).words("dog")
    assert not (tmp_path / "ran").exists()
