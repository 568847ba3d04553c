"""`mediafm recommend` and `mediafm cold-start`: new titles, placed by what they are."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress
from mediafm.errors import UsageError

Items = Annotated[Path | None, typer.Option(help="Table of item and title, where items are not title ids.")]
ItemColumn = Annotated[str, typer.Option(help="Column of the interactions that names the title.")]
MinRating = Annotated[
    float | None, typer.Option(help="Rating from which on a title counts as liked; default: 70 % of the highest.")
]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("recommend")(recommend)
    app.command("cold-start")(cold_start)


def recommend(
    catalog: CatalogOption,
    title: Annotated[str, typer.Argument(help="Title whose like is looked for.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Do it for every title.")] = False,
    user: Annotated[str, typer.Option(help="Instead: what this user of the interactions would like.")] = "",
    features: Annotated[str, typer.Option(help="Embedding set, modality, `concat` or `metadata` to compare by.")] = "",
    interactions: Annotated[Path | None, typer.Option(help="Table of user, item, rating: who liked what.")] = None,
    items: Items = None,
    item_column: ItemColumn = "",
    min_rating: MinRating = None,
    seen_too: Annotated[bool, typer.Option("--seen-too", help="With --user: also titles that others liked.")] = False,
    k: Annotated[int, typer.Option("-k", "--k", help="How many titles.")] = 10,
    json: Json = False,
) -> None:
    """Titles like a title, by content alone or as people's likes have taught; or new titles for a user."""
    from mediafm.catalog import Catalog
    from mediafm.uses.interactions import read_interactions
    from mediafm.uses.recommend import recommend as run
    from mediafm.uses.recommend import recommend_to_user

    if bool(title) + every + bool(user) != 1:
        raise UsageError("One of TITLE, --all and --user is needed.", "mediafm recommend TITLE --catalog C")
    if user and interactions is None:
        raise UsageError("--user needs --interactions.", "A user is known by what he liked.")
    if interactions is None and (items or item_column or min_rating is not None):
        raise UsageError("There are no --interactions that this could be about.", "Give the table as well.")
    opened = Catalog.open(catalog)
    liked = None
    if interactions is not None:
        liked = read_interactions(interactions, opened.title_ids(), items, item_column, min_rating)
    if user and liked is not None:
        found = recommend_to_user(opened, user, liked, features, k, only_new=not seen_too)
    else:
        found = run(opened, None if every else [title], features, k, liked)
    if json:
        emit({"hits": [asdict(hit) for hit in found], "notes": [] if liked is None else liked.notes})
        return
    heads = ["for", "title", "score", *(["new"] if liked is not None else [])]
    rows = [(h.of, h.title, h.score, *(["new" if h.new else ""] if liked is not None else [])) for h in found]
    table("", heads, rows)
    for note in [] if liked is None else liked.notes:
        say(note)


def cold_start(
    catalog: CatalogOption,
    interactions: Annotated[Path, typer.Option(help="Table of user, item, rating: who liked what.")],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    items: Items = None,
    item_column: ItemColumn = "",
    min_rating: MinRating = None,
    features: Annotated[list[str] | None, typer.Option(help="What to place by; default: all there is.")] = None,
    oracle: Annotated[
        Path | None, typer.Option(help="Table of user, item and scores known from elsewhere, told beside.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="How far down lists are looked at.")] = 10,
    folds: Annotated[int, typer.Option(help="Each title is new in one of them.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of folds and draws.")] = 0,
    json: Json = False,
) -> None:
    """Measure how well new titles are placed: content alone, with likes, beside genres, metadata and chance."""
    from mediafm.catalog import Catalog
    from mediafm.uses.cold_start import run_cold_start
    from mediafm.uses.cold_start_page import HEADS, cells, write_cold_start
    from mediafm.uses.interactions import read_interactions, read_oracles

    opened = Catalog.open(catalog)
    liked = read_interactions(interactions, opened.title_ids(), items, item_column, min_rating)
    known = read_oracles(oracle, liked) if oracle is not None else None
    with progress() as bar:
        result = run_cold_start(opened, liked, features or (), k, folds, seed, known, bar)
    page = write_cold_start(result, out)
    if json:
        emit(result.as_json())
        return
    shown = [0, 1, 2, 3, 5]  # a terminal is narrow: the page has the rest
    table("", [HEADS[i] for i in shown], [[cells(row)[i] for i in shown] for row in result.rows])
    for note in result.notes:
        say(note)
    say(f"{page} has what is gained, with intervals")
