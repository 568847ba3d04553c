"""`mediafm info`, `verify`, `optimize`, `shots`: a look into a catalog or a run, and upkeep."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (info, shots, verify, optimize):
        app.command(command.__name__)(command)


def info(
    run: Annotated[str, typer.Argument(help="A pretraining run or checkpoint: a folder, or a hub id.")] = "",
    catalog: Annotated[str, typer.Option("--catalog", "-c", help="A catalog, to look into instead of a run.")] = "",
    json: Json = False,
) -> None:
    """What a catalog holds, or what a pretraining run is and how it stands."""
    if bool(run) == bool(catalog):
        what = "a run and a catalog are both named" if run else "nothing is named"
        raise UsageError(f"info looks into one thing, and {what}.", "Write `info RUN` or `info --catalog C`.")
    if run:
        _run_info(run, json)
    else:
        _catalog_info(catalog, json)


def _run_info(run: str, json: bool) -> None:
    from mediafm.train.summary import describe_run, run_info

    document = run_info(run)
    if json:
        emit(document)
        return
    for label, line in describe_run(document):
        say(f"{label:12} {line}")


def _catalog_info(catalog: str, json: bool) -> None:
    from mediafm.catalog import Catalog

    opened = Catalog.open(catalog)
    document = opened.info()
    if json:
        emit(document)
        return
    for label, line in _catalog_lines(document):
        say(f"{label:16} {line}")
    for failure in opened.failures():
        say(f"failed: {failure.title_id}: {failure.reason}")


def _catalog_lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What `Catalog.info` tells, for people: labels and lines."""
    size = "" if found["disk_bytes"] is None else f", {found['disk_bytes'] / 1e6:,.1f} MB"
    yield found["uri"], ""
    yield "titles", f"{found['titles']:,} with {found['shots']:,} shots, {found['hours']:,.1f} hours{size}"
    if found["failed"]:
        yield "failed", f"{found['failed']:,}"
    yield "preset", f"{found['preset']}, shots by {found['detector']}"
    for modality, encoder in found["encoders"].items():
        licence = encoder["licence"] or "licence not stated"
        yield modality, f"{encoder['name']}, {found['modalities'][modality]} numbers, {licence}"
    yield "embedding sets", ", ".join(found["embedding_sets"]) or "none"
    for name, held in found["clip_sets"].items():
        yield "clip set", f"{name}: {held['clips']:,} clips, {held['dim']} wide, by {held['source']}"
    for kind, counts in found["languages"].items():
        heard = ", ".join(f"{language or 'not stated'} {count:,}" for language, count in counts.items())
        if heard:
            yield "sound in" if kind == "audio" else "words in", heard
    if found["live"]:
        yield "live", ", ".join(found["live"])
    if "re_encoding" in found:
        yield "re-encoding", _re_encoding(found["re_encoding"])


def shots(
    title: Annotated[str, typer.Argument(help="The title's id.")],
    catalog: CatalogOption,
    chapters: Annotated[
        Path | None, typer.Option(help="Write the title's chapters to this file (.vtt, .srt ...) as well.")
    ] = None,
    json: Json = False,
) -> None:
    """The shots that were found in one title, with their text; its tracks and its chapters."""
    from mediafm.catalog import Catalog

    opened = Catalog.open(catalog)
    record, found = opened.title_record(title), opened.shots(title)
    if chapters is not None:
        _write_chapters(chapters, record)
    if json:
        emit(
            {
                "title": title,
                "time_base": [record.time_base.numerator, record.time_base.denominator],
                "frames": record.frames,
                "live": record.live,
                "tracks": record.tracks,
                "chapters": record.chapters,
                "shots": [_shot_json(shot) for shot in found],
            }
        )
        return
    flags = ("video", "audio", "text")
    lost = any(s.lost_frames for s in found)
    rows = [
        (
            s.index,
            f"{s.start_s:.3f}",
            f"{s.end_s:.3f}",
            " ".join(m for m in flags if getattr(s, f"has_{m}")),
            *([s.lost_frames or ""] if lost else []),
            s.text[:70],
        )
        for s in found
    ]
    columns = ["shot", "start", "end", "has", *(["lost frames"] if lost else []), "text"]
    so_far = " so far (it is still being followed)" if record.live else ""
    table(f"{title}: {len(found)} shots, {record.frames} frames{so_far}", columns, rows)
    for kind, track in record.tracks.items():
        say(f"{kind}: {_track_line(track)}")
    for chapter in record.chapters:
        say(f"chapter {chapter['start_s']:.3f} to {chapter['end_s']:.3f} s: {chapter['title']}")


def _track_line(track: Any) -> str:
    where = track.get("file") or f"track {track['index']} ({track['codec']})"
    kinds = [kind for kind in ("forced", "commentary", "described") if track.get(kind)]
    return ", ".join([where, track["language"] or "language not told", *kinds])


def _write_chapters(path: Path, record: Any) -> None:
    """Chapters as a subtitle file, which is how the web has them too (WebVTT)."""
    from mediafm.media import write_subtitles
    from mediafm.types import Cue

    if not record.chapters:
        raise UsageError(f"Title {record.title_id!r} has no chapters.", "Leave --chapters out.")
    spans = [(round(c["start_s"] * 1000), round(c["end_s"] * 1000), c["title"]) for c in record.chapters]
    try:
        write_subtitles(path, [Cue(*span) for span in spans])
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error


def _shot_json(shot: Any) -> dict[str, Any]:
    fields = ("start_pts", "end_pts", "start_frame", "end_frame", "start_s", "end_s", "text", "lost_frames")
    flags = ("has_video", "has_audio", "has_text")
    cues = [
        {"start_ms": c.cue.start_ms, "end_ms": c.cue.end_ms, "share": c.share, "text": c.cue.text} for c in shot.cues
    ]
    return {"shot": shot.index, **{f: getattr(shot, f) for f in fields + flags}, "cues": cues}


def verify(catalog: CatalogOption, json: Json = False) -> None:
    """Check that everything stored is whole and consistent."""
    from mediafm.catalog import Catalog

    opened = Catalog.open(catalog)
    problems, litter, under_way = opened.verify(), opened.litter(), opened.re_encoding()
    if json:
        emit({"problems": problems, "litter": litter, **({"re_encoding": under_way} if under_way else {})})
    else:
        say("\n".join(problems) if problems else "clean")
        if under_way:
            say(f"note: a re-encoding {_re_encoding(under_way)}")
        for line in litter:
            say(f"note: {line}; no reader sees them, `mediafm optimize` deletes them")
    if problems:
        raise typer.Exit(1)


def _re_encoding(under_way: dict[str, Any]) -> str:
    changed = ", ".join(under_way["modalities"])
    return (
        f"of {changed} to preset {under_way['preset']!r} is under way: {under_way['titles_done']} of "
        f"{under_way['titles']} titles; until all are done the catalog is what it was (`mediafm reencode` goes on)"
    )


def optimize(
    catalog: CatalogOption,
    grace: Annotated[
        float, typer.Option(min=0, help="Minutes; what is younger is kept. 0 only while nothing else uses the catalog.")
    ] = 10.0,
    json: Json = False,
) -> None:
    """Merge the catalog's small files, drop its old versions and what killed commands left."""
    from datetime import timedelta

    from mediafm.catalog import Catalog

    opened = Catalog.open(catalog)
    before = opened.info()["disk_bytes"]
    done = opened.optimize(timedelta(minutes=grace))
    document = opened.info()
    if json:
        emit({**document, "disk_bytes_before": before, **asdict(done)})
        return
    say(f"{done.files_before} data files are {done.files_after} now; {done.versions_dropped} old versions dropped")
    if before is not None:
        say(f"{before / 1e6:.1f} MB on disk are {document['disk_bytes'] / 1e6:.1f} MB now")
