"""Opposites show the same pictures in another order, so that no single one tells them apart."""

import json
from pathlib import Path

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.media import probe
from mediafm.synthetic.captioned import HAPPENINGS, CaptionedClip, clip_frames, plan_clips, write_captioned


def frames(clip: CaptionedClip) -> list[bytes]:
    return [frame.tobytes() for frame in clip_frames(clip)]


@pytest.mark.parametrize("happening", [h for h in HAPPENINGS if h.startswith("moves")])
def test_ways_are_each_other_backwards(happening: str) -> None:
    clip = CaptionedClip(("red", "circle"), happening, None, 5)
    there, back = frames(clip), frames(clip.opposite())
    assert there == back[::-1] and len(set(there)) > 20


@pytest.mark.parametrize("clip", [
    CaptionedClip(("red", "circle"), "appears", None, 5),
    CaptionedClip(("blue", "cross"), "then", ("white", "square"), 7),
])  # fmt: skip
def test_moments_show_the_same_pictures(clip: CaptionedClip) -> None:
    first, second = frames(clip), frames(clip.opposite())
    assert len(set(first)) == 2 and set(first) == set(second) and first[0] == second[-1]


def test_swings_pass_the_same_places_at_another_pace() -> None:
    clip = CaptionedClip(("red", "circle"), "swings slowly", None, 5)
    slow, quick = (np.stack(list(clip_frames(c))).astype(float) for c in (clip, clip.opposite()))
    assert np.abs(slow.mean(axis=0) - quick.mean(axis=0)).max() < 30  # of 255
    assert np.abs(np.diff(quick, axis=0)).mean() > 1.8 * np.abs(np.diff(slow, axis=0)).mean()


def test_plans_hold_every_happening_beside_its_opposite() -> None:
    clips = plan_clips(400, 0)
    assert plan_clips(400, 0) == clips != plan_clips(400, 1)
    assert {c.happening for c in clips} == {*HAPPENINGS, "then"}
    for one, other in zip(clips[::2], clips[1::2], strict=True):
        assert one.opposite().caption == other.caption != one.caption and one.opposite().opposite() == one
    assert 0.4 < np.mean([c.second is not None for c in clips]) < 0.6


def test_written_clips_play_and_have_their_captions(tmp_path: Path) -> None:
    pairs = write_captioned(tmp_path, 3, 0)
    lines = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert [line["caption"] for line in lines] == [clip.caption for clip in plan_clips(3, 0)]
    assert [float(probe(tmp_path / line["video"]).duration) for line in lines] == pytest.approx([2.0] * 3)
    before = [(tmp_path / line["video"]).stat().st_mtime_ns for line in lines]
    write_captioned(tmp_path, 3, 0)
    assert [(tmp_path / line["video"]).stat().st_mtime_ns for line in lines] == before
    with pytest.raises(UsageError, match="another seed"):
        write_captioned(tmp_path, 3, 1)
