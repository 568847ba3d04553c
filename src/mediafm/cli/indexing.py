"""`mediafm index`: the vectors that searches go over, written beforehand."""

import time
from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("index")(index)


def index(
    catalog: CatalogOption,
    features: Annotated[
        list[str] | None,
        typer.Option(help="Embedding set, modality or concat; default: every embedding set, or concat."),
    ] = None,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Lists with a stated recall also for fewer than a million shots.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the vectors that searches go over into the cache, which the first search would do otherwise."""
    from mediafm.catalog import Catalog

    opened = Catalog.open(catalog)
    names = features or [spec.name for spec in opened.embedding_sets()] or ["concat"]
    documents = []
    for name in names:
        with progress() as bar:
            documents.append(_built(opened, name, approximate, bar))
        if not json:
            _show(documents[-1])
    if json:
        emit({"indexes": documents})


def _built(catalog: Any, name: str, approximate: bool, bar: Any) -> dict[str, Any]:
    from mediafm.index import open_index

    began = time.monotonic()
    made = open_index(catalog, name, bar, approximate=approximate or None)
    facts = made.lists.facts if made.lists else None
    return {
        "features": name,
        "titles": len(made.titles),
        "rows": len(made),
        "dim": made.dim,
        "bytes": made.nbytes,
        "seconds": time.monotonic() - began,
        "fingerprint": made.fingerprint,
        "exact": facts is None,
        **(
            {"lists": len(facts.starts) - 1, "probes": facts.probes, "recall": facts.recall, "lists_s": facts.seconds}
            if facts
            else {}
        ),
    }


def _show(told: dict[str, Any]) -> None:
    say(
        f"{told['features']}: {told['rows']} shots of {told['titles']} titles, {told['dim']} numbers each, "
        f"{told['bytes'] / 1e6:.1f} MB in {told['seconds']:.1f} s; "
        + (
            "searched exactly"
            if told["exact"]
            else f"{told['probes']} of {told['lists']} lists are looked through, recall@10 {told['recall']:.3f}"
        )
    )
