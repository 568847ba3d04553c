"""Presets: by name, from TOML, and what goes wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from mediafm.encoders import PRESETS, checked, load_preset, presets
from mediafm.encoders.omni import OmniEncoder
from mediafm.errors import EncoderError, UsageError
from mediafm.ingest.encoding import encoder_specs
from mediafm.types import MODALITIES, ShotInput

TOML = """
name = "tiny"
[detector]
name = "fixed"
options = {{ seconds = 2.0 }}
[encoders.video]
kind = "clip"
model = "{clip}"
licence = "MIT"
frames = 4
[encoders.audio]
kind = "wav2vec2"
model = "{wav2vec2}"
layer = 1
[encoders.text]
kind = "sentence"
model = "{sentence}"
licence = "Apache-2.0"
"""


@pytest.fixture
def tiny(tmp_path: Path, model_folders: Callable[[str], Path]) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(TOML.format(**{kind: model_folders(kind) for kind in ("clip", "wav2vec2", "sentence")}))
    return file


# Licences (SPDX) that allow use in products. What is not here may be used, by a preset of one's own.
FREE = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "CC0-1.0", "CC-BY-4.0", "Unlicense"}
SHIPPED = sorted(path.stem for path in (Path(presets.__file__).parent / "preset_files").iterdir())


def test_every_shipped_preset_has_a_name_to_call_it_by() -> None:
    assert sorted(PRESETS) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_presets_parse_without_loading_anything_and_are_free_for_any_use(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name and set(preset.choices) <= set(MODALITIES)
    assert preset.detector.name == "auto"
    assert set(preset.licences) == set(preset.choices)
    assert set(preset.licences.values()) <= FREE | ({"LicenseRef-OpenAI-Terms"} if name == "reference-api" else set())
    assert not preset._loaded


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "NOASSERTION", "other", ""])
def test_the_test_of_licences_can_fail(licence: str, tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace('licence = "MIT"', f'licence = "{licence}"'))
    if not licence:
        with pytest.raises(UsageError, match="licence"):
            load_preset(tiny)
        return
    assert not set(load_preset(tiny).licences.values()) <= FREE


def test_offline_runs(shots: list[ShotInput]) -> None:
    preset = load_preset("offline")
    dims = {modality: checked(encoder, shots).vectors.shape[1] for modality, encoder in preset.encoders.items()}
    assert dims == {m: e.dim for m, e in preset.encoders.items()} and dims["text"] == 384
    assert preset.fingerprint == load_preset("offline").fingerprint
    assert preset.encoder("video") is preset.encoders["video"]


def test_preset_file(tiny: Path, shots: list[ShotInput]) -> None:
    preset = load_preset(tiny, device="cpu")
    assert preset.name == "tiny" and preset.detector.options == {"seconds": 2.0}
    assert preset.licences == {"video": "MIT", "audio": "NOASSERTION", "text": "Apache-2.0"}
    assert {m: e.dim for m, e in preset.encoders.items()} == {"video": 24, "audio": 32, "text": 32}
    assert preset.encoder("video").frames == 4
    for encoder in preset.encoders.values():
        assert checked(encoder, shots).present.any()


def test_fingerprint_follows_every_choice(tiny: Path) -> None:
    text = tiny.read_text()
    prints = {load_preset(tiny, device="cpu").fingerprint}
    for old, new in [("frames = 4", "frames = 5"), ("layer = 1", "layer = 0"), ("seconds = 2.0", "seconds = 3.0")]:
        tiny.write_text(text.replace(old, new))
        prints.add(load_preset(tiny, device="cpu").fingerprint)
    assert len(prints) == 4
    tiny.write_text(text.replace('name = "tiny"', 'name = "other"'))
    assert load_preset(tiny, device="cpu").fingerprint in prints  # a name changes no vector


def test_model_folder_beside_the_file(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "bert").symlink_to(model_folders("bert"))
    file = tmp_path / "near.toml"
    file.write_text('name="near"\ndetector={name="fixed"}\n[encoders.text]\nkind="sentence"\nmodel="models/bert"\n')
    preset = load_preset(file, device="cpu")
    assert list(preset.encoders) == ["text"]
    with pytest.raises(UsageError, match="no video encoder"):
        preset.encoder("video")


def test_kinds_that_hear_and_see_more(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    file = tmp_path / "more.toml"
    file.write_text(
        'name = "more"\ndetector = { name = "fixed" }\n'
        '[encoders.video]\nkind = "omni"\nframes = 2\nseconds = 4\npool = "last"\n'
        f'model = "{model_folders("omni")}"\n[encoders.audio]\nkind = "clap"\nmodel = "{model_folders("clap")}"\n'
    )
    preset = load_preset(file, device="cpu")
    omni, clap = preset.encoder("video"), preset.encoder("audio")
    assert (omni.frames, omni.inputs, omni.sample_rate) == (2, MODALITIES, 16_000)
    assert (clap.name, clap.inputs, clap.sample_rate) == ("clap", ("audio",), 48_000)
    usual = OmniEncoder(str(model_folders("omni")), device="cpu")
    assert omni.fingerprint != usual.fingerprint
    with pytest.raises(
        UsageError, match=r"omni \(video\) wants sound at 16000 Hz, clap \(audio\) wants sound at 48000"
    ):
        encoder_specs(preset)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("frames = 4", "frame = 4", "encoders.video.clip.frame"),
        ("frames = 4", "frames = 0", "encoders.video.clip.frames"),
        ('kind = "wav2vec2"', 'kind = "clip"', "encoders.audio"),
        ('kind = "wav2vec2"', 'kind = "wave"', "encoders.audio"),
        ('kind = "wav2vec2"', 'kind = ["clap"]', "encoders.audio"),
        ('kind = "wav2vec2"', 'kinds = "clap"', "encoders.audio"),
        ('kind = "clip"', 'kind = "omni"\npool = "most"', "encoders.video.omni.pool"),
        ('kind = "clip"', 'kind = "omni"\nseconds = 301', "encoders.video.omni.seconds"),
        ('name = "fixed"', 'name = "guess"', "detector.name"),
        ('name = "tiny"', 'nam = "tiny"', "name"),
        ("[encoders.text]", "[encoders.smell]", "encoders.smell"),
        ("layer = 1", "layer = ", "not TOML"),
    ],
)
def test_wrong_files_are_named_and_explained(old: str, new: str, words: str, tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_preset(tiny)
    assert words in caught.value.message and "tiny.toml" in caught.value.message


def test_a_preset_needs_an_encoder(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    file.write_text('name="none"\ndetector={name="fixed"}\n[encoders]\n')
    with pytest.raises(UsageError, match="names no encoder"):
        load_preset(file)


def test_unknown_preset_lists_the_known() -> None:
    with pytest.raises(UsageError, match="'opne'") as caught:
        load_preset("opne")
    assert "offline, open, reference, reference-api, omni" in caught.value.remedy


def test_model_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def no_network(model: str, **options: Any) -> str:
        asked.append(options)
        raise OSError("Name or service not known\nsecond line")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", no_network)
    with pytest.raises(EncoderError, match="google/siglip-base-patch16-224") as caught:
        load_preset("open").encoder("video")
    assert "hf download google/siglip-base-patch16-224" in caught.value.remedy
    assert "--preset offline" in caught.value.remedy and "second line" not in str(caught.value)
    assert [options.get("local_files_only", False) for options in asked] == [True, False]
    assert all("*.bin" not in options["allow_patterns"] for options in asked)


def test_hub_model_from_the_cache_asks_no_network(
    monkeypatch: pytest.MonkeyPatch, model_folders: Callable[[str], Path], tmp_path: Path
) -> None:
    def cached(model: str, **options: Any) -> str:
        assert options["local_files_only"] and model == "owner/model"
        return str(model_folders("wav2vec2"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", cached)
    file = tmp_path / "hub.toml"
    file.write_text('name="hub"\ndetector={name="fixed"}\n[encoders.audio]\nkind="wav2vec2"\nmodel="owner/model"\n')
    assert load_preset(file, device="cpu").encoder("audio").dim == 32


@pytest.mark.parametrize("model", ["no-such-folder", "/no/such/folder", "a/b/c", "../x", ""])
def test_missing_folder_never_asks_the_hub(model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("asked the hub"))
    file = tmp_path / "gone.toml"
    file.write_text(f'name="x"\ndetector={{name="fixed"}}\n[encoders.audio]\nkind="wav2vec2"\nmodel="{model}"\n')
    with pytest.raises((EncoderError, UsageError), match=r"There is no model folder|encoders\.audio"):
        load_preset(file).encoder("audio")


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import json, sys, mediafm.encoders as e; e.load_preset('open').licences; print(json.dumps([*sys.modules]))"
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = set(json.loads(out.stdout))
    assert loaded.isdisjoint({"torch", "transformers", "sentence_transformers", "librosa", "cv2", "skimage", "scipy"})
