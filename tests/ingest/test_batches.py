"""Batches fill across titles, features come back to each in order, and one bad shot costs its own title alone."""

from collections.abc import Sequence

import numpy as np
import pytest

from mediafm.encoders import Encoded, Encoder
from mediafm.errors import EncoderError, ServiceError
from mediafm.ingest.batches import MOST_BYTES, BatchPool, features_of
from mediafm.reading import ReadShot
from mediafm.types import Modality, Shot, ShotInput

DIM = 4


class Counting(Encoder):
    """Encodes a shot as its duration's axis; keeps the sizes of its batches; chokes on a duration of 13."""

    name = fingerprint = "counting"
    licence = "Apache-2.0"
    dim = DIM

    def __init__(self, modality: Modality, batch: int) -> None:
        self.modality, self.batch = modality, batch
        self.sizes: list[int] = []

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        self.sizes.append(len(batch))
        if any(shot.duration == 13 for shot in batch):
            raise EncoderError("Thirteen.", "Choose another number.")
        return Encoded(np.eye(DIM, dtype=np.float32)[[int(s.duration) % DIM for s in batch]], np.ones(len(batch), bool))


def shot(index: int, duration: float, text: str = "words", picture: bool = True) -> ReadShot:
    frames = (np.zeros((8, 8, 3), np.uint8),) if picture else ()
    inside = ShotInput(frames, (0.0,) * len(frames), None, text, duration)
    return ReadShot(Shot(index, index, index + 1, index, index + 1), (), inside)


def pool(video: int = 4, text: int = 3) -> tuple[BatchPool, Counting, Counting]:
    encoders = Counting("video", video), Counting("text", text)
    return BatchPool({"video": encoders[0], "text": encoders[1]}), *encoders


def test_batches_fill_across_titles_and_shots_without_a_modality_take_no_room() -> None:
    filled, video, text = pool()
    for i in range(3):
        filled.add("a", shot(i, i, text="" if i else "words"))
        filled.add("b", shot(i, i + 1, text="words"))
    assert (video.sizes, text.sizes) == ([4], [3])
    filled.flush()
    assert (video.sizes, text.sizes) == ([4, 2], [3, 1])
    filled.flush()
    assert (video.sizes, text.sizes) == ([4, 2], [3, 1])


def test_shots_come_back_to_their_title_in_order_once_all_of_them_is_encoded() -> None:
    filled, _, _ = pool(video=2, text=100)
    filled.add("a", shot(0, 0, text=""))
    filled.add("a", shot(1, 1))
    filled.add("a", shot(2, 2, text=""))
    filled.add("b", shot(0, 3, text=""))
    assert [read.shot.index for read, _ in filled.take("a")] == [0]  # 1 waits for its text, 2 for 1
    assert [read.shot.index for read, _ in filled.take("b")] == [0] and not filled.waits("b")
    assert filled.waits("a")
    filled.flush()
    done = filled.take("a")
    assert [read.shot.index for read, _ in done] == [1, 2] and not filled.waits("a")
    features = features_of({"video": Counting("video", 1), "text": Counting("text", 1)}, [rows for _, rows in done])
    assert features.present["video"].tolist() == [True, True] and features.present["text"].tolist() == [True, False]
    np.testing.assert_array_equal(features.vectors["video"], np.eye(DIM)[[1, 2]])
    np.testing.assert_array_equal(features.vectors["text"], [np.eye(DIM)[1], np.zeros(DIM)])


def test_a_shot_that_cannot_be_encoded_fails_its_own_title_alone() -> None:
    filled, _, _ = pool(video=3, text=3)
    filled.add("a", shot(0, 0))
    filled.add("bad", shot(0, 13))
    filled.add("c", shot(0, 2))
    assert set(filled.failed) == {"bad"} and "Thirteen" in filled.failed["bad"]
    assert len(filled.take("a")) == len(filled.take("c")) == 1
    filled.drop("bad")
    assert not filled.failed and not filled.waits("bad")


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediafm.ingest.batches.MOST_BYTES", 3 * 8 * 8 * 3)
    filled, video, _ = pool(video=100, text=100)
    for i in range(8):
        filled.add("a", shot(i, i))
        filled.take("a")
    assert video.sizes == [4, 4]


def test_a_dropped_title_is_forgotten_with_all_that_waited() -> None:
    filled, video, _ = pool(video=100)
    filled.add("a", shot(0, 0))
    filled.add("b", shot(0, 1))
    filled.drop("a")
    filled.flush()
    assert video.sizes == [1] and filled.take("a") == [] and len(filled.take("b")) == 1


def test_a_large_batch_of_words_does_not_hold_the_pictures() -> None:
    filled, _, text = pool(video=4, text=256)
    done = []
    for i in range(255):
        large = tuple(np.full((180, 320, 3), i, np.uint8) for _ in range(6))
        inside = ShotInput(large, (0.1, 0.2, 0.3, 0.5, 0.7, 0.9), np.zeros(16_000, np.float32), "words", i % 4)
        filled.add("a", ReadShot(Shot(i, i, i + 1, i, i + 1), (), inside))
        done += filled.take("a")
        assert filled._held <= MOST_BYTES
    filled.flush()
    done += filled.take("a")
    assert text.sizes == [255]  # holding all pictures it would be one batch for every 58 shots
    assert all(read.input.frames[0].base is None for read, _ in done[:200])  # not a view of all that was read
    assert len(done) == 255 and sum(text.sizes) == 255
    for i, (read, rows) in enumerate(done):
        assert read.keyframe is not None and read.keyframe[0, 0, 0] == i and set(rows) == {"video", "text"}
        assert len(read.input.frame_times) == len(read.input.frames)


def test_a_service_that_refuses_is_not_asked_shot_by_shot() -> None:
    class Refusing(Counting):
        def encode(self, batch: Sequence[ShotInput]) -> Encoded:
            self.sizes.append(len(batch))
            raise ServiceError("The cap is met.", "Raise it.")

    text = Refusing("text", 3)
    filled = BatchPool({"text": text})
    for i, title in enumerate("abc"):
        filled.add(title, shot(0, i))
    assert text.sizes == [3]
    assert set(filled.failed) == {"a", "b", "c"} and "Raise it" in filled.failed["a"]
