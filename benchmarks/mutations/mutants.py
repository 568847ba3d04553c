"""Damaged and hostile files, made from whole ones: the same number and seed give the same bytes."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Rng = np.random.Generator
HEAD = 4096  # bytes at either end in which formats keep what they say of themselves

# Where sizes, times, counts and rates stand, in the formats' own words.
_NAMES = [
    *(
        b"mvhd tkhd mdhd hdlr stsd stts ctts stsz stsc stco stss elst dref avcC hvcC esds mp4a avc1 hev1 moov trak"
    ).split(),
    *(
        b"mdia minf stbl mdat ftyp edts colr pasp avih strh strf idx1 LIST hdrl movi fmt data fact RIFF OggS OpusHead"
    ).split(),
    *(b"vorbis fLaC ID3 LAME Xing FLV GIF8 FORM COMM SSND caff").split(),
    # EBML: header, info, tracks, entry, width, height, scale, duration, cluster, time, block, lacing, codec private
    *(b"\x1a\x45\xdf\xa3", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\xae", b"\xb0", b"\xba", b"\x2a\xd7\xb1"),
    *(b"\x44\x89", b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3", b"\x9c", b"\x63\xa2", b"\xb5", b"\x1c\x53\xbb\x6b"),
    # MPEG: transport packet, pack, sequence, pictures; ASF: header, properties; MXF: keys
    *(b"\x47", b"\0\0\1\xba", b"\0\0\1\xb3", b"\0\0\1\xe0", b"\x30\x26\xb2\x75", b"\xa1\xdc\xab\x8c"),
    b"\x06\x0e\x2b\x34",
]
_EXTREME = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**62, 2**63, 2**64 - 1]
_MAGIC = [
    b"\0\0\0\x18ftypmp42",
    b"\x1a\x45\xdf\xa3",
    b"RIFF\xff\xff\xff\x7fAVI LIST",
    b"OggS\0\2",
    b"fLaC\0\0\0\x22",
    b"FLV\1\5",
]
_SUFFIXES = [
    *("mp4", "mkv", "webm", "avi", "ts", "mpg", "flv", "wmv", "mxf"),
    *("nut", "mov", "ogg", "wav", "flac", "mp3", "aac", "m4a"),
]


@dataclass(frozen=True)
class Mutant:
    """A file to be tried. `sidecar`: (suffix, bytes) of a subtitle file beside it, or None. `how` it was made."""

    suffix: str
    data: bytes
    how: str
    sidecar: tuple[str, bytes] | None = None


def mutants(bases: Sequence[Path], n: int, seed: int) -> "list[Callable[[], Mutant]]":
    """`n` mutants, each made when it is called for; every way of making one in its turn."""
    ways: list[Callable[[Rng, bytes, bytes], bytes]] = [*_WAYS.values()]
    names = [*_WAYS]

    def make(number: int) -> Mutant:
        rng = np.random.default_rng((seed, number))
        base, other = (bases[int(rng.integers(len(bases)))] for _ in range(2))
        suffix, at = base.suffix[1:], number % (len(ways) + 3)
        data = base.read_bytes()
        if at < len(ways):
            changed = ways[at](rng, data, other.read_bytes())
            return Mutant(suffix, changed, f"{base.name}: {names[at]}")
        if at == len(ways):
            wrong = _SUFFIXES[int(rng.integers(len(_SUFFIXES)))]
            return Mutant(wrong, data, f"{base.name}: called .{wrong}")
        if at == len(ways) + 1:
            name, text = _bomb(rng)
            return Mutant(suffix, data, f"{base.name}: beside a bomb, {name}", (name.split()[-1], text))
        ending, words = _subtitles(rng)
        mad = _twice(rng, words, b"", _TEXT_WAYS)
        return Mutant(suffix, data, f"{base.name}: beside damaged .{ending}", (ending, mad))

    return [lambda number=number: make(number) for number in range(n)]  # type: ignore[misc]


def _flip(times: int, where: str) -> Callable[[Rng, bytes, bytes], bytes]:
    def flip(rng: Rng, data: bytes, _: bytes) -> bytes:
        out = np.frombuffer(data, np.uint8).copy()
        low, high = {"head": (0, HEAD), "tail": (len(out) - HEAD, len(out)), "": (0, len(out))}[where]
        at = rng.integers(max(0, low), min(high, len(out)), times)
        out[at] ^= rng.integers(1, 256, times, dtype=np.uint8)
        return out.tobytes()

    return flip


def _cut(rng: Rng, data: bytes, _: bytes) -> bytes:
    return data[: int(rng.integers(1, len(data)))]


def _span(rng: Rng, data: bytes) -> tuple[int, int]:
    begin = int(rng.integers(len(data)))
    return begin, min(len(data), begin + 1 + int(len(data) * rng.random() ** 4))


def _delete(rng: Rng, data: bytes, _: bytes) -> bytes:
    a, b = _span(rng, data)
    return data[:a] + data[b:]


def _insert(rng: Rng, data: bytes, _: bytes) -> bytes:
    a, b = _span(rng, data)
    return data[:a] + rng.bytes(b - a) + data[a:]


def _repeat(rng: Rng, data: bytes, _: bytes) -> bytes:
    a, b = _span(rng, data)
    return data[:b] + data[a:b] * int(rng.integers(1, 4)) + data[b:]


def _blank(rng: Rng, data: bytes, _: bytes) -> bytes:
    a, b = _span(rng, data)
    return data[:a] + bytes(b - a) + data[b:]


def _noise(rng: Rng, data: bytes, _: bytes) -> bytes:
    a, b = _span(rng, data)
    return data[:a] + rng.bytes(b - a) + data[b:]


def _splice(rng: Rng, data: bytes, other: bytes) -> bytes:
    return data[: int(rng.integers(1, len(data)))] + other[int(rng.integers(len(other))) :]


def _graft(rng: Rng, data: bytes, other: bytes) -> bytes:
    a, b = _span(rng, data)
    c, d = _span(rng, other)
    return data[:a] + other[c:d] + data[b:]


def _joined(rng: Rng, data: bytes, other: bytes) -> bytes:
    return data + other


def _garbage(rng: Rng, data: bytes, _: bytes) -> bytes:
    start = _MAGIC[int(rng.integers(len(_MAGIC)))] if rng.random() < 0.7 else b""
    return start + rng.bytes(int(10 ** rng.uniform(0, 5)))


def _extreme(rng: Rng) -> bytes:
    value, width = _EXTREME[int(rng.integers(len(_EXTREME)))], int(rng.choice([1, 2, 4, 8]))
    return (value & (256**width - 1)).to_bytes(width, "big" if rng.random() < 0.7 else "little")


def _put(data: bytes, at: int, words: bytes) -> bytes:
    return data[:at] + words + data[at + len(words) :]


def _header(times: int) -> Callable[[Rng, bytes, bytes], bytes]:
    """Numbers of a header set to extremes: beside one of the formats' own words."""

    def lie(rng: Rng, data: bytes, _: bytes) -> bytes:
        for _turn in range(times):
            for name in rng.permutation(len(_NAMES)):
                places = _places(data, _NAMES[name])
                if places:
                    place = places[int(rng.integers(len(places)))]
                    words = _extreme(rng)
                    data = _put(data, max(0, place + int(rng.integers(-8, 64))), words)
                    break
        return data

    return lie


def _places(data: bytes, name: bytes) -> list[int]:
    """Where a word stands in either end of a file."""
    found = []
    for low, high in ((0, HEAD), (max(HEAD, len(data) - 4 * HEAD), len(data))):
        at = data.find(name, low, high)
        while at >= 0 and len(found) < 64:
            found.append(at)
            at = data.find(name, at + 1, high)
    return found


def _anywhere(rng: Rng, data: bytes, _: bytes) -> bytes:
    for _turn in range(int(rng.integers(1, 9))):
        data = _put(data, int(rng.integers(len(data))), _extreme(rng))
    return data


def _twice(rng: Rng, data: bytes, other: bytes, ways: "Sequence[Callable[[Rng, bytes, bytes], bytes]]") -> bytes:
    for _turn in range(2):
        data = ways[int(rng.integers(len(ways)))](rng, data, other) or b"\0"
    return data


_TEXT_WAYS = (_flip(3, ""), _flip(30, ""), _cut, _delete, _insert, _repeat, _blank)
_WAYS: dict[str, Callable[[Rng, bytes, bytes], bytes]] = {
    "one byte flipped in the head": _flip(1, "head"),
    "ten bytes flipped in the head": _flip(10, "head"),
    "ten bytes flipped in the tail": _flip(10, "tail"),
    "one byte flipped": _flip(1, ""),
    "ten bytes flipped": _flip(10, ""),
    "a thousand bytes flipped": _flip(1000, ""),
    "cut off": _cut,
    "a part taken out": _delete,
    "a part put in": _insert,
    "a part repeated": _repeat,
    "a part blanked": _blank,
    "a part made noise": _noise,
    "spliced with another": _splice,
    "grafted from another": _graft,
    "another behind it": _joined,
    "garbage": _garbage,
    "a lie in the header": _header(1),
    "three lies in the header": _header(3),
    "ten lies in the header": _header(10),
    "extremes anywhere": _anywhere,
}


def _subtitles(rng: Rng) -> tuple[str, bytes]:
    cues = [(1000 * i, 1000 * i + 800, f"Line {i}: <i>said</i> {{\\an8}}&amp; heard") for i in range(60)]
    ending = ("srt", "vtt", "ass", "ttml")[int(rng.integers(4))]
    lines = {
        "srt": "".join(f"{i}\n{_clock(a, ',')} --> {_clock(b, ',')}\n{t}\n\n" for i, (a, b, t) in enumerate(cues)),
        "vtt": "WEBVTT\n\n" + "".join(f"{_clock(a, '.')} --> {_clock(b, '.')} line:0\n{t}\n\n" for a, b, t in cues),
        "ass": "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name\nStyle: Default\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        + "".join(
            f"Dialogue: 0,{_clock(a, '.')[1:-1]},{_clock(b, '.')[1:-1]},Default,,0,0,0,,{t}\n" for a, b, t in cues
        ),
        "ttml": '<tt xmlns="http://www.w3.org/ns/ttml"><body><div>'
        + "".join(f'<p begin="{a}ms" end="{b}ms">said {i}</p>' for i, (a, b, _) in enumerate(cues))
        + "</div></body></tt>",
    }[ending]
    return ending, lines.encode("utf-16" if rng.random() < 0.2 else "utf-8")


def _clock(ms: int, point: str) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _bomb(rng: Rng) -> tuple[str, bytes]:
    """(what it is, its suffix last; its bytes)"""
    line, mega = b"1\n00:00:01,000 --> 00:00:02,000\n", 1 << 20
    long = b"1\n00:00:00,000 --> 23:59:59,000\nfor a day %d\n\n"
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10))
    ttml = b'<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="1s" end="2s">%s</p></div></body></tt>'
    bombs = {
        "one endless cue srt": line + b"word " * (7 * mega // 5),
        "a file too large srt": line + b"\0" * (40 * mega),
        "many cues srt": b"".join(line + b"%d\n\n" % i for i in range(60_000)),
        "cues of a day srt": b"".join(long % i for i in range(30_000)),
        "braces srt": line + b"{" * mega,
        "drawings srt": line + b"{\\p1" * (mega // 4),
        "tags srt": line + b"<a" * (mega // 2),
        "entities ttml": b"<!DOCTYPE tt [<!ENTITY l0 'ha'>" + laughs + b"]>" + ttml % b"&l9;",
        "nested ttml": b'<tt xmlns="http://www.w3.org/ns/ttml">' + b"<div>" * 100_000,
        "zeros srt": bytes(mega),
        "noise srt": rng.bytes(mega),
        "times beyond all srt": b"1\n99999999:00:00,000 --> 999999999:59:59,999\nlate\n",
        "a name in digits vtt": b"WEBVTT\n\n" + b"9" * mega + b"\n00:01.000 --> 00:02.000\n&#" + b"9" * mega,
        "struct in text ass": b"[Script Info]\n[Events]\n" + struct.pack("<8Q", *[2**64 - 1] * 8) * 1000,
    }
    name = [*bombs][int(rng.integers(len(bombs)))]
    return name, bombs[name]
