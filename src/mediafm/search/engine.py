"""The two ways in: `search` with everything at hand, `search_catalogue` with the address of a catalog."""

from typing import TYPE_CHECKING, get_args

from mediafm.errors import CatalogError, UsageError
from mediafm.search.example import parse_example
from mediafm.search.likeness import search_like
from mediafm.search.ranking import Hit, Unit
from mediafm.search.words import TextEncoder, search_words

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

MOST_HITS = 10_000


def search(
    catalog: "Catalog",
    query: str | None = None,
    like: str | None = None,
    unit: Unit = "shot",
    k: int = 10,
    features: str | None = None,
    text_encoder: TextEncoder | None = None,
    text_fingerprint: str | None = None,
) -> list[Hit]:
    """The k best matches, best first; fewer where fewer match.

    query: words, matched by meaning only if `text_encoder` is given; its fingerprint, which must go with it, has to be
        that of the catalog's text encoder (MismatchError).
    like: "TITLE", "TITLE@12.5-20" (seconds or hh:mm:ss.mmm) or "TITLE#3" (shot); never found itself.
    unit: shots; clips, neighbours among the best shots joined; or titles, each as good as its best shot (with a whole
        title as example: as its own vector).
    features: what `like` compares: an embedding set, a modality or "concat" (the fused embedding). Default: the
        catalog's embedding set with context if it has just one, concat if it has none.
    Raises UsageError for a call that makes no sense, CatalogError for an empty catalog or one without timed text.
    """
    if (query is None) == (like is None):
        raise UsageError("A search takes either words or an example.", "Give one of the two.")
    if unit not in get_args(Unit):
        raise UsageError(f"Cannot search for {unit!r}.", f"Units are {', '.join(get_args(Unit))}.")
    if not 1 <= k <= MOST_HITS:
        raise UsageError(f"Cannot give {k} hits.", f"Ask for 1 to {MOST_HITS}.")
    if not catalog.title_ids():
        raise CatalogError("The catalog holds no titles.", "Fill it with `mediafm ingest` or `mediafm import`.")
    if like is not None:
        return search_like(catalog, parse_example(like, catalog.title_ids()), unit, k, features)
    if features not in (None, "text"):
        raise UsageError(
            f"Words are matched with timed text, not with {features!r}.",
            "Leave the features out, or search by example.",
        )
    return search_words(catalog, query or "", unit, k, text_encoder, text_fingerprint)


def search_catalogue(
    catalog: "Catalog | str",
    query: str = "",
    like: str = "",
    unit: Unit = "shot",
    k: int = 10,
    features: str = "",
    preset: str = "",
) -> list[Hit]:
    """`search` in a catalog or at its address, words encoded by the text encoder of a preset.

    preset: default is the one that made the catalog, `offline` for imported features. MismatchError where its encoder
    is not the catalog's; text vectors that were imported have none, so there words are matched as words alone.
    """
    from mediafm.catalog import Catalog

    opened = Catalog.open(catalog) if isinstance(catalog, str) else catalog
    encode, fingerprint = _query_encoder(opened, preset) if query else (None, None)
    return search(opened, query or None, like or None, unit, k, features or None, encode, fingerprint)


def _query_encoder(catalog: "Catalog", preset: str) -> tuple[TextEncoder | None, str | None]:
    from mediafm.encoders import TextEncoder as Encoder
    from mediafm.encoders import load_preset

    text = catalog.spec.encoders.get("text")
    if text is None or text.fingerprint.startswith("import:"):
        return None, None
    made_by = "offline" if catalog.spec.preset == "import" else catalog.spec.preset
    encoder = load_preset(preset or made_by, own_code=bool(preset)).encoder("text")
    return (encoder.encode_texts, encoder.fingerprint) if isinstance(encoder, Encoder) else (None, None)
