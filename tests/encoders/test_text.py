"""Sentence encoders against sentence-transformers itself, and long text."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from mediafm.encoders import TextEncoder
from mediafm.encoders.text import MINILM_SHA256, MiniLMEncoder, SentenceEncoder, check_sha256, split_text
from mediafm.encoders.weights import quiet
from mediafm.errors import EncoderError
from mediafm.types import ShotInput


@pytest.fixture(scope="module")
def minilm() -> MiniLMEncoder:
    return MiniLMEncoder(device="cpu")


@pytest.fixture(scope="module")
def sentence(model_folders: Callable[[str], Path]) -> SentenceEncoder:
    return SentenceEncoder(str(model_folders("sentence")), device="cpu")


def test_equals_sentence_transformers(sentence: SentenceEncoder, model_folders: Callable[[str], Path]) -> None:
    texts = ["the dog runs", "a man says hello", "fire"]
    with quiet():
        truth = SentenceTransformer(str(model_folders("sentence")), device="cpu").encode(texts)
    assert sentence.encode_texts(texts) == pytest.approx(truth, abs=1e-6)


def test_minilm_means_what_it_says(minilm: MiniLMEncoder) -> None:
    park, pup, market, empty, query = minilm.encode_texts(
        ["A dog runs in the park.", "A puppy is playing outdoors.", "Shares fell on Monday.", "  ", "dog in a park"]
    )
    assert minilm.dim == 384 and isinstance(minilm, TextEncoder)
    assert park @ query > 0.7 > park @ pup > 0.4 > 0.2 > park @ market
    assert not empty.any()


def test_encode_and_encode_texts_agree(minilm: MiniLMEncoder) -> None:
    texts = ["Hello there.", "", "Good night."]
    encoded = minilm.encode([ShotInput((), (), None, text, 1.0) for text in texts])
    assert encoded.vectors == pytest.approx(minilm.encode_texts(texts), abs=1e-6)
    assert encoded.present.tolist() == [True, False, True]


def test_no_text_at_all(minilm: MiniLMEncoder) -> None:
    assert minilm.encode_texts([]).shape == (0, 384)
    assert minilm.encode_texts(["", "\n"]).shape == (2, 384)


def test_quiet(minilm: MiniLMEncoder, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        minilm.encode_texts(["word " * 3000])
        MiniLMEncoder(device="cpu")
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_end_of_long_text_counts(minilm: MiniLMEncoder) -> None:
    filler = "They talk about the weather and the road. " * 60
    end = "The dragon burns the castle."
    plain, with_end, dragon = minilm.encode_texts([filler, filler + (end + " ") * 40, end])
    assert with_end @ dragon > plain @ dragon + 0.2


def test_long_text_is_the_mean_of_its_parts(sentence: SentenceEncoder) -> None:
    tokens = 12 - 2  # [CLS] and [SEP]
    words = ["dog", "cat", "fire", "man"] * 8
    text = " ".join(words)
    parts = split_text(text, sentence._loaded.tokenizer, tokens)
    assert " ".join(parts) == text and [len(part.split()) for part in parts] == [8, 8, 8, 8]
    mean = sentence.encode_texts(parts).mean(axis=0)
    assert sentence.encode_texts([text])[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


@pytest.mark.parametrize("room", [1, 2, 3, 7, 50])
@pytest.mark.parametrize(
    "text", ["a dog", "  the dog   runs,in the park!!  ", "hello " * 99, "日本語 のテスト " * 20, "x" * 300]
)
def test_parts_hold_all_of_the_text_and_fit(text: str, room: int, minilm: MiniLMEncoder) -> None:
    parts = split_text(text, minilm._loaded.tokenizer, room)
    assert "".join("".join(parts).split()) == "".join(text.split())
    for part in parts:
        count = len(minilm._loaded.tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"])
        # A word cut in two may be told in other, somewhat more pieces; whole words never are.
        assert count <= (room if " " in text.strip() and room >= 7 else 2 * room + 2)


def test_other_weights_are_not_minilm(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"something else")
    with pytest.raises(EncoderError, match="not the official") as caught:
        check_sha256(file, MINILM_SHA256)
    assert "pip install" in caught.value.remedy
    with pytest.raises(EncoderError, match="no file"):
        check_sha256(tmp_path / "none", MINILM_SHA256)


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ([{"idx": 0, "name": "0", "path": "../outside", "type": "x"}], "outside its folder"),
        ([{"idx": 0, "name": "0", "path": "", "type": "evil.Module"}], "cannot be loaded"),
        ([{"idx": 0}], "not a list of modules"),
        ("{", "cannot be read"),
    ],
)
def test_untrustworthy_modules_are_refused(
    modules: object, words: str, tmp_path: Path, model_folders: Callable[[str], Path]
) -> None:
    folder = shutil.copytree(model_folders("sentence"), tmp_path / "model")
    (folder / "modules.json").write_text(modules if isinstance(modules, str) else json.dumps(modules))
    with pytest.raises(EncoderError, match=words):
        SentenceEncoder(str(folder), device="cpu")


def test_pickled_module_is_refused(tmp_path: Path, model_folders: Callable[[str], Path]) -> None:
    folder = shutil.copytree(model_folders("sentence"), tmp_path / "model")
    torch.save({}, folder / "1_Pooling" / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="pickled"):
        SentenceEncoder(str(folder), device="cpu")


def test_pooling_is_part_of_the_fingerprint(
    sentence: SentenceEncoder, tmp_path: Path, model_folders: Callable[[str], Path]
) -> None:
    folder = shutil.copytree(model_folders("sentence"), tmp_path / "model")
    config = folder / "1_Pooling" / "config.json"
    config.write_text(config.read_text().replace('"mean"', '"max"'))
    assert SentenceEncoder(str(folder), device="cpu").fingerprint != sentence.fingerprint
