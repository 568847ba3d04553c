"""The contract, over every encoder."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.cases import CASES, HUB, OFFLINE
from mediafm.encoders import Encoded, Encoder, checked
from mediafm.errors import EncoderError
from mediafm.types import ShotInput

ALL = [*OFFLINE, *HUB, "openai"]


@pytest.fixture(scope="module", params=ALL)
def encoder(request: pytest.FixtureRequest, make_encoder: Callable[[str], Encoder]) -> Encoder:
    return make_encoder(request.param)


@pytest.fixture(scope="module")
def shots(encoder: Encoder, shots_for: Callable[[Encoder], list[ShotInput]]) -> list[ShotInput]:
    return shots_for(encoder)


def something_to_see(encoder: Encoder, shot: ShotInput) -> bool:
    sound = shot.samples is not None and len(shot.samples) > 0
    there = {"video": len(shot.frames) > 0, "audio": sound, "text": bool(shot.text.strip())}
    return any(there[modality] for modality in encoder.inputs)


def test_rows_are_unit_or_flagged_zero(encoder: Encoder, shots: list[ShotInput]) -> None:
    encoded = checked(encoder, shots)  # finite, shape, norms
    assert encoded.present.tolist() == [something_to_see(encoder, shot) for shot in shots]
    assert encoded.present.tolist() == [encoder.sees(shot) for shot in shots]
    assert np.allclose(np.linalg.norm(encoded.vectors, axis=1), encoded.present, atol=1e-5)


def test_says_what_it_is(encoder: Encoder) -> None:
    assert encoder.name and encoder.licence and ":" in encoder.fingerprint
    assert (encoder.frames > 0 and encoder.frame_side > 0) == ("video" in encoder.inputs)
    assert encoder.sample_rate > 0 and encoder.batch > 0 and encoder.dim > 0


def test_unlike_shots_get_unlike_vectors(encoder: Encoder, shots: list[ShotInput]) -> None:
    encoded = checked(encoder, shots)
    vectors = encoded.vectors[encoded.present]
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    assert cosines.min() < 0.9 and (cosines < 1 - 1e-6).mean() > 0.8


def test_a_shot_does_not_see_its_batch(encoder: Encoder, shots: list[ShotInput]) -> None:
    together = checked(encoder, shots)
    order = np.random.default_rng(3).permutation(len(shots))
    shuffled = checked(encoder, [shots[i] for i in order])
    alone = np.concatenate([checked(encoder, [shot]).vectors for shot in shots])
    assert np.abs(shuffled.vectors - together.vectors[order]).max() <= 1e-5
    assert np.abs(alone - together.vectors).max() <= 1e-5


def test_empty_batch(encoder: Encoder) -> None:
    encoded = checked(encoder, [])
    assert encoded.vectors.shape == (0, encoder.dim) and encoded.present.shape == (0,)


def test_same_again(encoder: Encoder, shots: list[ShotInput]) -> None:
    assert np.array_equal(checked(encoder, shots).vectors, checked(encoder, shots).vectors)


def test_input_is_left_alone(encoder: Encoder, shots: list[ShotInput]) -> None:
    before = [(tuple(f.copy() for f in s.frames), None if s.samples is None else s.samples.copy()) for s in shots]
    encoder.encode(shots)
    for shot, (frames, samples) in zip(shots, before, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(shot.frames, frames, strict=True))
        assert samples is None or np.array_equal(shot.samples, samples)


@pytest.mark.parametrize("kind", ALL)
def test_loads_to_the_same_encoder_and_touches_nothing(
    kind: str, make_encoder: Callable[[str], Encoder], shots_for: Callable[[Encoder], list[ShotInput]]
) -> None:
    first = make_encoder(kind)
    shots = shots_for(first)
    before = _globals()
    second = make_encoder(kind)
    vectors = second.encode(shots).vectors
    assert _globals() == before
    assert second.fingerprint == first.fingerprint
    assert np.array_equal(first.encode(shots).vectors, vectors)


def _globals() -> tuple[object, ...]:
    import cv2
    from transformers.utils import logging

    return (
        torch.random.get_rng_state().numpy().tobytes(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
        random.getstate(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_default_dtype(),
        cv2.getNumThreads(),
        logging.get_verbosity(),
        logging.is_progress_bar_enabled(),
    )


@pytest.mark.parametrize("kind", HUB)
def test_other_weights_other_fingerprint(
    kind: str,
    tmp_path: Path,
    make_encoder: Callable[[str], Encoder],
    shots_for: Callable[[Encoder], list[ShotInput]],
) -> None:
    other = CASES[kind].make(str(CASES[kind].save(tmp_path / "other", seed=1)), device="cpu")
    first = make_encoder(kind)
    shots = shots_for(first)
    assert other.fingerprint != first.fingerprint
    assert not np.allclose(other.encode(shots).vectors, first.encode(shots).vectors, atol=1e-3)


@pytest.mark.parametrize("kind", HUB)
def test_fingerprint_follows_options_and_nothing_else(
    kind: str, tmp_path: Path, make_encoder: Callable[[str], Encoder], model_folders: Callable[[str], Path]
) -> None:
    case, first = CASES[kind], make_encoder(kind)
    for name, value in case.other.items():
        assert case.make(str(model_folders(kind)), device="cpu", **{name: value}).fingerprint != first.fingerprint
    elsewhere = shutil.copytree(model_folders(kind), tmp_path / "elsewhere")
    (elsewhere / "README.md").write_text("# A model")
    (elsewhere / "training_args.json").write_text("{}")
    assert case.make(str(elsewhere), device="cpu", licence="MIT").fingerprint == first.fingerprint


DAMAGES = {
    "missing": "no model folder",
    "empty": "cannot be read",
    "cut": "cannot be read",
    "pickled": "pickled weights, which can run code",
    "no-config": "config.json",
    "bad-config": "config.json",
    "other-shape": "parameters are missing or have another shape",
    "own-code": "auto_map",
    "outside": "names weights outside its folder",
    "adapter": "holds an adapter",
}


@pytest.mark.parametrize("kind", HUB)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_or_hostile_folder_is_refused(
    kind: str, damage: str, tmp_path: Path, model_folders: Callable[[str], Path]
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(model_folders(kind), folder)
    _damage(folder, damage)
    with pytest.raises(EncoderError) as caught:
        CASES[kind].make(str(folder), device="cpu")
    assert "damaged" in caught.value.message and caught.value.remedy
    assert DAMAGES[damage] in caught.value.message
    assert not (tmp_path / "ran").exists()


def _damage(folder: Path, how: str) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    if how == "missing":
        shutil.rmtree(folder)
    elif how == "empty":
        weights.write_bytes(b"")
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif how == "pickled":
        weights.unlink()
        torch.save({}, folder / "pytorch_model.bin")
    elif how == "no-config":
        config.unlink()
    elif how == "bad-config":
        config.write_text("{")
    elif how == "own-code":
        (folder / "code.py").write_text(
            f"open({str(folder.parent / 'ran')!r}, 'w')\nclass Config: pass\nModel = Config\n"
        )
        auto_map = {"AutoConfig": "code.Config", "AutoModel": "code.Model"}
        config.write_text(json.dumps(json.loads(config.read_text()) | {"auto_map": auto_map}))
    elif how == "outside":
        weights.rename(folder.parent / "model.safetensors")
        index = {"weight_map": {"a": "../model.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    elif how == "adapter":
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/model"}))
    else:
        _deepen(config)


def _deepen(config: Path) -> None:
    """One layer more than the weights hold, wherever the config counts layers."""

    def deeper(value: object) -> object:
        if not isinstance(value, dict):
            return value
        told = {key: deeper(inner) for key, inner in value.items()}
        if isinstance(told.get("depths"), list):
            told["depths"][-1] += 1
        elif "num_hidden_layers" in told:
            told["num_hidden_layers"] += 1
            told.pop("layer_types", None)
        return told

    config.write_text(json.dumps(deeper(json.loads(config.read_text()))))


@pytest.mark.parametrize("kind", HUB)
def test_model_of_another_architecture_is_refused(kind: str, model_folders: Callable[[str], Path]) -> None:
    folder = model_folders(CASES[kind].foreign)
    with pytest.raises(EncoderError) as caught:
        CASES[kind].make(str(folder), device="cpu")
    assert str(folder) in caught.value.message and caught.value.remedy


class _Broken(Encoder):
    name, modality, dim, fingerprint, licence = "broken", "audio", 4, "broken:1", "none"

    def __init__(self, vectors: np.ndarray, present: np.ndarray) -> None:
        self._encoded = Encoded(vectors, present)

    def encode(self, batch: object) -> Encoded:
        return self._encoded


_GOOD = np.array([[1, 0, 0, 0], [0, 0, 0, 0]], np.float32)
_FLAGS = np.array([True, False])


@pytest.fixture(scope="module")
def two(shots_for: Callable[[Encoder], list[ShotInput]]) -> list[ShotInput]:
    return shots_for(_Broken(_GOOD, _FLAGS))[:2]


@pytest.mark.parametrize(
    ("vectors", "present", "words"),
    [
        (_GOOD[:, :3], _FLAGS, "float32 (2, 3)"),
        (_GOOD.astype(np.float64), _FLAGS, "float64"),
        (_GOOD, _FLAGS.astype(int), "flags"),
        (_GOOD, _FLAGS[:1], "flags"),
        (np.where(_GOOD, np.float32("nan"), _GOOD), _FLAGS, "not finite"),
        (np.where(_GOOD, np.float32("inf"), _GOOD), _FLAGS, "not finite"),
        (_GOOD * np.float32(1.01), _FLAGS, "not unit-norm"),
        (_GOOD, np.array([True, True]), "not unit-norm (shot 1"),
        (_GOOD, np.array([False, False]), "absent but not zero (shot 0"),
    ],
)
def test_guard_names_the_encoder_that_breaks_the_contract(
    vectors: np.ndarray, present: np.ndarray, words: str, two: list[ShotInput]
) -> None:
    broken = _Broken(vectors, present)
    with pytest.raises(EncoderError, match="'broken'") as caught:
        checked(broken, two)
    assert words in caught.value.message


def test_guard_passes_good_output(two: list[ShotInput]) -> None:
    assert checked(_Broken(_GOOD, _FLAGS), two).vectors is _GOOD


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_guard_refuses_sound_that_is_not_finite(bad: float, two: list[ShotInput]) -> None:
    broken = ShotInput((), (), np.array([0.0, bad], np.float32), "", 1.0)
    with pytest.raises(EncoderError, match="sound that is not finite"):
        checked(_Broken(_GOOD, _FLAGS), [two[0], broken])


def test_guard_refuses_sound_of_another_rate(two: list[ShotInput]) -> None:
    fast = replace(two[0], sample_rate=48_000)
    with pytest.raises(EncoderError, match="at 48000 Hz and wants 16000 Hz"):
        checked(_Broken(_GOOD, _FLAGS), [two[1], fast])
