"""Generations: a catalog's tables of titles once more, made by other encoders, while the first ones stay in use.

A catalog that is re-encoded gets a second set of its tables beside the first: `features-1a2b3c4d` beside `features`.
Titles are written there one by one, by the same commit rule, and nobody reads them. When all are there, one change of
one row of `meta` makes the second set the catalog: readers see all old vectors or all new ones, never some of each. The
old tables go with `optimize`, after its grace. Clip sets are of films, not of encoders: they are shared.

What `meta` says: `generation` (absent: the first), `target` (the generation under way and its spec), `retired` (the
generation before, and since when).
"""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from mediafm.catalog.making import complete, read_meta
from mediafm.catalog.records import CatalogSpec
from mediafm.catalog.store import Store
from mediafm.catalog.tables import GENERATIONS_SCHEMA_VERSION, META, META_SCHEMA
from mediafm.errors import CatalogError, MismatchError


@dataclass(frozen=True, slots=True)
class Target:
    """A re-encoding under way: the tables it fills, and what they are made by."""

    generation: str
    spec: CatalogSpec


def target_of(store: Store) -> Target | None:
    """The re-encoding that is under way, if one is."""
    found = json.loads(read_meta(store).get("target", "null"))
    return None if found is None else Target(found["generation"], CatalogSpec.from_json(json.dumps(found["spec"])))


def begin(store: Store, spec: CatalogSpec) -> Target:
    """Make the tables of a re-encoding, or find those that an earlier run of the same has begun.

    MismatchError where another one is under way. Two processes that begin the same one at once share it.
    """
    under_way = target_of(store)
    if under_way is None:
        name = hashlib.sha256(f"{store.generation}\n{spec.to_json()}".encode()).hexdigest()[:8]
        value = {"generation": name, "spec": json.loads(spec.to_json())}
        _put(store, target=json.dumps(value))
        under_way = target_of(store)
    if under_way is None or under_way.spec.differences(spec):
        asked = f"to preset {under_way.spec.preset!r} " if under_way else ""
        raise MismatchError(
            f"Another re-encoding {asked}of the catalog {store.uri} is under way.",
            "Finish it with the command it was begun with, or give it up with `mediafm reencode --abandon`.",
        )
    new = Store(store.uri, under_way.generation)
    complete(new, under_way.spec, new.names())
    return under_way


def abandon(store: Store) -> bool:
    """Give up the re-encoding under way and drop what it has made; whether there was one."""
    under_way = target_of(store)
    if under_way is None:
        return False
    _put(store, target="null")
    _drop(store, under_way.generation)
    return True


def switch(store: Store, target: Target) -> None:
    """Make the target the catalog, in one step; nothing happens where another process has.

    CatalogError where it was given up or replaced meanwhile.
    """
    if json.loads(read_meta(store).get("generation", '""')) == target.generation:
        return
    if target_of(store) != target:
        raise CatalogError(
            f"The re-encoding of {store.uri} was given up or replaced by another process.", "Run the command again."
        )
    _put(
        store,
        schema_version=json.dumps(GENERATIONS_SCHEMA_VERSION),
        spec=target.spec.to_json(),
        generation=json.dumps(target.generation),
        target="null",
        retired=json.dumps({"generation": store.generation, "at": time.time()}),
    )


def require_live(store: Store) -> None:
    """CatalogError unless these tables are the catalog's, or those of the re-encoding under way.

    Asked after a commit: whoever switches looks for such late commits after switching, so none is lost silently.
    """
    meta = read_meta(store)
    now = json.loads(meta.get("generation", '""'))
    target = json.loads(meta.get("target", "null"))
    if store.generation not in (now, (target or {}).get("generation")):
        raise CatalogError(
            f"The catalog {store.uri} was re-encoded while this command wrote to it, or its re-encoding given up.",
            f"Run it again; the catalog's preset is {json.loads(meta['spec'])['preset']!r} now.",
        )


def drop_retired(store: Store, grace: timedelta) -> None:
    """Drop the tables of generations that are neither the catalog's nor under way, once nobody can be reading them."""
    meta = read_meta(store)
    retired = json.loads(meta.get("retired", "null"))
    if retired is None or time.time() - retired["at"] < grace.total_seconds():
        return
    target = target_of(store)
    for generation in store.generations() - {store.generation, target.generation if target else store.generation}:
        _drop(store, generation)
    _put(store, retired="null")


def _drop(store: Store, generation: str) -> None:
    old = Store(store.uri, generation)
    for name in old.own_names():
        old.drop(name)


def _put(store: Store, **values: str) -> None:
    store.upsert(META, pa.table([list(values), list(values.values())], schema=META_SCHEMA), "key")
