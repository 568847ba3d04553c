"""The numbers of the picture descriptor against pictures whose answers are known."""

import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab

from mediafm.encoders.blocks import describe
from mediafm.encoders.motion_stats import motion_values, variability_values
from mediafm.encoders.offline_video import VIDEO_BLOCKS, OfflineVideoEncoder
from mediafm.encoders.picture_stats import SIDE, picture_values, prepare
from mediafm.errors import EncoderError
from mediafm.types import ImageArray, ShotInput


def plain(colour: tuple[int, int, int], height: int = SIDE, width: int = 160) -> ImageArray:
    return np.full((height, width, 3), colour, np.uint8)


def texture(seed: int, height: int = SIDE, width: int = 170) -> ImageArray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def shot(frames: list[ImageArray], seconds: float = 0.5) -> ShotInput:
    return ShotInput(tuple(frames), tuple(seconds * i for i in range(len(frames))), None, "", seconds * len(frames))


def encode(*shots: ShotInput) -> np.ndarray:
    return OfflineVideoEncoder().encode(shots).vectors


@pytest.mark.parametrize("colour", [(255, 0, 0), (10, 90, 200), (128, 128, 128), (255, 255, 255)])
def test_colour_agrees_with_scikit_image(colour: tuple[int, int, int]) -> None:
    values = picture_values(prepare(plain(colour)))
    truth = rgb2lab(plain(colour)[:1, :1])[0, 0]
    assert values["colour_moments"][::3] == pytest.approx(truth, abs=0.5)
    assert values["colour_moments"][1::3] == pytest.approx(0, abs=1e-3)
    assert values["layout"].reshape(16, 4)[:, :3] == pytest.approx(np.tile(truth, (16, 1)), abs=0.5)
    assert values["colour_joint"].max() == values["colour_joint"].sum()


def test_layout_knows_where() -> None:
    picture = plain((0, 0, 0))
    picture[: SIDE // 4, :40] = 255  # the top left one of 4 x 4 cells
    light = picture_values(prepare(picture))["layout"].reshape(4, 4, 4)[..., 0]
    assert light[0, 0] == pytest.approx(100, abs=0.5) and light.sum() == pytest.approx(100, abs=1)


@pytest.mark.parametrize(("across", "wanted"), [(True, 0), (False, 4)])
def test_edges_know_their_direction(across: bool, wanted: int) -> None:
    """Orientation is that of the gradient, in eighths of half a turn: 0 is across, 4 is down."""
    stripes = np.repeat(np.where(np.arange(200) // 10 % 2, 255, 0).astype(np.uint8)[:, None], 200, axis=1)
    picture = np.stack([stripes.T if across else stripes] * 3, axis=2)
    by_orientation = picture_values(prepare(picture))["edges"].reshape(9, 8).sum(axis=0)
    assert by_orientation[wanted] > 0.9 * by_orientation.sum()


@pytest.mark.parametrize(("step", "direction"), [((0, 6), 0), ((6, 0), 2), ((0, -6), 4), ((-6, 0), 6)])
def test_pan_is_measured_in_picture_heights_a_second(step: tuple[int, int], direction: int) -> None:
    frames = [np.roll(texture(1), (step[0] * i, step[1] * i), axis=(0, 1)) for i in range(4)]
    pictures = [prepare(frame) for frame in frames]
    values = motion_values(pictures, [0.0, 0.5, 1.0, 1.5])
    speed = 6 / SIDE / 0.5
    # log speed, then velocity right and down
    assert 10 ** values["motion"][4] - 1 == pytest.approx(speed, rel=0.2)
    velocity = np.arctanh(values["motion"][7:9])
    assert velocity == pytest.approx(np.array(step)[::-1] / SIDE / 0.5, abs=0.25 * speed)
    assert int(values["motion_direction"].argmax()) == direction
    assert values["motion"][10] > 0.8  # coherent


def test_motion_is_relative_to_time() -> None:
    pictures = [prepare(np.roll(texture(1), 4 * i, axis=1)) for i in range(3)]
    slow, fast = (motion_values(pictures, [0.0, s, 2 * s])["motion"] for s in (2.0, 0.2))
    assert (10 ** fast[4] - 1) == pytest.approx(10 * (10 ** slow[4] - 1), rel=1e-3)


def test_zoom_is_outward() -> None:
    big = texture(2, 300, 400)
    frames = [big[m : 300 - m, round(m * 4 / 3) : 400 - round(m * 4 / 3)] for m in (0, 10, 20)]
    frames = [cv2.resize(frame, (128, SIDE), interpolation=cv2.INTER_AREA) for frame in frames]
    pictures = [prepare(frame) for frame in frames]
    assert motion_values(pictures, [0.0, 0.5, 1.0])["motion"][9] > 0.01
    assert motion_values(pictures[::-1], [0.0, 0.5, 1.0])["motion"][9] < -0.01


def test_still_shot_neither_moves_nor_varies() -> None:
    pictures = [prepare(texture(3))] * 4
    moved = motion_values(pictures, [0.0, 1.0, 2.0, 3.0])
    assert moved["motion"][[0, 1, 2, 3]] == pytest.approx(0) and moved["motion"][4] < 0.01
    varied = variability_values([picture_values(p) for p in pictures])
    assert all(v == pytest.approx(0, abs=1e-6) for v in varied.values())


def test_frames_at_one_time_say_nothing_of_motion() -> None:
    pictures = [prepare(texture(i)) for i in range(3)]
    assert motion_values(pictures, [0.2, 0.2, 0.2])["motion_known"] == 0
    assert motion_values(pictures[:1], [0.0])["motion_known"] == 0
    assert motion_values(pictures, [0.0, 0.2, 0.2])["motion_known"] == 1


def test_size_matters_little() -> None:
    small, large = texture(4, 96, 170), cv2.resize(texture(4, 96, 170), (340, 192), interpolation=cv2.INTER_LINEAR)
    same, other = encode(shot([small]), shot([large]), shot([texture(5)]))[[1, 2]] @ encode(shot([small]))[0]
    assert same > 0.97 > other


def test_likeness_follows_the_picture() -> None:
    """A brighter copy is nearer than another texture, which is nearer than another texture and colour."""
    base = [np.roll(texture(6), 2 * i, axis=1) for i in range(4)]
    brighter = [np.clip(frame.astype(int) + 15, 0, 255).astype(np.uint8) for frame in base]
    other = [np.roll(texture(7), 2 * i, axis=1) for i in range(4)]
    red = [frame * np.array([1, 0, 0], np.uint8) for frame in other]
    vectors = encode(*(shot(frames) for frames in (base, brighter, other, red)))
    near, further, far = vectors[1:] @ vectors[0]
    assert near > further > far


def test_blocks_fill_the_descriptor() -> None:
    encoder = OfflineVideoEncoder()
    picture = prepare(texture(8))
    values = picture_values(picture) | variability_values([picture_values(picture)]) | motion_values([picture], [0.0])
    assert set(values) == {block.name for block in VIDEO_BLOCKS}
    assert describe(VIDEO_BLOCKS, values).shape == (encoder.dim,) and encoder.dim <= 512
    assert [len(values[block.name]) for block in VIDEO_BLOCKS] == [block.dim for block in VIDEO_BLOCKS]


@pytest.mark.parametrize(
    "bad",
    [
        ShotInput((plain((0, 0, 0)), plain((0, 0, 0), 50)), (0.0, 1.0), None, "", 2.0),
        ShotInput((np.zeros((9, 9), np.uint8),), (0.0,), None, "", 2.0),
        ShotInput((np.zeros((9, 9, 3), np.float32),), (0.0,), None, "", 2.0),
        ShotInput((np.zeros((0, 9, 3), np.uint8),), (0.0,), None, "", 2.0),
        ShotInput((plain((0, 0, 0)),), (), None, "", 2.0),
    ],
)
def test_wrong_frames_are_refused(bad: ShotInput) -> None:
    with pytest.raises(EncoderError, match=r"frame"):
        OfflineVideoEncoder().encode([bad])
