"""What the FFmpeg libraries that come with PyAV can decode."""

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError

# What films and sound files of today are made of.
VIDEO_CODECS = ("h264", "hevc", "vp9", "av1", "vp8", "mpeg2video", "mpeg4", "prores")
AUDIO_CODECS = ("aac", "mp3", "opus", "vorbis", "ac3", "eac3", "flac", "pcm_s16le")


def ffmpeg_libraries() -> dict[str, str]:
    """Library -> version."""
    return {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}


def decodable(names: tuple[str, ...]) -> dict[str, bool]:
    """Codec -> whether there is a decoder for it."""
    return {name: _has_decoder(name) for name in names}


def _has_decoder(name: str) -> bool:
    try:
        return Codec(name, "r").is_decoder
    except UnknownCodecError:
        return False
