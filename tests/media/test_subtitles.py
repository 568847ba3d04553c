"""Subtitle files and tracks: names, languages, encodings, formats, cleaning."""

import codecs
from pathlib import Path

import pytest

from media.making import SIZE, clicks, red_corner
from mediafm.errors import MediaError, UsageError
from mediafm.media import FilmOptions, clean_text, find_sidecars, load_cues, probe, read_cue_file, write_film
from mediafm.media import write_subtitles as write
from mediafm.media.cleaning import tidy
from mediafm.types import Cue

FRENCH = "Où êtes-vous, François ? Là-bas, à côté du château."
RUSSIAN = "Привет, как дела? Всё хорошо, спасибо."
SRT = "1\n00:00:01,000 --> 00:00:02,500\n{}\n\n2\n00:00:03,000 --> 00:00:04,000\nSecond.\n"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Hello.", "Hello."),
        (r"{\an8}Hello {\i1}there{\i0}", "Hello there"),
        (r"one\Ntwo\nthree\hfour", "one two three four"),
        (r"{\p1}m 0 0 l 100 0 100 100{\p0}Sign", "Sign"),
        ("<i>Hello</i> <font color='#fff'>there</font>", "Hello there"),
        ("<v Bob>Hi there", "Hi there"),
        ("<v.loud Mary Ann>Hi</v>", "Hi"),
        ("<c.yellow>Hi</c> <00:00:01.500>you", "Hi you"),
        ("Tom &amp; Jerry &lt;3 &#39;90s&nbsp;now", "Tom & Jerry <3 '90s now"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("JOHN: Hello.", "Hello."),
        ("DR. WHO: Run!", "Run!"),
        ("WOMAN 2: Stop.", "Stop."),
        ("ÉMILIE: Bonjour.", "Bonjour."),
        ("JOHN (V.O.): Long ago.", "Long ago."),
        ("JOHN (on phone): Yes?", "(on phone) Yes?"),
        ("MARY [whispering]: Come.", "[whispering] Come."),
        ("- Hi.\n- Hello.", "Hi. Hello."),
        ("-Hi.\n–Hello.", "Hi. Hello."),
        ("-5 degrees", "-5 degrees"),
        (">> Reporter: It is raining.", "It is raining."),
        (">>> And now the news.", "And now the news."),
        ("- JOHN: Hi.", "Hi."),
        ("Remember: never give up.", "Remember: never give up."),
        ("It is 12:30.", "It is 12:30."),
        ("AT 12:30 SHARP", "AT 12:30 SHARP"),
        ("♪ Happy birthday ♪", "Happy birthday"),
        ("♪♪", ""),
        ("# Happy birthday #", "Happy birthday"),
        ("#Happy birthday#", "Happy birthday"),
        ("the #1 song in C#", "the #1 song in C#"),
        ("[door slams]", "[door slams]"),
        ("(laughs) Yes.", "(laughs) Yes."),
        ("♪ [soft music plays] ♪", "[soft music plays]"),
        ("...", ""),
        ("  \u200e\ufeff ", ""),
        ("", ""),
        ("日本語です。", "日本語です。"),
    ],
)
def test_cleaning(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


def test_rolling_duplicates_become_one() -> None:
    cues = [
        Cue(3000, 4000, "b"),
        Cue(0, 1000, "a"),
        Cue(1000, 2000, "a"),
        Cue(1500, 2500, "a"),
        Cue(9000, 9500, "a"),
        Cue(5, 6, ""),
    ]
    assert tidy(cues) == [Cue(0, 2500, "a"), Cue(3000, 4000, "b"), Cue(9000, 9500, "a")]


@pytest.mark.parametrize(
    ("encoding", "mark", "words"),
    [
        ("utf-8", b"", FRENCH),
        ("utf-8", codecs.BOM_UTF8, RUSSIAN),
        ("utf-16-le", codecs.BOM_UTF16_LE, RUSSIAN),
        ("utf-16-be", codecs.BOM_UTF16_BE, RUSSIAN),
        ("utf-32-le", codecs.BOM_UTF32_LE, FRENCH),
        ("utf-16-le", b"", FRENCH),
        ("utf-16-be", b"", FRENCH),
        ("cp1252", b"", FRENCH),
        ("cp1251", b"", RUSSIAN),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, mark: bytes, words: str) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(mark + SRT.format(words).encode(encoding))
    found = read_cue_file(path)
    assert found.cues == (Cue(1000, 2500, words), Cue(3000, 4000, "Second."))
    assert found.encoding.removesuffix("-sig").startswith(encoding[:5])


@pytest.mark.parametrize(
    ("language", "encoding", "words"),
    [
        ("pl", "cp1250", "Gdzie jesteś, żółwiu?"),
        ("ja", "cp932", "どこですか。"),
        ("zh", "gb18030", "你在哪里？"),
        ("el", "cp1253", "Πού είσαι;"),
    ],
)
def test_the_language_in_the_name_helps(tmp_path: Path, language: str, encoding: str, words: str) -> None:
    film = tmp_path / "film.mkv"
    write_film(film, 25, SIZE, red_corner(3), None)
    (tmp_path / f"film.{language}.srt").write_bytes(SRT.format(words).encode(encoding))
    assert load_cues(film, probe(film))[0].text == words


@pytest.mark.parametrize("data", [SRT.format("ひらがな、カタカナ、漢字です。").encode("cp932"), bytes(range(256)) * 4])
def test_an_encoding_that_cannot_be_told_is_an_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"film\.srt: the encoding .* could not be told\. Save it as UTF-8"):
        read_cue_file(path)


VTT = """WEBVTT - A title
Kind: captions

STYLE
::cue { color: yellow }

NOTE this is a note
00:00 is no cue

Sage
00:12.000 --> 00:15.000 align:start position:10%
What brings you to the land
of the gatekeepers?

NOTE another

42
01:00:18.500 --> 01:00:20.500
<v Sintel>I am <i>searching</i>.
1984

00:30.000 --> 00:31.000
<00:30.000>How <00:00:30.500><c>many?</c>
7
"""


def test_vtt_identifiers_notes_and_styles_do_not_leak(tmp_path: Path) -> None:
    path = tmp_path / "film.vtt"
    path.write_text(VTT)
    assert read_cue_file(path).cues == (
        Cue(12_000, 15_000, "What brings you to the land of the gatekeepers?"),
        Cue(30_000, 31_000, "How many? 7"),
        Cue(3_618_500, 3_620_500, "I am searching. 1984"),
    )


def test_srt_numbers_in_the_text_stay(tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nWhat year?\n1984\n\n"
        "2\n00:00:03,000 --> 00:00:04,000 X1:10 Y1:20\nWhat year?\n1985"
    )
    assert [c.text for c in read_cue_file(path).cues] == ["What year? 1984", "What year? 1985"]


ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:01.00,0:00:02.50,Default,JOHN,0,0,0,,{\\an8\\fad(100,100)}Hello,{\\i1} you\\Nthere
"""
TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml"><body><div>
<p begin="00:00:01.000" end="00:00:02.500">Hello, you<br/>there</p>
</div></body></tt>
"""


@pytest.mark.parametrize(
    ("suffix", "text"), [("ass", ASS), ("ttml", TTML), ("srt", ASS), ("vtt", SRT.format("Hello, you\nthere"))]
)
def test_formats_are_known_by_what_they_say(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"film.{suffix}"
    path.write_text(text)
    assert read_cue_file(path).cues[0] == Cue(1000, 2500, "Hello, you there")


@pytest.mark.parametrize("suffix", ["srt", "vtt", "ass", "ssa", "ttml"])
def test_written_subtitles_read_back(tmp_path: Path, suffix: str) -> None:
    cues = [Cue(500, 1500, "Hello, you."), Cue(2000, 3250, "[door slams]"), Cue(3_700_000, 3_701_000, "Late & < late")]
    path = tmp_path / f"film.{suffix}"
    write(path, cues)
    assert list(read_cue_file(path).cues) == cues


def test_unknown_subtitle_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Use one of \.srt"):
        write(tmp_path / "film.sup", [])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("film.srt", "just some prose", "holds not one cue"),
        ("film.ttml", '<tt xmlns="http://www.w3.org/ns/ttml"><body>', "cannot be read as ttml"),
        (
            "film.ass",
            "[Script Info]\n[V4+ Styles]\n[Events]\nDialogue: 0,soon,later,Default,,0,0,0,,Hi",
            "cannot be read as ass",
        ),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MediaError, match=rf"{name} {words}"):
        read_cue_file(tmp_path / name)


def test_empty_file_has_no_cues(tmp_path: Path) -> None:
    for name in ("film.srt", "film.vtt"):
        (tmp_path / name).write_text("\n" if name.endswith("srt") else "WEBVTT\n")
        assert read_cue_file(tmp_path / name).cues == ()


def sidecar(folder: Path, name: str, words: str) -> None:
    (folder / name).write_text(
        SRT.format(words) if not name.endswith("vtt") else f"WEBVTT\n\n00:01.000 --> 00:02.500\n{words}\n"
    )


def test_sidecars_by_name(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    names = [
        "film.srt",
        "film.en.srt",
        "film.eng.forced.vtt",
        "film.en.hi.srt",
        "film.hi.srt",
        "film.pt-BR.ass",
        "film.sdh.srt",
    ]
    others = ["film.2.srt", "film2.srt", "film.part.srt", "other.srt", "film.en.txt", "film.mkv"]
    for name in names + others:
        (tmp_path / name).touch()
    found = {s.path.name: (s.language, s.forced, s.described) for s in find_sidecars(film)}
    assert found == {
        "film.srt": ("", False, False),
        "film.en.srt": ("en", False, False),
        "film.eng.forced.vtt": ("en", True, False),
        "film.en.hi.srt": ("en", False, True),
        "film.hi.srt": ("hi", False, False),
        "film.pt-BR.ass": ("pt", False, False),
        "film.sdh.srt": ("", False, True),
    }


@pytest.mark.parametrize(
    ("names", "language", "chosen"),
    [
        (["film.en.srt", "film.fr.srt"], "fr", "film.fr.srt"),
        (["film.en.srt", "film.fra.srt"], "French", "film.fra.srt"),
        (["film.en.srt", "film.srt"], "fr", "film.srt"),
        (["film.en.srt", "film.de.srt"], "fr", "film.en.srt"),
        (["film.es.srt", "film.de.srt"], "fr", "film.de.srt"),
        (["film.en.srt", "film.srt"], None, "film.srt"),
        (["film.de.srt", "film.en.srt"], None, "film.en.srt"),
        (["film.en.srt", "film.en.sdh.srt"], "en", "film.en.sdh.srt"),
        (["film.en.forced.srt", "film.de.srt"], "en", "film.de.srt"),
        (["film.en.forced.vtt"], "en", "film.en.forced.vtt"),
        (["film.en.srt", "film.es.srt", "film.fr.srt"], "pt-BR,spa,en", "film.es.srt"),
        (["film.en.commentary.srt", "film.de.srt"], "en", "film.de.srt"),
        (["film.en.commentary.srt", "film.en.forced.srt"], "en", "film.en.forced.srt"),
    ],
)
def test_choice_of_language(tmp_path: Path, names: list[str], language: str | None, chosen: str) -> None:
    film = tmp_path / "film.mkv"
    write_film(film, 25, SIZE, red_corner(3), None)
    for name in names:
        sidecar(tmp_path, name, f"from {name}")
    wanted = [] if language is None else language.split(",")
    assert load_cues(film, probe(film), wanted)[0].text == f"from {chosen}"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_embedded_text(tmp_path: Path, suffix: str) -> None:
    cues = [Cue(500, 1500, "Hello, {you}\nthere: yes, I mean it"), Cue(2000, 3000, "[door slams]")]
    film = tmp_path / f"film.{suffix}"
    write_film(film, 25, SIZE, red_corner(100), clicks(4, 48_000), subtitles=cues)
    info = probe(film)
    assert len(info.text) == 1
    found = load_cues(film, info)
    assert found == [Cue(500, 1500, "Hello, there: yes, I mean it"), Cue(2000, 3000, "[door slams]")]
    assert load_cues(film, info, track=info.text[0].index) == found
    sidecar(tmp_path, "film.de.srt", "Hallo.")
    assert load_cues(film, info)[0].text == "Hallo."
    assert load_cues(film, info, track=info.text[0].index) == found
    with pytest.raises(MediaError, match=r"no text track 7\. Its text tracks: 2"):
        load_cues(film, info, track=7)


def test_embedded_times_count_from_the_titles_zero(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    options = FilmOptions(frame_pts=range(75, 175))  # at 25 a second: from second 3 on
    write_film(film, 25, SIZE, red_corner(100), None, subtitles=[Cue(3500, 4500, "Hello.")], options=options)
    info = probe(film)
    assert info.start == 3
    assert load_cues(film, info) == [Cue(500, 1500, "Hello.")]


def test_no_text_at_all(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    write_film(film, 25, SIZE, red_corner(3), None)
    assert load_cues(film, probe(film)) == []
