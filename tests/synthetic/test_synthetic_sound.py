"""Rendered sound: the same samples again, no clicks, music that plays on over cuts and rests in ambiguous shots."""

from dataclasses import replace

import numpy as np
import pytest

from mediafm.synthetic import TitlePlan, plan_catalogue, title_samples
from mediafm.synthetic.plan import ShotPlan
from mediafm.synthetic.sound import SAMPLES_PER_FRAME
from mediafm.synthetic.tones import RATE, noise, note
from mediafm.types import FloatArray


@pytest.fixture(scope="module")
def plan() -> TitlePlan:
    return plan_catalogue(seed=1, titles=3, shots_per_title=60)[2]


@pytest.fixture(scope="module")
def samples(plan: TitlePlan) -> FloatArray:
    return title_samples(plan)


def _of(samples: FloatArray, shot: ShotPlan) -> FloatArray:
    return samples[shot.start_frame * SAMPLES_PER_FRAME : shot.end_frame * SAMPLES_PER_FRAME]


def test_sound_is_as_long_as_the_picture_finite_and_in_range(plan: TitlePlan, samples: FloatArray) -> None:
    assert samples.dtype == np.float32
    assert len(samples) == plan.frames * SAMPLES_PER_FRAME
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1
    assert samples.std() > 0.03


def test_the_same_plan_gives_the_same_samples(plan: TitlePlan, samples: FloatArray) -> None:
    assert np.array_equal(title_samples(plan), samples)


def test_no_clicks_at_cuts(plan: TitlePlan, samples: FloatArray) -> None:
    jumps = np.abs(np.diff(samples))
    at_cuts = [jumps[s.start_frame * SAMPLES_PER_FRAME - 1] for s in plan.shots[1:]]
    assert max(at_cuts) < np.quantile(jumps, 0.999)


def test_music_plays_on_over_cuts_within_a_scene(plan: TitlePlan) -> None:
    mute = replace(
        plan, shots=tuple(replace(s, speaker=None, line="", sound="", role="two_shot", subject="") for s in plan.shots)
    )
    music = title_samples(mute)
    for scene in plan.scenes:
        if scene.music:
            for index in range(scene.first_shot + 1, scene.end_shot):
                at = plan.shots[index].start_frame * SAMPLES_PER_FRAME
                before, after = music[at - RATE // 4 : at], music[at : at + RATE // 4]
                assert before.std() > 0.003
                assert after.std() > 0.003


def test_ambiguous_shots_sound_the_same_in_any_story(plan: TitlePlan, samples: FloatArray) -> None:
    scenes = tuple(replace(s, tones=("joyful",), intensity=0.9, music=True) for s in plan.scenes)
    other = title_samples(replace(plan, scenes=scenes))
    for shot in plan.shots:
        if shot.ambiguous:
            assert np.abs(_of(samples, shot) - _of(other, shot)).max() < 1e-6
        elif plan.scenes[shot.scene].music:
            assert not np.array_equal(_of(samples, shot), _of(other, shot))


def test_objects_that_make_no_sound_are_silent() -> None:
    for plan in plan_catalogue(0, 3, 60):
        samples = title_samples(plan)
        for shot in plan.shots:
            if shot.subject in ("cup", "candle", "moon"):
                assert not _of(samples, shot).any()
            elif shot.subject:
                assert _of(samples, shot).any()


def test_a_note_has_its_pitch() -> None:
    wave = note(69, 1.5, "piano")
    spectrum = np.abs(np.fft.rfft(wave))
    assert abs(np.fft.rfftfreq(len(wave), 1 / RATE)[spectrum.argmax()] - 440) < 1


def test_noise_lies_in_its_band_and_loops_without_a_seam() -> None:
    wave = noise(2.0, 500, 1000, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(wave)) ** 2
    pitches = np.fft.rfftfreq(len(wave), 1 / RATE)
    assert power[(pitches > 250) & (pitches < 2000)].sum() > 0.9 * power.sum()
    assert abs(wave[0] - wave[-1]) <= np.abs(np.diff(wave)).max()
