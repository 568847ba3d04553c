"""`mediafm search`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.search import Hit, Query

Unit = Literal["shot", "clip", "title"]
_TEXT = 80  # characters of a hit's text that are shown


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("search")(search)


def search(
    catalog: CatalogOption,
    query: Annotated[str, typer.Argument(help="Words to look for.")] = "",
    words: Annotated[
        list[str] | None, typer.Option("--query", help="More words. Every query takes a weight: 'words^2', 'words^-1'.")
    ] = None,
    like: Annotated[list[str] | None, typer.Option(help="A span: TITLE@12.5-20, TITLE#shot or TITLE.")] = None,
    image: Annotated[list[str] | None, typer.Option(help="A picture file.")] = None,
    sound: Annotated[list[str] | None, typer.Option(help="A sound file, or a film for its sound.")] = None,
    unit: Annotated[Unit, typer.Option(help="What a hit is.")] = "shot",
    k: Annotated[int, typer.Option("-k", "--k", help="How many hits.")] = 10,
    features: Annotated[
        list[str] | None, typer.Option(help="Embedding set, modality or concat; several: a list each, and all merged.")
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="Of titles: genre=Drama, year>=1999, name~sea.")] = None,
    title: Annotated[list[str] | None, typer.Option(help="In these titles only; s01* is a pattern.")] = None,
    after: Annotated[str, typer.Option(help="Shots that begin no earlier than this time of their title.")] = "",
    before: Annotated[str, typer.Option(help="Shots that end no later.")] = "",
    through: Annotated[str, typer.Option(help="A run: also what it predicts where the words are spoken.")] = "",
    context: Annotated[str, typer.Option(help="Where --through is to think itself: TITLE@12-20.")] = "",
    keep_duplicates: Annotated[bool, typer.Option(help="Show near-duplicates as hits of their own.")] = False,
    explain: Annotated[bool, typer.Option(help="Say of each hit what brought it.")] = False,
    preset: Annotated[str, typer.Option(help="Preset whose encoders read the queries; default: the catalog's.")] = "",
    json: Json = False,
) -> None:
    """Search by words, by likeness to a shot, clip or title, by picture or sound, or by any mix of these."""
    from mediafm.catalog import Catalog
    from mediafm.search import Options, QueryEncoders, find, parse_time

    opened = Catalog.open(catalog)
    queries = _queries(opened, [*([query] if query else []), *(words or [])], like or [], image or [], sound or [])
    options = Options(
        where=where or (),
        titles=title or (),
        after=parse_time(after) if after else None,
        before=parse_time(before) if before else None,
        keep_duplicates=keep_duplicates,
        through=through,
        context=context,
        explain=explain,
    )
    named = [name for name in features or () if name]
    answer = find(opened, queries, unit, k, named, QueryEncoders(opened, preset), options)
    if json:
        emit(answer.as_json())
        return
    for name, hits in answer.lists.items():
        _show(f"by {name}", hits)
    _show("all of them merged" if answer.lists else "", answer.hits)
    for note in answer.notes:
        say(note)


def _queries(
    catalog: "Catalog", words: list[str], like: list[str], image: list[str], sound: list[str]
) -> "list[Query]":
    from mediafm.search import Image, Like, SoundFile, Words, split_weight

    titles = set(catalog.title_ids()) if any("^" in place for place in like) else set()
    return [
        *(Words(*split_weight(text)) for text in words),
        *(Like(*split_weight(text, titles.__contains__)) for text in like),
        *(Image(*split_weight(text, lambda t: Path(t).is_file())) for text in image),
        *(SoundFile(*split_weight(text, lambda t: Path(t).is_file())) for text in sound),
    ]


def _show(heading: str, hits: "list[Hit]") -> None:
    rows = [(h.title, f"{h.start_s:.2f}", f"{h.end_s:.2f}", f"{h.score:.3f}", _text(h)) for h in hits]
    table(heading, ["title", "start", "end", "score", "text"], rows)


def _text(hit: "Hit") -> str:
    lines = [hit.text[:_TEXT]] if hit.text else []
    lines += [f"also {d['title']} {d['start_s']:.2f}-{d['end_s']:.2f}" for d in hit.duplicates]
    lines += [_reason(one) for one in hit.why.get("rankings", ())]
    if found := hit.why.get("words"):
        lines.append(f"words: {', '.join(found)}")
    return "\n".join(lines)


def _reason(one: dict[str, Any]) -> str:
    """One line of why."""
    return f"{one['way']} ({one['features']}): {one['score']:.3f}, rank {one['rank']}"
