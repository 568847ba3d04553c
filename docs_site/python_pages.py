"""The pages of the Python API: which modules are public, and in what order they are shown. mkdocstrings fills them."""

from importlib.util import find_spec

PAGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "catalog": (
        "Catalogs",
        "Open, read and write a catalog; handles on clips and titles.",
        ("mediafm.catalog",),
    ),
    "ingest": (
        "Ingest and encoders",
        "Films into a catalog, other encoders for one, and encoders of your own.",
        ("mediafm.ingest", "mediafm.encoders", "mediafm.encoders.hosted", "mediafm.shots"),
    ),
    "train": (
        "Pretraining and embedding",
        "Recipes, Masked Shot Modeling, checkpoints, context embeddings.",
        (
            "mediafm.config",
            "mediafm.train",
            "mediafm.embed",
            "mediafm.model",
            "mediafm.fusion",
            "mediafm.train.seqclip",
        ),
    ),
    "probes": (
        "Probes",
        "What embeddings know of your labels, beside every control.",
        ("mediafm.probes", "mediafm.probes.saved", "mediafm.probes.tagging", "mediafm.probes.boundary_scores"),
    ),
    "search": (
        "Search and index",
        "By words, places, pictures and sounds; the vectors behind it.",
        ("mediafm.search", "mediafm.index"),
    ),
    "uses": (
        "Uses and export",
        "Chapters, clips, breaks, tags, recommendations, maps between embedding sets; other tools.",
        (
            "mediafm.uses.chapters",
            "mediafm.uses.promos",
            "mediafm.uses.breaks",
            "mediafm.uses.tagging",
            "mediafm.uses.recommend",
            "mediafm.uses.cold_start",
            "mediafm.uses.migrate",
            "mediafm.uses.across",
            "mediafm.export",
            "mediafm.client",
        ),
    ),
    "synthetic": (
        "Synthetic films",
        "Films and feature catalogues whose every answer is known.",
        ("mediafm.synthetic", "mediafm.synthetic.reels"),
    ),
    "errors": (
        "Errors and types",
        "What can be caught, and the plain types that everything speaks.",
        ("mediafm.errors", "mediafm.types", "mediafm.progress"),
    ),
}


def python_pages() -> dict[str, str]:
    """Address in the site -> Markdown."""
    return {f"reference/python/{key}.md": _page(*page) for key, page in PAGES.items()}


def _page(title: str, about: str, modules: tuple[str, ...]) -> str:
    parts = [f"# {title}", about]
    for module in filter(find_spec, modules):  # parts that an installation may lack are left out
        parts.append(
            f"## `{module}`\n\n::: {module}\n    options:\n      heading_level: 3\n      show_root_heading: false"
        )
    return "\n\n".join(parts) + "\n"
