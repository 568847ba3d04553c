"""Making a catalog and finding out what one is, however many processes do so at once.

The table `meta` comes first: creating a table happens once, whoever else tries, so its content decides what the catalog
is. The other tables follow from it; where a process was killed before it made them all, the next one to open does.
"""

import json
import secrets

import pyarrow as pa

from mediafm.catalog.clock import now
from mediafm.catalog.records import CatalogSpec
from mediafm.catalog.store import Store, local_folder
from mediafm.catalog.tables import (
    CLIP_SETS,
    CLIP_SETS_SCHEMA,
    EMBEDDING_SETS,
    EMBEDDING_SETS_SCHEMA,
    FAILURES,
    FAILURES_SCHEMA,
    FEATURES,
    GENERATIONS_SCHEMA_VERSION,
    KEYFRAMES,
    KEYFRAMES_SCHEMA,
    META,
    META_SCHEMA,
    SCHEMA_VERSION,
    SHOTS,
    SHOTS_SCHEMA,
    TITLES,
    features_schema,
    titles_schema,
)
from mediafm.errors import CatalogError


def make(store: Store, spec: CatalogSpec) -> CatalogSpec:
    """Make an empty catalog of that spec and return its spec: another's if another process was first.

    CatalogError where other files are in the folder.
    """
    _refuse_foreign_folder(store)
    values = {
        "schema_version": json.dumps(SCHEMA_VERSION),
        "spec": spec.to_json(),
        "created_at": json.dumps(now()),
        "identity": json.dumps(secrets.token_hex(16)),
    }
    store.create_missing(META, META_SCHEMA, pa.table([list(values), list(values.values())], schema=META_SCHEMA))
    made = read_spec(store)
    complete(store, made, store.names())
    return made


def is_made(store: Store) -> bool:
    """Whether there is a catalog."""
    return META in store.names() and store.opens(META)


def open_spec(store: Store) -> CatalogSpec:
    """The spec of a catalog that is there, all its tables too; CatalogError where a newer mediafm made it."""
    spec = read_spec(store)
    names = store.names()
    if EMBEDDING_SETS not in names or not store.opens(EMBEDDING_SETS):  # the last one to be made
        complete(store, spec, names)
    return spec


def read_meta(store: Store) -> dict[str, str]:
    """The rows of the table `meta`: name -> JSON."""
    rows = store.scan(META)
    return dict(zip(rows["key"].to_pylist(), rows["value"].to_pylist(), strict=True))


def read_spec(store: Store) -> CatalogSpec:
    """What the table `meta` says, and turn the store to the tables that it names.

    CatalogError where it is damaged or of a newer mediafm.
    """
    meta = read_meta(store)
    try:
        version = int(json.loads(meta["schema_version"]))
        if version <= GENERATIONS_SCHEMA_VERSION:
            store.turn_to(json.loads(meta.get("generation", '""')))
            return CatalogSpec.from_json(meta["spec"])
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogError(
            f"The table meta of the catalog at {store.uri} is damaged: {error!r}.", "Ingest into a new catalog."
        ) from error
    raise CatalogError(
        f"The catalog at {store.uri} has schema version {version}; this mediafm reads up to "
        f"{GENERATIONS_SCHEMA_VERSION}.",
        "Update mediafm.",
    )


def _schemas(spec: CatalogSpec) -> dict[str, pa.Schema]:
    return {
        TITLES: titles_schema(spec),
        SHOTS: SHOTS_SCHEMA,
        FEATURES: features_schema(spec),
        KEYFRAMES: KEYFRAMES_SCHEMA,
        FAILURES: FAILURES_SCHEMA,
        CLIP_SETS: CLIP_SETS_SCHEMA,
        EMBEDDING_SETS: EMBEDDING_SETS_SCHEMA,  # the last: where it is, all are
    }


def complete(store: Store, spec: CatalogSpec, names: list[str]) -> None:
    """Make those tables of a catalog that are not among `names` or not whole."""
    for name, schema in _schemas(spec).items():
        if name not in names or not store.opens(name):
            store.create_missing(name, schema)


def _refuse_foreign_folder(store: Store) -> None:
    """Half-made tables of a killed `make` are ours; anything else is somebody's."""
    folder = local_folder(store.uri)
    names = (TITLES, SHOTS, FEATURES, KEYFRAMES, FAILURES, EMBEDDING_SETS, CLIP_SETS, META)
    ours = {f"{name}.lance" for name in names}
    if folder is not None and folder.exists() and not folder.is_dir():
        foreign = True
    else:
        # Lance keeps a list of tables of its own, and other processes look whether they may write.
        foreign = any(
            name not in ours and not name.startswith((".mediafm-", "__manifest")) for name in store.entries() or []
        )
    if foreign:
        raise CatalogError(
            f"{store.uri} is not an empty folder, so no catalog can be made there.", "Choose a new folder for it."
        )
