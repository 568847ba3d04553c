import numpy as np
import pytest
import torch

from mediafm.errors import EncoderError
from mediafm.shots import trained
from mediafm.shots.change import FEATURES, HISTORY, change_features
from mediafm.shots.glance import CHUNK, REACH, GlanceStream, load_glance
from mediafm.shots.trained import glance_weights


def noise(n: int, seed: int = 0) -> np.ndarray:
    stills = np.random.default_rng(seed).integers(0, 256, (n // 20 + 1, 27, 48, 3), dtype=np.uint8)
    return np.repeat(stills, 20, axis=0)[:n]


@pytest.mark.parametrize("n", [1, 2, REACH, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_a_stream_says_what_the_whole_film_at_once_says(n: int) -> None:
    network = load_glance()
    frames = noise(n)
    led = np.concatenate([np.repeat(frames[:1], HISTORY, axis=0), frames])
    rows = np.pad(change_features(led), ((REACH, REACH), (0, 0)), mode="edge")
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(rows.T.copy())[None])[0]).numpy()
    stream = GlanceStream(network)
    found = np.concatenate([*(stream.push(frame) for frame in frames), stream.finish()])
    assert found.shape == (n,)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_frames_no_glances() -> None:
    assert GlanceStream(load_glance()).finish().shape == (0,)


def test_a_glance_depends_on_its_reach_alone() -> None:
    network = load_glance()
    rows = torch.randn(1, FEATURES, 2 * REACH + 1, generator=torch.Generator().manual_seed(0))
    wider = torch.nn.functional.pad(rows, (3, 3), value=9.0)
    torch.testing.assert_close(network(wider)[:, 3:4], network(rows))


def test_hard_cuts_of_noise_stand_out() -> None:
    stream = GlanceStream(load_glance())
    frames = noise(160)
    found = np.concatenate([*(stream.push(frame) for frame in frames), stream.finish()])
    assert np.flatnonzero(found > 0.5).tolist() == list(range(19, 159, 20))


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "_GLANCE_FILE", "elsewhere.safetensors")
    load_glance.cache_clear()
    glance_weights.cache_clear()
    with pytest.raises(EncoderError, match=r"elsewhere\.safetensors cannot be read"):
        load_glance()
    monkeypatch.undo()
    load_glance.cache_clear()
    glance_weights.cache_clear()
