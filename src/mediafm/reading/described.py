"""What a title's record says of its tracks and chapters, as JSON values."""

from collections.abc import Mapping
from typing import Any

from mediafm.media import Sidecar, TextTrack, TitleReader


def tracks_of(reader: TitleReader, text: Sidecar | TextTrack | None) -> dict[str, dict[str, Any]]:
    """The track of sound and the timed text that are read, where there are any, by `audio` and `text`.

    Sound: its stream's index, codec, language ("" where the file does not say) and name, whether it is a commentary and
    whether it is described for those who cannot see. Text: the same, or the name of its file; whether it is forced
    (foreign speech only), and described for the hard of hearing.
    """
    found: dict[str, dict[str, Any]] = {}
    for track in reader.info.audio:
        if track.index == reader.audio_index:
            found["audio"] = {"index": track.index, "codec": track.codec, "name": track.title, **_kind(track)}
    if isinstance(text, TextTrack):
        found["text"] = {"index": text.index, "codec": text.codec, "name": text.title, "forced": text.forced}
    elif text is not None:
        found["text"] = {"file": text.path.name, "forced": text.forced}
    if text is not None:
        found["text"] |= _kind(text)
    return found


def chapters_of(reader: TitleReader) -> list[dict[str, Any]]:
    """The chapters: name, times in ticks of the title's time base (the nearest ones) and in seconds."""

    def chapter(name: str, **times: Any) -> Mapping[str, Any]:
        ticks = {f"{edge}_pts": round(time / reader.time_base) for edge, time in times.items()}
        return {"title": name, **ticks, **{f"{edge}_s": float(time) for edge, time in times.items()}}

    return [dict(chapter(c.title, start=c.start, end=c.end)) for c in reader.info.chapters]


def _kind(source: Any) -> dict[str, Any]:
    return {"language": source.language, "commentary": source.commentary, "described": source.described}
