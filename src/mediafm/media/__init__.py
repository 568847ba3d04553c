"""Films and sound files in, pictures, mono sound and cleaned timed text out, on one exact clock; and the way back.

The only home of PyAV and pysubs2. A title is decoded once, front to back: `open_title`.
"""

from mediafm.media.alignment import cues_by_shot
from mediafm.media.cleaning import clean_text
from mediafm.media.clips import ClipWriter
from mediafm.media.cuefiles import CueFile, cues_as_text, read_cue_file, write_subtitles
from mediafm.media.finding import MEDIA_SUFFIXES, RemoteFilm, find_films
from mediafm.media.growing import Following, GrowingFile
from mediafm.media.info import AudioTrack, Chapter, MediaInfo, TextTrack, VideoTrack
from mediafm.media.language import Languages
from mediafm.media.metadata import load_metadata
from mediafm.media.nfo import metadata_beside, read_nfo
from mediafm.media.picture import Picture, Scaling
from mediafm.media.reader import Only, TitleReader, open_title, probe
from mediafm.media.sampling import FrameSampler, SoundCutter
from mediafm.media.segments import Segments
from mediafm.media.sound import Sound
from mediafm.media.stills import read_still
from mediafm.media.subtitles import Sidecar, choose_text, find_sidecars, load_cues, read_text
from mediafm.media.writing import FilmOptions, write_film

__all__ = [
    "MEDIA_SUFFIXES",
    "AudioTrack",
    "Chapter",
    "ClipWriter",
    "CueFile",
    "FilmOptions",
    "Following",
    "FrameSampler",
    "GrowingFile",
    "Languages",
    "MediaInfo",
    "Only",
    "Picture",
    "RemoteFilm",
    "Scaling",
    "Segments",
    "Sidecar",
    "Sound",
    "SoundCutter",
    "TextTrack",
    "TitleReader",
    "VideoTrack",
    "choose_text",
    "clean_text",
    "cues_as_text",
    "cues_by_shot",
    "find_films",
    "find_sidecars",
    "load_cues",
    "load_metadata",
    "metadata_beside",
    "open_title",
    "probe",
    "read_cue_file",
    "read_nfo",
    "read_still",
    "read_text",
    "write_film",
    "write_subtitles",
]
