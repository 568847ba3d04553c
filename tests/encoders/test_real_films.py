"""The offline preset on a real film: vectors are spread out, and near shots are more alike than far ones."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mediafm.encoders import checked, load_preset
from mediafm.types import SAMPLE_RATE, FloatArray, ImageArray, ShotInput

SECONDS = 1  # a shot here is a fixed span: neighbours often show the same scene


def trailer() -> Path:
    for parent in Path(__file__).resolve().parents:
        film = parent / "shared" / "data" / "films" / "sintel_trailer.webm"
        if film.exists():
            return film
    pytest.skip("shared/data/films is not beside the checkout")


def read(film: Path) -> tuple[list[tuple[Fraction, ImageArray]], FloatArray]:
    pictures, sound = [], []
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(str(film)) as container:
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.AudioFrame):
                sound += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            elif len(pictures) * 8 <= frame.time * 24:  # about three a second
                width = 96 * frame.width // frame.height
                pictures.append((frame.pts * frame.time_base, frame.to_ndarray(format="rgb24", width=width, height=96)))
    return pictures, np.concatenate(sound).astype(np.float32)


@pytest.fixture(scope="module")
def spans() -> list[ShotInput]:
    pictures, sound = read(trailer())
    shots = []
    for start in range(0, int(pictures[-1][0]) - SECONDS, SECONDS):
        inside = [(time - start, image) for time, image in pictures if start <= time < start + SECONDS]
        samples = sound[start * SAMPLE_RATE : (start + SECONDS) * SAMPLE_RATE]
        frames, times = tuple(image for _, image in inside), tuple(float(time) for time, _ in inside)
        shots.append(ShotInput(frames, times, samples, "", SECONDS))
    return shots


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_near_spans_are_more_alike_than_far_ones(modality: str, spans: list[ShotInput]) -> None:
    encoded = checked(load_preset("offline").encoder(modality), spans)
    vectors = encoded.vectors[encoded.present]
    assert len(vectors) >= 20
    cosines = vectors @ vectors.T
    distance = np.abs(np.subtract.outer(np.arange(len(vectors)), np.arange(len(vectors))))
    near, far = cosines[distance == 1].mean(), cosines[distance >= 5].mean()
    assert near > far + 0.05
    assert cosines[distance > 0].mean() < 0.7 and cosines[distance > 0].std() > 0.1
