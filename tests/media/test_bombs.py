"""Subtitle and metadata files made to take memory or time without end."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from mediafm.errors import ImportDataError, MediaError
from mediafm.media import clean_text, cues_by_shot, load_metadata, read_cue_file
from mediafm.media.limits import MAX_CUES, MAX_LENGTH_S, MAX_RAW_CUE, MAX_SHOT_CUES, MAX_SHOT_TEXT, MAX_SUBTITLE_BYTES
from mediafm.types import Cue, Shot

TIME_LINE = "1\n00:00:01,000 --> 00:00:02,000\n"
MEGA = 1 << 20


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Hold that the processor time stays in bounds that only runaway growth would pass."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


@pytest.mark.parametrize(
    "words",
    [
        "{" * MEGA,
        r"{\p1" * (MEGA // 4),
        r"{\p1}m 0 0 " * (MEGA // 11),
        "<a" * (MEGA // 2),
        "<i>" * (MEGA // 3),
        "<" + "1" * MEGA,
        "&#" + "9" * MEGA + ";",
        "A" + " " * MEGA + "x",
        ("A" + " " * 3000 + "\n") * 300,
        "A(" * (MEGA // 2),
        "# " * (MEGA // 2),
        ">> " * (MEGA // 3),
        "1\n" * (MEGA // 2),
        "-->" * (MEGA // 3),
        "1," + "1" * MEGA,
    ],
    ids=lambda w: repr(w[:8]),
)
@pytest.mark.parametrize("suffix", ["srt", "vtt"])
def test_no_text_takes_time_out_of_proportion(tmp_path: Path, words: str, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    path.write_text(("WEBVTT\n\n" if suffix == "vtt" else "") + TIME_LINE.replace(",", ".") + words)
    with within(5):
        try:
            cues = read_cue_file(path).cues
        except MediaError:
            cues = ()
    assert all(len(c.text) <= MAX_RAW_CUE for c in cues)


def test_cleaning_looks_at_no_more_than_it_must() -> None:
    assert clean_text("word " * 10**6).startswith("word word")
    assert len(clean_text("word " * 10**6)) < MAX_RAW_CUE
    with within(1):
        for hard in ("{" * 4000, "A" + " \t" * 2000, "A (" * 1300, r"{\p1 " * 800, "<x " * 1300, "-" * 4000):
            clean_text(hard)


def test_a_file_larger_than_any_subtitles(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with within(0.1), pytest.raises(MediaError, match="holds 2147 MB, more than any subtitle file"):
        read_cue_file(path)


def test_more_cues_than_any_title(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_text("".join(f"1\n00:00:01,000 --> 00:00:02,000\n{i}\n\n" for i in range(MAX_CUES + 1)))
    assert path.stat().st_size < MAX_SUBTITLE_BYTES
    with pytest.raises(MediaError, match="50001 cues, more than 50000"):
        read_cue_file(path)


def test_entities_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "film.ttml"
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE tt [<!ENTITY l0 "ha">{laughs}]><tt xmlns="http://www.w3.org/ns/ttml">'
        '<body><div><p begin="1s" end="2s">&l9;</p></div></body></tt>'
    )
    with within(0.1), pytest.raises(MediaError, match="declares entities"):
        read_cue_file(path)


def test_xml_nested_without_end(tmp_path: Path) -> None:
    path = tmp_path / "film.ttml"
    path.write_text('<tt xmlns="http://www.w3.org/ns/ttml">' + "<div>" * 200_000 + "</div>" * 200_000 + "</tt>")
    with within(5), pytest.raises(MediaError):
        read_cue_file(path)


def test_cues_of_a_day_that_lie_over_all_shots() -> None:
    cues = [Cue(i, 86_400_000 + i, f"bomb {i} " + "x" * 300) for i in range(5_000)]
    shots = [Shot(i, 2000 * i, 2000 * (i + 1), 0, 0) for i in range(20)]
    with within(5):
        found = [cues_by_shot(cues, [shot], Fraction(1, 1000))[0] for shot in shots]
    for taken in found:
        assert 0 < len(taken) <= MAX_SHOT_CUES
        assert sum(len(c.cue.text) for c in taken) <= MAX_SHOT_TEXT
    assert cues_by_shot(cues, shots, Fraction(1, 1000)) == found


def test_times_that_no_title_has(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_text(
        "1\n99999999:00:00,000 --> 999999999:00:00,000\nlater\n\n2\n00:00:01,000 --> 99999999:00:00,000\nlong\n"
    )
    for cue in read_cue_file(path).cues:
        assert 0 <= cue.start_ms <= cue.end_ms <= 1000 * MAX_LENGTH_S


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_wide_characters_without_a_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes((TIME_LINE + "Hello there\n").encode(encoding))
    if encoding == "utf-32-le":
        with pytest.raises(MediaError, match="encoding of this subtitle file could not be told"):
            read_cue_file(path)
    else:
        assert [c.text for c in read_cue_file(path).cues] == ["Hello there"]


def test_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(TIME_LINE.encode() + b"\0" * 100)
    with pytest.raises(MediaError, match="encoding of this subtitle file could not be told"):
        read_cue_file(path)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[" * 100_000, "is no JSON"),
        ('{"title": "a", "n": ' + "9" * 10_000 + "}", "is no JSON"),
        (json.dumps({"title": "a", "name": "\ud800"}), "lone surrogate"),
        ('{"title": "a"', "is no JSON"),
    ],
    ids=["nested", "digits", "surrogate", "cut"],
)
def test_metadata_that_json_stumbles_over(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ImportDataError, match=f"{re.escape(str(path))}, row 1 .*{why}"):
        load_metadata(path)


def test_metadata_larger_than_any(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with within(0.1), pytest.raises(ImportDataError, match="holds more than 256 MiB"):
        load_metadata(path)
