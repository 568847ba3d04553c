"""Progress on standard error: the pace, the lines for programs, the drawing for people."""

import io
import json
import re
from typing import Any

import pytest

from mediafm.cli.progress import LineProgress, Pace, progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("step_s", [1e-3, 1.0, 3600.0])
def test_an_even_pace_is_told_exactly_however_long_a_step_takes(step_s: float) -> None:
    clock = Clock()
    pace = Pace(100, done=40, clock=clock)
    assert pace.rate is None and pace.left_s is None  # the 40 of an earlier sitting say nothing of today's pace
    for _ in range(20):
        clock.now += step_s
        pace.add(1, 512)
    assert pace.rate == pytest.approx(1 / step_s)
    assert pace.part_rate == pytest.approx(512 / step_s)
    assert pace.left_s == pytest.approx(40 * step_s)
    clock.now += 3 * step_s  # time runs on between two steps
    assert pace.left_s == pytest.approx(37 * step_s)
    assert (pace.done, pace.seconds) == (60, pytest.approx(23 * step_s))


def test_a_new_pace_replaces_the_old_within_minutes() -> None:
    clock = Clock()
    pace = Pace(None, clock=clock)
    for step_s in [0.1] * 3000 + [1.0] * 300:
        clock.now += step_s
        pace.add(1)
    assert pace.rate == pytest.approx(1.0, rel=0.08)
    assert pace.left_s is None


def lines(err: str) -> list[dict[str, Any]]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in err.splitlines()]


def test_lines_for_programs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediafm.cli.progress.LINES_S", (0.0, 0.0))
    bar = LineProgress()
    bar.note("take the recipe tiny")
    bar.start("pretrain", 8, "steps", done=4, parts="shots")
    bar.advance(1, 2048, epoch="1/2", loss=0.7, msm=float("inf"))
    bar.advance(3, 100, msm=0.6)
    bar.end(finished=True)
    note, first, one, four, last = lines(capsys.readouterr().err)
    assert note == {"stage": "", "note": "take the recipe tiny"}
    keys = {"stage", "done", "total", "unit", "seconds", "rate", "rate_unit", "left_s"}
    assert set(first) == keys and (first["done"], first["rate"], first["left_s"]) == (4, None, None)
    assert (one["done"], one["loss"], one["msm"], one["rate_unit"]) == (5, 0.7, None, "shots/s")
    assert one["rate"] > 0 and one["left_s"] >= 0
    assert (four["done"], four["epoch"], four["loss"], four["msm"]) == (8, "1/2", 0.7, 0.6)
    assert last["finished"] and last["ended"]


def test_lines_grow_rare_in_long_stages(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("mediafm.cli.progress.time.monotonic", clock)
    monkeypatch.setattr(Pace.__init__, "__defaults__", (0, clock))
    bar = LineProgress()
    bar.start("pretrain", None, "steps")
    for _ in range(24 * 3600):
        clock.now += 1
        bar.advance()
    written = len(lines(capsys.readouterr().err))
    assert 24 * 60 < written < 24 * 60 + 60


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_drawing_per_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "120"), ("LINES", "40")):
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    with progress() as bar:
        bar.start("cache", None, "titles")
        bar.advance(7, title="a [b]")
        bar.end()
        bar.start("pretrain", 600, "steps", done=100, parts="shots")
        bar.note("advice: [CLS]")
        bar.advance(100, 2048, epoch="2/6", loss=0.7123, title_mean=0.852)
        raise_in_stage = screen.getvalue()
    assert "advice: [CLS]" in raise_in_stage
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "7 titles" in plain and "title a [b]" in plain
    assert "200/600 steps" in plain and "shots/s" in plain and "left" in plain
    assert "epoch 2/6  loss 0.712  title mean 0.852" in plain
    assert plain.rindex("cache") < plain.index("pretrain")  # a stage that is over is not drawn again
    assert screen.getvalue().count("\x1b[?25h") == 2  # the cursor is given back
