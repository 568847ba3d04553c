"""`mediafm map`: all shots or titles on a plane, for the service's page."""

from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("map")(map_)


def map_(
    catalog: CatalogOption,
    features: Annotated[
        list[str] | None,
        typer.Option(help="Embedding set, modality or concat; default: concat and every embedding set."),
    ] = None,
    unit: Annotated[list[str] | None, typer.Option(help="What a point is: shot, title; default: both.")] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Draw it anew also where new points could be placed into the one there is.")
    ] = False,
    json: Json = False,
) -> None:
    """Draw maps: what is alike lies together. They are kept in the cache, and `mediafm serve` shows them."""
    from mediafm.catalog import Catalog
    from mediafm.maps import build_map
    from mediafm.maps.drawing import UNITS

    opened = Catalog.open(catalog)
    documents = []
    for name in features or ["concat", *(spec.name for spec in opened.embedding_sets())]:
        for one in unit or UNITS:
            with progress() as bar:
                documents.append(_told(build_map(opened, name, one, anew, bar)))  # type: ignore[arg-type]
            if not json:
                _show(documents[-1])
    if json:
        emit({"maps": documents})


def _told(drawn: Any) -> dict[str, Any]:
    facts = {name: value for name, value in drawn.facts.items() if name not in ("drawn_titles", "method")}
    about = {"features": drawn.name, "unit": drawn.unit, "points": len(drawn), "clusters": len(drawn.clusters)}
    return {**about, "fingerprint": drawn.fingerprint, **facts}


def _show(told: dict[str, Any]) -> None:
    since = f", {told['placed_since']} of them placed since" if told["placed_since"] else ""
    say(
        f"{told['features']}, {told['unit']}s: {told['points']} points{since} in {told['clusters']} clusters, drawn in "
        f"{told['seconds']:.1f} s; {told['neighbours_kept']:.0%} of nearest neighbours are neighbours on the map"
    )
