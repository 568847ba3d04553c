from pathlib import Path

import pytest

from mediafm.errors import ImportDataError
from mediafm.train.seqclip.pairs import Pair, Span, read_pairs


def test_lines_as_documented(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(
        '\ufeff{"video": "a.mp4", "caption": " a dog\\n runs "}\n\n'
        '{"video": "/films/b.mp4", "caption": "wässer", "start_s": 2, "end_s": 4.5}\n'
        '{"video": "a.mp4", "caption": "x", "start_s": 1.5, "end_s": null}\n',
        encoding="utf-8",
    )
    assert read_pairs(file) == [
        Pair(Span(tmp_path / "a.mp4"), "a dog runs", 1),
        Pair(Span(Path("/films/b.mp4"), 2.0, 4.5), "wässer", 3),
        Pair(Span(tmp_path / "a.mp4", 1.5), "x", 4),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a dog", "not JSON"),
        ('["a.mp4", "dog"]', "no object"),
        ('{"video": "a.mp4"}', "caption must be text"),
        ('{"video": "a.mp4", "caption": " "}', "caption must be text"),
        ('{"video": 7, "caption": "dog"}', "video must be text"),
        ('{"video": "a\\u0000.mp4", "caption": "dog"}', "video must be text"),
        ('{"video": "a.mp4", "caption": "dog", "start": 3}', "unknown key 'start'"),
        ('{"video": "a.mp4", "caption": "dog", "start_s": "3"}', "start_s must be a number"),
        ('{"video": "a.mp4", "caption": "dog", "start_s": true}', "start_s must be a number"),
        ('{"video": "a.mp4", "caption": "dog", "end_s": NaN}', "end_s must be a number"),
        ('{"video": "a.mp4", "caption": "dog", "start_s": 3, "end_s": 3}', "end_s must be after"),
        ('{"video": "a.mp4", "caption": "dog", "start_s": -1}', "not below 0"),
    ],
)
def test_bad_line_is_named_by_row(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"video": "a.mp4", "caption": "dog"}\n\n' + line + "\n")
    with pytest.raises(ImportDataError) as caught:
        read_pairs(file)
    assert "line 3: " in caught.value.message and words in caught.value.message and "1 of 2" in caught.value.message
    assert '"caption"' in caught.value.remedy


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("x\n" * 9)
    with pytest.raises(ImportDataError, match=r"9 of 9 lines are wrong: line 1: .*; and 4 more"):
        read_pairs(file)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe{}", None])
def test_file_without_pairs(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "pairs.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ImportDataError, match=r"pairs\.jsonl"):
        read_pairs(file)
