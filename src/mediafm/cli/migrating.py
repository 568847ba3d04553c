"""`mediafm migrate` and `mediafm search-across`: from one embedding set to another."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress

if TYPE_CHECKING:
    from mediafm.uses.map_judge import Kept
    from mediafm.uses.migrate import Migration

FromCatalog = Annotated[str, typer.Option(help="The catalog that OLD is in, if it is another.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("migrate")(migrate)
    app.command("search-across")(search_across)


def migrate(
    old: Annotated[str, typer.Argument(help="Embedding set, modality or `concat` to come from.")],
    new: Annotated[str, typer.Argument(help="The one to go to.")],
    catalog: CatalogOption,
    from_catalog: FromCatalog = "",
    sample: Annotated[int, typer.Option(min=0, help="Titles to learn from; 0: all but those held out.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder to save the map in.")] = None,
    apply: Annotated[str, typer.Option(help="Write OLD's vectors, mapped, as an embedding set of this name.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of the draw of titles.")] = 0,
    json: Json = False,
) -> None:
    """Learn the map from OLD's vectors to NEW's on a sample of titles, and tell what it keeps on others."""
    from dataclasses import replace

    from mediafm.catalog import Catalog
    from mediafm.uses.mapped_sets import apply_map
    from mediafm.uses.mapping import VectorMap
    from mediafm.uses.migrate import migrate as run

    opened = Catalog.open(catalog)
    source = Catalog.open(from_catalog) if from_catalog and not _same_place(from_catalog, catalog) else None
    with progress() as bar:
        result = run(opened, old, new, source, sample, seed, bar)
        if out is not None:
            measured = {name: held for name, held in result.as_json().items() if name not in ("kind", "setting")}
            facts = {**result.map.facts, "measured": measured}
            VectorMap(result.map.old, result.map.new, result.map.linear, result.map.bend, facts).save(out)
        if apply:
            apply_map(result.map, source or opened, old, apply, bar)
            result = replace(result, applied=apply)
    if json:
        emit(result.as_json() | {"out": str(out) if out else ""})
        return
    _show(result)
    if out is not None:
        say(f"The map is in {out}")
    if apply:
        say(f"{old} is written as the embedding set {apply}, marked as mapped; it may be compared with {new}")


def search_across(
    like: Annotated[str, typer.Argument(help="The example: TITLE@12.5-20, TITLE#shot or TITLE.")],
    catalog: CatalogOption,
    by: Annotated[str, typer.Option(help="Whose vectors the example has: an embedding set, modality or `concat`.")],
    features: Annotated[str, typer.Option(help="Whose vectors are searched.")],
    from_catalog: Annotated[str, typer.Option(help="The catalog of the example, if it is another.")] = "",
    map_folder: Annotated[Path | None, typer.Option("--map", help="A map that `mediafm migrate` saved.")] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="How many hits.")] = 10,
    json: Json = False,
) -> None:
    """Search one set's index with another set's vectors, through a map; without one, sets that differ are refused."""
    from mediafm.catalog import Catalog
    from mediafm.uses.across import search_across as run
    from mediafm.uses.mapping import VectorMap

    opened = Catalog.open(catalog)
    source = Catalog.open(from_catalog) if from_catalog and not _same_place(from_catalog, catalog) else None
    through = VectorMap.load(map_folder) if map_folder is not None else None
    hits = run(opened, features, like, by, source, through, k)
    if json:
        emit({"hits": [asdict(hit) for hit in hits]})
        return
    rows = [(h.title, h.shot, f"{h.start_s:.2f}", f"{h.end_s:.2f}", h.score) for h in hits]
    table("", ["title", "shot", "start", "end", "score"], rows)


def _same_place(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _show(result: "Migration") -> None:
    say(
        f"{result.old} -> {result.new}: {result.kind}"
        + (f" ({result.setting})" if result.setting not in ("", result.kind) else "")
        + f", learned from {result.sample} titles, judged by {result.queries} shots of {result.held_out} others "
        f"among {result.pool}"
    )
    rows = [
        (f"recall@{depth} kept", *_cells(kept), _at(result.unmapped, depth), _at(result.old_index, depth))
        for depth, kept in result.recall.items()
    ]  # fmt: skip
    rows.append(("cosine", *_cells(result.cosine), "", ""))
    table("", ["", "mapped", "low", "high", "unmapped", "old among old"], rows)
    table("", ["titles learned from", "recall kept"], [(str(n), kept.score) for n, kept in result.curve])
    say(f"{result.enough} titles were enough for 95 % of what the whole sample keeps")
    for note in result.notes:
        say(note)


def _at(kept: "dict[int, Kept] | None", depth: int) -> float | str:
    return "" if kept is None else kept[depth].score


def _cells(kept: "Kept") -> tuple[float | str, ...]:
    return kept.score, *("" if b is None else b for b in (kept.low, kept.high))
